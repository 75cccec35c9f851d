"""Feedback ``state``: in which abstract states things happen.

These are stores, changes of page tables and pins; the state is how far fork is, what
parent and child map the page to, and what the TLBs still allow.

Threads are not told apart, nor pages beyond whether they share a state, so that runs
which differ only by symmetry count as one.
"""

from __future__ import annotations

from mmap import mmap

from forkfuzz.engine import Machine
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import Folio, Pin
from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.mm.pgtable import PAGE_PRESENT, PAGE_RW, PFN_SHIFT
from forkfuzz.mm.watch import Watcher
from forkfuzz.mm.world import World

from .marks import Marks, number


class StateCoverage(Watcher):
    """Marks abstract states."""

    def __init__(self, buffer: bytearray | mmap) -> None:
        self._mark = Marks(buffer, "state").mark
        self._last: dict[int, int] = {}

    def start(self, world: World, machine: Machine) -> None:
        """Look at the run before its first step."""
        self._world = world
        self._tasks = [task for task in machine.tasks if not task.daemon]
        self._machine = machine

    def _page(self, vpn: int) -> int:
        """Return the state of a page: entries, frames, marks, TLBs, fork's phase."""
        mms = self._world.mms
        parent = mms[0]
        pte = parent.page_table.entries[vpn]
        folio = self._world.frames[pte >> PFN_SHIFT]
        state = pte & (PAGE_PRESENT | PAGE_RW)
        state |= folio.anon_exclusive << 2 | (folio.refcount > 1) << 3
        state |= (parent.mm_lock_seq & 1) << 4 | (parent.write_protect_seq & 1) << 5
        for mm in mms[1:]:
            theirs = mm.page_table.entries[vpn]
            same = theirs >> PFN_SHIFT == pte >> PFN_SHIFT
            state = state << 3 | bool(theirs) << 2 | same << 1 | mm.cut
        for cpu in self._world.cpus:
            if cpu.tlb.get(vpn, 0) & PAGE_RW:
                state += 1 << 24
        return state

    def stored(
        self, cpu: Cpu, mm: MmStruct, vpn: int, index: int, pfn: int, store: int
    ) -> None:
        """Mark the page's state, together with that of the thread's store before."""
        state = self._page(vpn) << 1 | bool(mm.parent)
        before = self._last.get(cpu.id, 0)
        self._last[cpu.id] = state
        self._mark(1, state * 131 + before)

    def device_stored(self, pin: Pin, index: int, store: int) -> None:
        """Mark the page's state."""
        self._mark(2, self._page(pin.vpn))

    def pte_set(self, mm: MmStruct, vpn: int, old: int, new: int) -> None:
        """Mark the page's state and the step that changed the entry."""
        task = self._machine.current
        label = number(task.label) if task else 0
        self._mark(3, self._page(vpn) ^ label << 32)

    def word_copied(self, source: Folio, target: Folio, index: int, store: int) -> None:
        """Mark what the other threads are about to do while a page is copied."""
        state = index
        for task in self._tasks:
            if not task.done and task is not self._machine.current:
                state = state * 31 + number(task.label)
        self._mark(4, state)

    def exclusive_changed(self, folio: Folio) -> None:
        """Mark the counts of a page that gains or loses its mark."""
        state = folio.anon_exclusive << 2 | min(folio.mapcount, 3)
        self._mark(5, state << 1 | (folio.refcount > folio.mapcount))

    def pinned(self, pin: Pin) -> None:
        """Mark the page's state."""
        self._mark(6, self._page(pin.vpn) << 1 | pin.pinned)

    def fork_cut(self, oldmm: MmStruct, mm: MmStruct) -> None:
        """Mark where every other thread stands at the cut."""
        state = 0
        for task in self._tasks:
            state = state * 31 + number("" if task.done else task.label)
        self._mark(7, state)
