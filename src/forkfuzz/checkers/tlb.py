"""tlb.stale-writable, tlb.stale-readable, tlb.two-frames, tlb.use-after-free."""

from __future__ import annotations

from collections.abc import Hashable

from forkfuzz.engine import Machine
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import Folio, Pin
from forkfuzz.mm.mm_types import VM_READ, VM_WRITE, MmStruct
from forkfuzz.mm.pgtable import PAGE_PRESENT, PAGE_RW, PFN_SHIFT
from forkfuzz.mm.world import World

from .checker import Checker
from .entries import Entries
from .violation import Severity


def _in_use(cpu: Cpu, mm: MmStruct) -> bool:
    """Return whether the CPU may use what it has cached of *mm*.

    A lazy one does not: it compares generations before its thread runs again.
    """
    return cpu.loaded_mm is mm and not cpu.is_lazy


def _was_looked_up(cpu: Cpu, vpn: int, entry: int) -> bool:
    """Return whether a translation that a CPU has cached is that of the page tables.

    A CPU that only marks its old copy as dirty has not looked the page up again.
    """
    pte = cpu.mm.page_table.entries[vpn]
    return pte >> PFN_SHIFT == entry >> PFN_SHIFT


class StaleChecker(Checker):
    """Looks for cached rights that the page tables no longer give (I1)."""

    def start(self, world: World, machine: Machine) -> None:
        """Take over the entries that there are before the first step."""
        super().start(world, machine)
        self._entries = Entries(world.mms)
        self._zaps = 0
        self._stale: dict[tuple[int, int], int] = {}
        self._looked: dict[int, list[tuple[int, int]]] = {}

    def state(self) -> Hashable:
        """Return what the entries mean, and who may still use what was thrown away."""
        cpus = self.world.cpus
        stale = sorted(
            (cpu, vpn, zap)
            for (cpu, vpn), zap in self._stale.items()
            if vpn in cpus[cpu].tlb
        )
        looked = [
            (number, vpn, *(c for c, v, zap in stale if v == vpn and zap <= zaps))
            for number, pages in sorted(self._looked.items())
            for vpn, zaps in pages
        ]
        where = tuple((cpu, vpn) for cpu, vpn, _ in stale)
        return self._entries.state(), where, tuple(looked)

    def pte_set(self, mm: MmStruct, vpn: int, old: int, new: int) -> None:
        """Follow an entry."""
        self._entries.set(mm, vpn, new)

    def zapped(self, mm: MmStruct, vpn: int) -> None:
        """Follow an entry that is gone for good, and who has still cached it."""
        self._entries.zapped(mm, vpn)
        self._zaps += 1
        for cpu in self.world.cpus:
            if cpu.loaded_mm is mm and vpn in cpu.tlb:
                self._stale.setdefault((cpu.id, vpn), self._zaps)

    def collapse_copied(self, mm: MmStruct, vpn: int) -> None:
        """Follow a page that has made way for a copy."""
        self._entries.copied(mm, vpn)

    def filled(self, cpu: Cpu, vpn: int, entry: int) -> None:
        """Note that the CPU has looked the page up since."""
        if _was_looked_up(cpu, vpn, entry):
            self._stale.pop((cpu.id, vpn), None)

    def zap_looked(self, cpu: Cpu, mm: MmStruct, vpn: int) -> None:
        """Note which zaps this call takes responsibility for: all so far."""
        self._looked.setdefault(cpu.id, []).append((vpn, self._zaps))

    def zap_ended(self, cpu: Cpu, mm: MmStruct) -> None:
        """When the call returns, nobody uses what was thrown away before."""
        for vpn, zaps in self._looked.pop(cpu.id, ()):
            for other in self.world.cpus:
                stale = self._stale.get((other.id, vpn), zaps + 1) <= zaps
                if stale and vpn in other.tlb and _in_use(other, mm):
                    self._report(other, vpn, f"{mm.name} has thrown away")

    def write_protected(self, mm: MmStruct, vpn: int) -> None:
        """When mprotect returns, nobody stores to what may only be read.

        Nor is anything read that may not even be, also where the entry is gone because
        another thread is throwing the page away.
        """
        vma = mm.find_vma(vpn)
        closed = vma is not None and not vma.vm_flags & (VM_READ | VM_WRITE)
        for cpu in self.world.cpus:
            entry = cpu.tlb.get(vpn, 0)
            if entry & (PAGE_PRESENT if closed else PAGE_RW) and _in_use(cpu, mm):
                verb = "write" if entry & PAGE_RW else "read"
                self._report(cpu, vpn, f"{mm.name} may not {verb} any more")

    def fork_cut(self, oldmm: MmStruct, mm: MmStruct) -> None:
        """From the cut on, no CPU may store to what the child has."""
        for vpn in range(len(self.world.pages)):
            self._check(oldmm, vpn)

    def flushed(self, mm: MmStruct, vpn: int | None) -> None:
        """A completed flush leaves nothing behind.

        One of a single page comes after that page's entry was changed, and must have
        removed what the old one allowed. One of everything may overtake an entry that
        reclaim has just cleared, whose own flush is to come.
        """
        if vpn is not None:
            self._check(mm, vpn, cleared=not mm.page_table.entries[vpn])
            return
        for page in range(len(self.world.pages)):
            self._check(mm, page)

    def _check(self, mm: MmStruct, vpn: int, *, cleared: bool = False) -> None:
        for cpu in self.world.cpus:
            entry = cpu.tlb.get(vpn)
            if entry is None or not entry & PAGE_RW or not _in_use(cpu, mm):
                continue
            pfn = entry >> PFN_SHIFT
            mapped_here = self._entries.leads_to((mm.name, vpn), pfn) and not cleared
            if self._mapped_elsewhere(mm, vpn, pfn):
                self._report(cpu, vpn, "another mm maps")
            elif not mapped_here and not self._is_due(cpu, vpn, cleared=cleared):
                self._report(cpu, vpn, f"{mm.name} no longer maps")

    def _is_due(self, cpu: Cpu, vpn: int, *, cleared: bool) -> bool:
        """Return whether a flush that is still to come takes the translation away.

        The flush of a gather may overtake an entry that reclaim has just cleared.
        """
        overtaken = cleared and cpu.mm.tlb_flush_pending > 0
        return overtaken or (cpu.id, vpn) in self._stale

    def _mapped_elsewhere(self, mm: MmStruct, vpn: int, pfn: int) -> bool:
        return any(
            self._entries.leads_to((other.name, vpn), pfn)
            and not self.is_shared(vpn)
            and not self._fork_under_way(mm, other)
            for other in self.world.mms
            if other is not mm
        )

    def _fork_under_way(self, mm: MmStruct, other: MmStruct) -> bool:
        return (other.parent is mm and not other.cut) or (
            mm.parent is other and not mm.cut
        )

    def _report(self, cpu: Cpu, vpn: int, why: str) -> None:
        entry = cpu.tlb[vpn]
        verb, prop = "read", "tlb.stale-readable"
        if entry & PAGE_RW:
            verb, prop = "store to", "tlb.stale-writable"
        message = (
            f"{cpu.name} can still {verb} {self.world.pages[vpn]} "
            f"in frame {entry >> PFN_SHIFT}, which {why}"
        )
        self.report(prop, Severity.CONTRACT, message)


class TwoFramesChecker(Checker):
    """Looks for two frames in use for one page, one of them writable (I11).

    A page that was thrown away may be there again before its flush, which is then
    still to come. No other change of the frame may leave the old one in a TLB.
    """

    def __init__(self) -> None:
        super().__init__()
        self._doomed: set[tuple[int, int]] = set()

    def state(self) -> Hashable:
        """Return who has cached what was thrown away."""
        cpus = self.world.cpus
        return tuple(sorted((c, vpn) for c, vpn in self._doomed if vpn in cpus[c].tlb))

    def zapped(self, mm: MmStruct, vpn: int) -> None:
        """Note who has cached a page that is gone."""
        for cpu in self.world.cpus:
            if cpu.loaded_mm is mm and vpn in cpu.tlb:
                self._doomed.add((cpu.id, vpn))

    def filled(self, cpu: Cpu, vpn: int, entry: int) -> None:
        """Note that a CPU has looked the page up again."""
        if (cpu.id, vpn) in self._doomed and _was_looked_up(cpu, vpn, entry):
            self._doomed.remove((cpu.id, vpn))

    def pte_set(self, mm: MmStruct, vpn: int, old: int, new: int) -> None:
        """Compare a new entry with what the CPUs have cached."""
        if not new & PAGE_PRESENT:
            return
        for cpu in self.world.cpus:
            entry = cpu.tlb.get(vpn)
            if entry is None or not _in_use(cpu, mm):
                continue
            if entry >> PFN_SHIFT == new >> PFN_SHIFT or not (entry | new) & PAGE_RW:
                continue
            if not ((cpu.id, vpn) in self._doomed and mm.tlb_flush_pending):
                message = (
                    f"{self.world.pages[vpn]} is frame {new >> PFN_SHIFT} now, but "
                    f"{cpu.name} still uses frame {entry >> PFN_SHIFT}"
                )
                self.report("tlb.two-frames", Severity.CONTRACT, message)


class UseAfterFreeChecker(Checker):
    """Looks for accesses to frames that were freed since they were looked up (I7)."""

    def start(self, world: World, machine: Machine) -> None:
        """Begin with no frame ever freed."""
        super().start(world, machine)
        self._frees: dict[int, int] = {}
        self._filled: dict[tuple[int, int, int], int] = {}
        self._referenced = dict.fromkeys(world.pins, 0)

    def state(self) -> Hashable:
        """Return which frames had more than one life, and who knows the last one."""
        frees = self._frees
        return (
            tuple(sorted(frees)),
            tuple(
                sorted(
                    where
                    for where, life in self._filled.items()
                    if where[2] in frees and life == frees[where[2]]
                )
            ),
            tuple(
                self._referenced.get(pin, 0) == frees.get(pin.pfn, 0)
                for pin in self.world.pins
            ),
        )

    def freed(self, folio: Folio) -> None:
        """Count the lives of a frame."""
        self._frees[folio.pfn] = self._frees.get(folio.pfn, 0) + 1

    def filled(self, cpu: Cpu, vpn: int, entry: int) -> None:
        """Remember which life of the frame the translation leads to.

        By frame too: an instruction that has translated already may be overtaken by
        an eviction and a fill that leads elsewhere.
        """
        if _was_looked_up(cpu, vpn, entry):
            pfn = entry >> PFN_SHIFT
            self._filled[cpu.id, vpn, pfn] = self._frees.get(pfn, 0)

    def pinned(self, pin: Pin) -> None:
        """Remember which life of the frame the reference is to."""
        self._referenced[pin] = self._frees.get(pin.pfn, 0)

    def stored(
        self, cpu: Cpu, mm: MmStruct, vpn: int, index: int, pfn: int, store: int
    ) -> None:
        """Check a store."""
        self._check(cpu, vpn, pfn, "stored to")

    def loaded(
        self, cpu: Cpu, mm: MmStruct, vpn: int, index: int, pfn: int, store: int
    ) -> None:
        """Check a load."""
        self._check(cpu, vpn, pfn, "loaded from")

    def device_stored(self, pin: Pin, index: int, store: int) -> None:
        """Check a store through a reference."""
        self._check_reference(pin, "stored to")

    def device_loaded(self, pin: Pin, index: int, store: int) -> None:
        """Check a load through a reference."""
        self._check_reference(pin, "loaded from")

    def _check_reference(self, pin: Pin, what: str) -> None:
        if self._referenced.get(pin, 0) != self._frees.get(pin.pfn, 0):
            message = f"a device {what} frame {pin.pfn}, which was freed"
            self.report("tlb.use-after-free", Severity.PROGRAM, message)

    def _check(self, cpu: Cpu, vpn: int, pfn: int, what: str) -> None:
        life = self._frees.get(pfn, 0)
        if life and self._filled.get((cpu.id, vpn, pfn), 0) != life:
            message = (
                f"{cpu.name} {what} {self.world.pages[vpn]} in frame {pfn}, "
                "which was freed since it was translated"
            )
            self.report("tlb.use-after-free", Severity.PROGRAM, message)
