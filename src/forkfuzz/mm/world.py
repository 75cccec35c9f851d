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
        lazy_tlb: Whether fills and evictions are decided when they matter; see
            `forkfuzz.mm.lazy_tlb`.
        tlb_evictions: Whether a cached translation may go without a flush.

    Attributes:
        frames: Folio by pfn; 0 is the zero page.
        mms: Address spaces, the first one first.
        cpus: By number.
        pins: References given out by GUP, in order.
        fail_sites: Allocation sites that fail, each once.
        free_frames: Frames that were used before, the last one freed last.
        pcp: Free frames that are set aside for one CPU, by its number.
        first_frames: Frame that each page led to at the start, by vpn.
        stores: (task name, value) of every store begun, by its identity.
        forks: How many forks the program has, if that is known.
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
        lazy_tlb: bool = False,
        tlb_evictions: bool = True,
    ) -> None:
        self.pages = pages
        self.words = words
        self.rules = rules
        self.watch = watch
        self.hw_dirty_lax = hw_dirty_lax
        self.lazy_tlb = lazy_tlb
        self.tlb_evictions = tlb_evictions
        self._frame_words = max(words, default=1)
        self.free_frames: list[int] = []
        self.pcp: dict[int, tuple[int, ...]] = {}
        self._pcp_of: dict[int, int] = {}
        zero = Folio(ZERO_PFN, self._frame_words)
        zero.free = False
        self.frames: list[Folio] = [zero]
        self.mms: list[MmStruct] = []
        self.cpus: list[Cpu] = []
        self.pins: list[Pin] = []
        self.fail_sites: list[str] = []
        self.first_frames: tuple[int, ...] = (ZERO_PFN,) * len(pages)
        self.stores: dict[int, tuple[str, int]] = {0: ("", 0)}
        self.forks: int | None = None

    def fill_pcp(self, cpu: Cpu, count: int) -> None:
        """Set frames aside for allocations on one CPU, as Linux does.

        Which frame an allocation gets does then not depend on what other CPUs do.
        """
        first = len(self.frames)
        self.frames.extend(
            Folio(first + number, self._frame_words) for number in range(count)
        )
        self.pcp[cpu.id] = tuple(range(first, first + count))
        self._pcp_of.update(dict.fromkeys(self.pcp[cpu.id], cpu.id))

    def _take_frame(self, cpu: Cpu | None) -> Folio:
        mine = self.pcp.get(cpu.id, ()) if cpu is not None else ()
        if mine and cpu is not None:
            self.pcp[cpu.id] = mine[:-1]
            return self.frames[mine[-1]]
        if self.free_frames:
            return self.frames[self.free_frames.pop()]
        if len(self.frames) < FRAMES:
            self.frames.append(Folio(len(self.frames), self._frame_words))
            return self.frames[-1]
        msg = f"the run needs more than {FRAMES} frames"
        raise RefusedError(msg)

    def alloc_folio(self, *, anon: bool, cpu: Cpu | None = None) -> Folio:
        """Hand out a cleared frame with one reference; the last one freed goes first.

        Args:
            anon: Whether it is for anonymous memory.
            cpu: On which CPU the allocation is made.

        Raises:
            RefusedError: When the run has used up all frames.
        """
        folio = self._take_frame(cpu)
        folio.words[:] = [0] * self._frame_words
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
            owner = self._pcp_of.get(folio.pfn)
            if owner is None:
                self.free_frames.append(folio.pfn)
            else:
                self.pcp[owner] = (*self.pcp[owner], folio.pfn)
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
