"""pte.writable-shared, page.exclusive-shared, child.pte-flags, page.refcount."""

from __future__ import annotations

from collections.abc import Hashable

from forkfuzz.engine import Machine
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import GUP_PIN_COUNTING_BIAS, ZERO_PFN, Folio
from forkfuzz.mm.locks import Lock
from forkfuzz.mm.mm_types import VM_SHARED, MmStruct
from forkfuzz.mm.pgtable import (
    NONE,
    PAGE_ACCESSED,
    PAGE_DIRTY,
    PAGE_PRESENT,
    PAGE_PROTNONE,
    PAGE_RW,
    PAGE_SAVED_DIRTY,
    PFN_SHIFT,
    PTE_HAS_FRAME,
    PTE_SWAP,
    PTE_SWP_EXCLUSIVE,
    pte_present,
)
from forkfuzz.mm.world import World

from .checker import Checker
from .entries import Where
from .violation import Severity


class ExclusiveChecker(Checker):
    """Holds entries and exclusive marks together (I2, I3, I16).

    Fork takes the mark away before it takes W. That is in order as long as nobody else
    can look: until the page-table lock is dropped.
    """

    def start(self, world: World, machine: Machine) -> None:
        """Take over the entries that there are before the first step."""
        super().start(world, machine)
        self._writable: dict[Where, int] = {
            (mm.name, vpn): pte >> PFN_SHIFT
            for mm in world.mms
            for vpn, pte in enumerate(mm.page_table.entries)
            if pte & PAGE_RW
        }
        self._unmarked: set[Where] = set()

    def state(self) -> Hashable:
        """Return the entries with W whose page has lost its mark."""
        return tuple(sorted(self._unmarked))

    def pte_set(self, mm: MmStruct, vpn: int, old: int, new: int) -> None:
        """Check an entry that the kernel stores."""
        where = (mm.name, vpn)
        if self._unmarked:
            self._unmarked.discard(where)
        if not new & PAGE_RW:
            self._writable.pop(where, None)
        else:
            self._writable[where] = new >> PFN_SHIFT
        if new & PTE_SWAP:
            self._check_slot(vpn, self.world.frames[new >> PFN_SHIFT])
        if not pte_present(new):
            return
        folio = self.world.frames[new >> PFN_SHIFT]
        private = folio.anon or not self.is_shared(vpn)
        if new & PAGE_RW and private and not folio.anon_exclusive:
            self._report_writable(where, folio.pfn)
        if not mm.cut:
            self._check_child(mm, vpn, new)

    def _report_writable(self, where: Where, pfn: int) -> None:
        message = (
            f"{where[0]} may write {self.world.pages[where[1]]} in frame {pfn}, "
            "which is not exclusive"
        )
        self.report("pte.writable-shared", Severity.CONTRACT, message)

    def _check_child(self, mm: MmStruct, vpn: int, new: int) -> None:
        """Check an entry that fork gives to the child."""
        name = self.world.pages[vpn]
        vma = mm.find_vma(vpn)
        dirty = new & (PAGE_DIRTY | PAGE_SAVED_DIRTY)
        assert mm.parent is not None  # before the cut only a child
        theirs = mm.parent.page_table.entries[vpn]
        wrong = ""
        if new & PAGE_ACCESSED and theirs >> PFN_SHIFT == new >> PFN_SHIFT:
            wrong = "is marked as accessed"
        elif vma is None:
            wrong = "is in no VMA"
        elif vma.vm_flags & VM_SHARED and dirty:
            wrong = "is shared and marked as dirty"
        if wrong:
            message = f"the child's entry for {name} {wrong}"
            self.report("child.pte-flags", Severity.CONTRACT, message)

    def _check_slot(self, vpn: int, folio: Folio) -> None:
        """Check that no entry claims a swap slot for itself that has more than one."""
        for mm in self.world.mms:
            pte = mm.page_table.entries[vpn]
            claims = pte & PTE_SWAP and pte & PTE_SWP_EXCLUSIVE
            if claims and pte >> PFN_SHIFT == folio.pfn and folio.swap_count > 1:
                message = (
                    f"{mm.name} has the swap slot of {self.world.pages[vpn]} as "
                    f"exclusive, and it is used {folio.swap_count} times"
                )
                self.report("page.exclusive-shared", Severity.CONTRACT, message)

    def exclusive_changed(self, folio: Folio) -> None:
        """Check a page whose mark has changed."""
        self._check_exclusive(folio)
        for where, pfn in self._writable.items():
            if pfn != folio.pfn:
                continue
            if folio.anon_exclusive:
                self._unmarked.discard(where)
            else:
                self._unmarked.add(where)

    def released(self, cpu: Cpu, lock: Lock) -> None:
        """Check the entries that the lock has guarded."""
        if self._unmarked:
            self._check_writable(lock)

    def finish(self) -> None:
        """Check the entries whose lock nobody has dropped since."""
        self._check_writable(None)

    def _check_writable(self, lock: Lock | None) -> None:
        for where in sorted(self._unmarked):
            if lock is None or self.find_mm(where[0]).ptl is lock:
                self._unmarked.remove(where)
                self._report_writable(where, self._writable[where])

    def rmap_changed(self, folio: Folio) -> None:
        """Check a page whose mapcount has changed."""
        self._check_exclusive(folio)

    def _check_exclusive(self, folio: Folio) -> None:
        """Check that nobody else has the page, be it by way of its swap slot."""
        if not folio.anon_exclusive:
            return
        message = f"frame {folio.pfn} is exclusive and mapped "
        if folio.mapcount > 1:
            message += f"{folio.mapcount} times"
        elif folio.mapcount and folio.swap_count:
            message += f"here, swapped out {folio.swap_count} times elsewhere"
        else:
            return
        self.report("page.exclusive-shared", Severity.CONTRACT, message)


class RefcountChecker(Checker):
    """Adds up who holds references, and compares (I6)."""

    def start(self, world: World, machine: Machine) -> None:
        """Find out which references nobody in the model accounts for."""
        super().start(world, machine)
        mapped = self._mapped()
        self._foreign = [
            folio.refcount - self._accounted(folio, mapped) for folio in world.frames
        ]

    def freed(self, folio: Folio) -> None:
        """Check that nobody has a page that goes back to the allocator."""
        if self._mapped(PTE_HAS_FRAME).get(folio.pfn):
            message = f"frame {folio.pfn} was freed while it is mapped"
            self.report("page.refcount", Severity.CONTRACT, message)
        elif any(p.pfn == folio.pfn and not p.released for p in self.world.pins):
            message = f"frame {folio.pfn} was freed under a reference that is left"
            self.report("page.refcount", Severity.CONTRACT, message)

    def finish(self) -> None:
        """Compare every count with its holders, now that nothing is under way."""
        mapped, swapped = self._mapped(), self._mapped(PTE_SWAP)
        for folio in self.world.frames[ZERO_PFN + 1 :]:
            slots = swapped.get(folio.pfn, 0)
            if folio.swap_count != slots:
                message = (
                    f"the swap slot of frame {folio.pfn} is counted "
                    f"{folio.swap_count} times; {slots} entries use it"
                )
                self.report("page.refcount", Severity.CONTRACT, message)
            elif folio.mapcount != mapped.get(folio.pfn, 0):
                self._report(folio, "mapcount", folio.mapcount, mapped)
            elif folio.refcount != self._expected(folio, mapped):
                self._report(folio, "refcount", folio.refcount, mapped)
            elif folio.free and folio.refcount:
                message = (
                    f"frame {folio.pfn} has refcount {folio.refcount}, "
                    "but went back to the allocator"
                )
                self.report("page.refcount", Severity.CONTRACT, message)
        self._check_left()

    def _check_left(self) -> None:
        """Check that no entry has outlived its VMA."""
        for mm in self.world.mms:
            for vpn, pte in enumerate(mm.page_table.entries):
                if pte != NONE and mm.find_vma(vpn) is None:
                    message = f"{mm.name} maps {self.world.pages[vpn]} in no VMA"
                    self.report("page.refcount", Severity.CONTRACT, message)

    def _expected(self, folio: Folio, mapped: dict[int, int]) -> int:
        known = folio.pfn < len(self._foreign)
        foreign = self._foreign[folio.pfn] if known else 0
        return self._accounted(folio, mapped) + foreign

    def _mapped(self, kind: int = PAGE_PRESENT | PAGE_PROTNONE) -> dict[int, int]:
        """Count the entries of a kind, present or swap, that lead to each frame."""
        counts: dict[int, int] = {}
        for mm in self.world.mms:
            for pte in mm.page_table.entries:
                if pte & kind:
                    pfn = pte >> PFN_SHIFT
                    counts[pfn] = counts.get(pfn, 0) + 1
        return counts

    def _accounted(self, folio: Folio, mapped: dict[int, int]) -> int:
        held = mapped.get(folio.pfn, 0)
        for pin in self.world.pins:
            if pin.pfn == folio.pfn and not pin.released:
                held += GUP_PIN_COUNTING_BIAS if pin.pinned else 1
        cached = folio.pfn in self.files.values() or any(
            folio.pfn in vma.shmem.values() for mm in self.world.mms for vma in mm.vmas
        )
        return held + folio.swap_cache + cached

    def _report(
        self, folio: Folio, what: str, count: int, mapped: dict[int, int]
    ) -> None:
        message = (
            f"frame {folio.pfn} has {what} {count}; its {mapped.get(folio.pfn, 0)} "
            f"mappings and other holders make {self._expected(folio, mapped)}"
        )
        self.report("page.refcount", Severity.CONTRACT, message)
