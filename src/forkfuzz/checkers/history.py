"""What the parent's memory held at every moment, reconstructed when it matters.

During a run only a log is kept. When the child's image turns out to differ from the
parent's, the log is played back to find out which image, if any, the child has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import attrs

from forkfuzz.mm.pgtable import PAGE_PRESENT, PFN_SHIFT, PTE_MARKER_GUARD, PTE_SWAP
from forkfuzz.mm.world import World

Location = tuple[int, int]
"""(vpn, index of the word)."""


class Write(NamedTuple):
    """A word of a frame has got a new value."""

    step: int
    task: str
    pfn: int
    word: int
    store: int


class Entry(NamedTuple):
    """An entry of the parent's page table has changed."""

    step: int
    task: str
    vpn: int
    pte: int


Event = Write | Entry


@attrs.frozen(slots=True)
class Span:
    """A stretch of log positions during which a word kept its value.

    Attributes:
        start: Position from which on it held ``store``.
        end: Position of the event that changed it, or None if it still holds it.
    """

    start: int
    end: int | None
    store: int


class ParentHistory:
    """The log of one mm, and the images that it implies.

    Args:
        guard: What a guard region reads as.
    """

    def __init__(self, world: World, entries: Sequence[int], guard: int) -> None:
        self.events: list[Event] = []
        self._guard = guard
        self._first_frames = [list(folio.words) for folio in world.frames]
        self._first_entries = list(entries)

    def spans(
        self, locations: list[Location], until: int
    ) -> dict[Location, list[Span]]:
        """Return the values of each word, in order, up to a log position."""
        frames = {pfn: list(words) for pfn, words in enumerate(self._first_frames)}
        entries = list(self._first_entries)
        width = max(map(len, self._first_frames))

        def read(location: Location) -> int:
            pte = entries[location[0]]
            if pte & (PAGE_PRESENT | PTE_SWAP):
                return frames[pte >> PFN_SHIFT][location[1]]
            return self._guard if pte & PTE_MARKER_GUARD else 0

        open_spans = {location: (0, read(location)) for location in locations}
        spans: dict[Location, list[Span]] = {location: [] for location in locations}
        for position, event in enumerate(self.events[:until], 1):
            if isinstance(event, Entry):
                entries[event.vpn] = event.pte
            else:
                words = frames.setdefault(event.pfn, [0] * width)
                words[event.word] = event.store
            for location in locations:
                start, store = open_spans[location]
                now = read(location)
                if now != store:
                    spans[location].append(Span(start, position, store))
                    open_spans[location] = (position, now)
        for location, (start, store) in open_spans.items():
            spans[location].append(Span(start, None, store))
        return spans
