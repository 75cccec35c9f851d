"""What the parent's memory held at every moment, reconstructed when it matters.

During a run only a log is kept. When the child's image turns out to differ from the
parent's, the log is played back to find out which image, if any, the child has.
"""

from __future__ import annotations

import bisect
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import attrs

from forkfuzz.mm.pgtable import PFN_SHIFT, PTE_HAS_FRAME, PTE_MARKER_GUARD
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


@attrs.define(eq=False, slots=True)
class _Digest:
    """The changes of memory, as its page table shows it, in a log.

    Attributes:
        frames: Words by pfn, as of the last event taken.
        entries: The page table, likewise.
        changes: (task, what each word that changed holds now) of each event that
            changed something, or of a store's first, unseen effect.
        positions: Log position of each of them.
        taken: How many events were taken.
        seen: Stores that are in *changes*.
    """

    frames: dict[int, list[int]]
    entries: list[int]
    changes: list[Hashable] = attrs.Factory(list)
    positions: list[int] = attrs.Factory(list)
    taken: int = 0
    seen: set[int] = attrs.Factory(set)

    def take(self, events: Sequence[Event]) -> None:
        """Bring the digest up to date with a log."""
        for event in events[self.taken :]:
            self.taken += 1
            if isinstance(event, Entry):
                changed = self._set_entry(event.vpn, event.pte)
            else:
                changed = self._write(event.pfn, event.word, event.store)
            if changed:
                self.changes.append((event.task, *changed))
                self.positions.append(self.taken)

    def _set_entry(self, vpn: int, pte: int) -> list[Hashable]:
        old, self.entries[vpn] = self.entries[vpn], pte
        before, after = self._behind(old), self._behind(pte)
        if before == after:
            return []
        self.seen.update(after)
        return [(vpn, after)]

    def _behind(self, pte: int) -> tuple[int, ...]:
        if pte & PTE_HAS_FRAME:
            return tuple(self.frames.get(pte >> PFN_SHIFT, ()))
        return (pte & PTE_MARKER_GUARD,)

    def _write(self, pfn: int, word: int, store: int) -> list[Hashable]:
        words = self.frames.setdefault(pfn, [0] * max(map(len, self.frames.values())))
        old, words[word] = words[word], store
        if old == store:
            return []
        changed: list[Hashable] = [
            (vpn, word, store)
            for vpn, pte in enumerate(self.entries)
            if pte & PTE_HAS_FRAME and pte >> PFN_SHIFT == pfn
        ]
        if not changed and store not in self.seen and store:
            changed = [("unseen", store)]
        self.seen.add(store)
        return changed


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
        self._digest: _Digest | None = None

    def digest(self) -> Hashable:
        """Return what the memory went through, without what left no trace in it.

        Two logs with the same digest have the same spans, but for their positions,
        in the same order.
        """
        return tuple(self._digested().changes)

    def moments(self) -> int:
        """Return how many changes the digest has."""
        return len(self._digested().changes)

    def digest_length(self, position: int) -> int:
        """Return how much of the digest a log position lies behind."""
        return bisect.bisect_right(self._digested().positions, position)

    def _digested(self) -> _Digest:
        if self._digest is None:
            frames = {pfn: list(words) for pfn, words in enumerate(self._first_frames)}
            self._digest = _Digest(frames, list(self._first_entries))
        self._digest.take(self.events)
        return self._digest

    def spans(
        self, locations: list[Location], until: int
    ) -> dict[Location, list[Span]]:
        """Return the values of each word, in order, up to a log position."""
        frames = {pfn: list(words) for pfn, words in enumerate(self._first_frames)}
        entries = list(self._first_entries)
        width = max(map(len, self._first_frames))

        def read(location: Location) -> int:
            pte = entries[location[0]]
            if pte & PTE_HAS_FRAME:
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
