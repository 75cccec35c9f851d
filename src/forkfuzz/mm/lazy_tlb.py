"""The same hardware with fewer decisions: a TLB as full as it can be, believed or not.

Hardware may fill a TLB entry, and evict one, at any moment. Most of these moments make
no difference. A fill matters only if the entry in memory changes afterwards, so it can
wait until just before that change; an eviction matters only when the CPU next uses the
page, so it can wait until then. And a TLB that holds more can do more: whatever would
have happened without the fill happens if the translation is evicted before its use.

So with ``World.lazy_tlb`` no task fills or evicts. Before an entry changes, every CPU
that may use it caches the old one; when a CPU uses a cached translation that is not
what a walk would give, the strategy chooses whether it had been evicted. Every run
made so is one that the eager hardware of `forkfuzz.kernel.mmu` can make, and
their outcomes and violations are the same; a test compares the two. A CPU whose thread
has ended goes on taking interrupts instead of idling, which nobody can tell either.

Source: Intel SDM vol. 3, 4.10, as in `forkfuzz.kernel.mmu`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkfuzz.engine import choose

from .pgtable import PAGE_DIRTY, PAGE_PRESENT, PAGE_RW, PFN_SHIFT, Pte

if TYPE_CHECKING:
    from .cpu import Cpu
    from .mm_types import MmStruct

_RIGHTS = PAGE_PRESENT | PAGE_RW


def entry_changes(mm: MmStruct, vpn: int, old: Pte, new: Pte) -> None:
    """Cache *old* wherever it may be cached, for *new* takes its place."""
    if not old & PAGE_PRESENT or _translation(old) == _translation(new):
        return
    for cpu in mm.world.cpus:
        if cpu.loaded_mm is mm:
            if not cpu.is_lazy:
                _cache(cpu, vpn, old)
            elif vpn not in cpu.changed_while_lazy:
                # An idle CPU fills nothing, but may have done so before it slept.
                cpu.changed_while_lazy.append(vpn)
                _cache(cpu, vpn, old)


def fill_all(mm: MmStruct) -> None:
    """Cache every entry on every CPU that uses *mm*."""
    for cpu in mm.world.cpus:
        if cpu.loaded_mm is mm and not cpu.is_lazy:
            for vpn, pte in enumerate(mm.page_table.entries):
                if pte & PAGE_PRESENT:
                    _cache(cpu, vpn, pte)


def _translation(pte: int) -> int:
    """Return what of an entry a cached copy can differ in: frame and rights."""
    return pte & ~((1 << PFN_SHIFT) - 1) | pte & _RIGHTS


def _cache(cpu: Cpu, vpn: int, pte: int) -> None:
    cached = cpu.tlb.get(vpn)
    if cached is not None:
        if cached >> PFN_SHIFT == pte >> PFN_SHIFT:
            pte |= cached & (PAGE_RW | PAGE_DIRTY)
            if pte == cached:
                return
        elif not (cpu.world.tlb_evictions and choose("mmu:refill", 2)):
            return
    cpu.tlb[vpn] = pte
    cpu.world.watch.filled(cpu, vpn, pte)


def evict_for_read(cpu: Cpu, vpn: int) -> None:
    """Choose whether a cached translation is gone by the time of this load."""
    entry = cpu.tlb.get(vpn)
    if entry is None or not cpu.world.tlb_evictions:
        return
    pte = cpu.mm.page_table.entries[vpn]
    same = pte & PAGE_PRESENT and pte >> PFN_SHIFT == entry >> PFN_SHIFT
    if not same and choose("mmu:evicted", 2):
        del cpu.tlb[vpn]


def evict_for_write(cpu: Cpu, vpn: int) -> None:
    """Choose whether a cached translation is gone by the time of this store.

    One without W either faults or is walked again, as if it had not been there; one
    that is clean where memory is dirty is as good as not there.
    """
    entry = cpu.tlb.get(vpn)
    if entry is None or not entry & PAGE_RW or not cpu.world.tlb_evictions:
        return
    pte = cpu.mm.page_table.entries[vpn]
    stale = _translation(pte) != _translation(entry)
    dirtier = entry & PAGE_DIRTY and not pte & PAGE_DIRTY
    cleaner = pte & PAGE_DIRTY and not entry & PAGE_DIRTY
    if choose("mmu:evicted", 2) if stale or dirtier else cleaner:
        del cpu.tlb[vpn]
