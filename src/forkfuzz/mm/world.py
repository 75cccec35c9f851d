"""The whole state of a run: frames, address spaces, CPUs, references."""

from __future__ import annotations

from forkfuzz.engine import Access, writes
from forkfuzz.errors import RefusedError
from forkfuzz.rules import Rules

from .cpu import Cpu
from .folio import ZERO_PFN, Folio, Pin
from .mm_types import MmStruct
from .watch import Watch

FRAMES = 4096
"""More frames than this in one run is refused."""


class World:
    """Everything that the tasks of a run share.

    Args:
        pages: Names of the virtual pages, by vpn.
        words: Words of each page, by vpn. A word is 8 bytes; how many of the 512 of
            a real page a program names.
        rules: Which guards are in force.
        watch: Who is told of what happens.
        hw_dirty_lax: Whether setting D in a cached entry re-checks only P, as some
            processors do, instead of P, W and the frame.

    Attributes:
        frames: Folio by pfn; 0 is the zero page.
        mms: Address spaces, the first one first.
        cpus: By number.
        pins: References given out by GUP, in order.
        fail_sites: Allocation sites that fail, each once.
        stores: (task name, value) of every store begun, by its identity.
    """

    allocator: Access = writes("allocator")

    def __init__(
        self,
        pages: tuple[str, ...],
        words: tuple[int, ...],
        rules: Rules,
        watch: Watch,
        *,
        hw_dirty_lax: bool = False,
    ) -> None:
        self.pages = pages
        self.words = words
        self.rules = rules
        self.watch = watch
        self.hw_dirty_lax = hw_dirty_lax
        self._frame_words = max(words, default=1)
        self._free: list[int] = []
        zero = Folio(ZERO_PFN, self._frame_words)
        zero.free = False
        self.frames: list[Folio] = [zero]
        self.mms: list[MmStruct] = []
        self.cpus: list[Cpu] = []
        self.pins: list[Pin] = []
        self.fail_sites: list[str] = []
        self.stores: dict[int, tuple[str, int]] = {0: ("", 0)}

    def alloc_folio(self, *, anon: bool) -> Folio:
        """Hand out a cleared frame with one reference; the last one freed goes first.

        Raises:
            RefusedError: When the run has used up all frames.
        """
        if self._free:
            folio = self.frames[self._free.pop()]
            folio.words[:] = [0] * self._frame_words
        elif len(self.frames) < FRAMES:
            folio = Folio(len(self.frames), self._frame_words)
            self.frames.append(folio)
        else:
            msg = f"the run needs more than {FRAMES} frames"
            raise RefusedError(msg)
        folio.refcount = 1
        folio.mapcount = 0
        folio.anon = anon
        folio.anon_exclusive = False
        folio.free = False
        self.watch.allocated(folio)
        return folio

    def put_refs(self, folio: Folio, count: int = 1) -> None:
        """Drop *count* references; the last one frees the folio."""
        folio.refcount -= count
        if not folio.refcount and not folio.free:
            folio.free = True
            folio.anon_exclusive = False
            self._free.append(folio.pfn)
            self.watch.freed(folio)

    def set_exclusive(self, folio: Folio, *, exclusive: bool) -> None:
        """Set or clear PageAnonExclusive."""
        if folio.anon_exclusive != exclusive:
            folio.anon_exclusive = exclusive
            self.watch.exclusive_changed(folio)

    def add_mapping(self, folio: Folio, count: int) -> None:
        """Change the mapcount by *count*; the reference is the caller's business."""
        folio.mapcount += count
        self.watch.rmap_changed(folio)

    def fails(self, site: str) -> bool:
        """Return whether an allocation at *site* is to fail; it does so once."""
        if site in self.fail_sites:
            self.fail_sites.remove(site)
            return True
        return False
