"""madvise(): throwing pages away, and saying what fork shall do with them.

Source: mm/madvise.c, mm/memory.c: zap_pte_range, mm/mmu_gather.c. Left out: ranges of
more than one page, MADV_FREE and other advice.
"""

from __future__ import annotations

from forkfuzz.engine import point
from forkfuzz.locking.mmap_lock import (
    lock_vma_under_rcu,
    mmap_read_lock_killable,
    mmap_read_unlock,
    mmap_write_lock_killable,
    mmap_write_unlock,
    vma_end_read,
    vma_start_write_killable,
)
from forkfuzz.locking.spinlock import spin_lock, spin_unlock
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import Folio
from forkfuzz.mm.mm_types import VM_MAYBE_GUARD, MmStruct, VmAreaStruct
from forkfuzz.mm.pgtable import (
    NONE,
    PAGE_PRESENT,
    PAGE_SPECIAL,
    PTE_MARKER_GUARD,
    PTE_SWAP,
    Pte,
    pte_pfn,
)

from .memory import ptep_get
from .swap import free_swap_entry
from .tlbflush import flush_tlb_batched_pending, flush_tlb_mm_range


async def madvise_dontneed(cpu: Cpu, vpn: int) -> bool:
    """MADV_DONTNEED on one page; False if the address is not mapped.

    Under the VMA lock, that lock is dropped before the flush: fork may start while
    other CPUs still reach the page. It is not freed before the flush, and fork finds
    the entry empty.

    Points:
        tlb_gather_mmu:inc_tlb_flush_pending and those of the functions it calls.

    Source:
        mm/madvise.c: madvise_dontneed_free, madvise_walk_vmas, madvise_finish_tlb.
    """
    mm = cpu.mm
    vma = await lock_vma_under_rcu(cpu, mm, vpn)
    under_mmap_lock = vma is None
    if vma is None:
        if not await mmap_read_lock_killable(cpu, mm):
            return False
        vma = mm.find_vma(vpn)
    if vma is None:
        await mmap_read_unlock(cpu, mm)
        return False
    await tlb_gather_mmu(mm)
    zapped = await zap_pte(cpu, mm, vpn)
    if not under_mmap_lock:
        await vma_end_read(cpu, vma)
    await tlb_finish_mmu(cpu, mm, vpn, zapped)
    if under_mmap_lock:
        await mmap_read_unlock(cpu, mm)
    return True


async def madvise_guard_install(cpu: Cpu, vpn: int) -> bool:
    """MADV_GUARD_INSTALL on one page: accesses to it are fatal from now on.

    The VMA's flag makes fork copy its page tables even if it has no anon_vma.

    Points:
        madvise_guard_install:vm_flags and those of the functions it calls.

    Source:
        mm/madvise.c: madvise_guard_install. Left out: zapping and installing under
        different holds of the page-table lock, and so the retry.
    """
    mm = cpu.mm
    vma = await lock_vma_under_rcu(cpu, mm, vpn)
    under_mmap_lock = vma is None
    if vma is None:
        if not await mmap_read_lock_killable(cpu, mm):
            return False
        vma = mm.find_vma(vpn)
    if vma is not None:
        await point("madvise_guard_install:vm_flags", vma.touch)
        vma.vm_flags |= VM_MAYBE_GUARD
        await tlb_gather_mmu(mm)
        zapped = await zap_pte(cpu, mm, vpn, Pte(PTE_MARKER_GUARD))
        await tlb_finish_mmu(cpu, mm, vpn, zapped)
    if under_mmap_lock:
        await mmap_read_unlock(cpu, mm)
    elif vma is not None:
        await vma_end_read(cpu, vma)
    return vma is not None


async def madvise_vma_behavior(cpu: Cpu, vpn: int, *, flag: int) -> bool:
    """Set a VMA flag: VM_DONTCOPY or VM_WIPEONFORK, for its whole VMA.

    Points:
        madvise_update_vma:vm_flags and those of the locks.

    Source:
        mm/madvise.c: madvise_vma_behavior. Left out: splitting the VMA.
    """
    mm = cpu.mm
    if not await mmap_write_lock_killable(cpu, mm):
        return False
    vma = mm.find_vma(vpn)
    if vma is not None and await vma_start_write_killable(cpu, vma):
        await point("madvise_update_vma:vm_flags", vma.touch)
        vma.vm_flags |= flag
    await mmap_write_unlock(cpu, mm)
    return vma is not None


async def tlb_gather_mmu(mm: MmStruct) -> None:
    """Announce that entries will change before their translations are flushed."""
    await point("tlb_gather_mmu:inc_tlb_flush_pending", mm.seq_touch)
    mm.tlb_flush_pending += 1


async def zap_pte(cpu: Cpu, mm: MmStruct, vpn: int, new: Pte = NONE) -> Pte:
    """Take an entry out, leaving *new*; the page stays referenced by the gather.

    Returns:
        The entry that was there.

    Points:
        zap_pte_range:ptep_get, zap_pte_range:ptep_get_and_clear_full,
        zap_pte_range:folio_remove_rmap_pte and those of flush_tlb_batched_pending,
        free_swap_entry and the lock.
    """
    await spin_lock(cpu, mm.ptl)
    await flush_tlb_batched_pending(cpu, mm)
    pte = await ptep_get(mm, vpn, "zap_pte_range:ptep_get")
    if pte != new:
        await point("zap_pte_range:ptep_get_and_clear_full", mm.page_table.writes[vpn])
        pte = mm.get_pte(vpn)
        mm.set_pte(vpn, new)
        mm.world.watch.zapped(mm, vpn)
    folio = _counted_folio(mm, pte)
    if folio is not None:
        await point("zap_pte_range:folio_remove_rmap_pte", folio.touch)
        mm.world.add_mapping(folio, -1)
    if pte & PTE_SWAP:
        await free_swap_entry(mm.world, pte)
    await spin_unlock(cpu, mm.ptl)
    return pte


def _counted_folio(mm: MmStruct, pte: Pte) -> Folio | None:
    """Return the page behind an entry, unless it has no counts."""
    if not pte & PAGE_PRESENT or pte & PAGE_SPECIAL:
        return None
    return mm.world.frames[pte_pfn(pte)]


async def tlb_finish_mmu(cpu: Cpu, mm: MmStruct, vpn: int, zapped: Pte) -> None:
    """Flush what was zapped, then let go of the page.

    If another gather is under way, its changes may be the reason why this one found
    nothing to flush, so everything is flushed.

    Points:
        tlb_finish_mmu:folio_put, tlb_finish_mmu:dec_tlb_flush_pending and those of
        the flush.
    """
    late = mm.world.rules.zap_flush == "after_free"
    if late:
        await _free(mm, zapped)
    if mm.tlb_flush_pending > 1:
        await flush_tlb_mm_range(cpu, mm, None, freed_tables=True)
    elif zapped & PAGE_PRESENT:
        await flush_tlb_mm_range(cpu, mm, vpn, freed_tables=False)
    if not late:
        await _free(mm, zapped)
    await point("tlb_finish_mmu:dec_tlb_flush_pending", mm.seq_touch)
    mm.tlb_flush_pending -= 1


async def _free(mm: MmStruct, zapped: Pte) -> None:
    folio = _counted_folio(mm, zapped)
    if folio is not None:
        await point("tlb_finish_mmu:folio_put", folio.touch)
        mm.world.put_refs(folio)


async def zap_vma(cpu: Cpu, vma: VmAreaStruct) -> None:
    """Zap every page of a VMA that nobody else can reach."""
    for vpn in range(vma.vm_start, vma.vm_end):
        if vma.vm_mm.get_pte(vpn) != NONE:
            await tlb_gather_mmu(vma.vm_mm)
            zapped = await zap_pte(cpu, vma.vm_mm, vpn)
            await tlb_finish_mmu(cpu, vma.vm_mm, vpn, zapped)
