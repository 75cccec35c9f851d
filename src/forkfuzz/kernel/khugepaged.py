"""khugepaged, as far as fork's child is concerned.

The collapse of a range into a huge page is modelled by what it does to the contents:
under mmap_lock of that mm, and of that mm alone, each page is checked for references
that nobody can account for, copied, and replaced. Where there is none, a cleared one
is put. The frames stay small ones.

Source: mm/khugepaged.c: collapse_huge_page, __collapse_huge_page_isolate,
__collapse_huge_page_copy. Left out: the huge entry itself, the scan that chooses the
range, limits of how many pages may be missing, swap-in, the folio locks and that of the
anon_vma, the PMD-level flush of an mm that no CPU has loaded.
"""

from __future__ import annotations

from forkfuzz.engine import point
from forkfuzz.locking.mmap_lock import (
    mmap_write_lock_nested,
    mmap_write_unlock,
    vma_start_write_killable,
)
from forkfuzz.locking.spinlock import spin_lock, spin_unlock
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import Folio
from forkfuzz.mm.mm_types import MmStruct, VmAreaStruct
from forkfuzz.mm.pgtable import (
    NONE,
    PAGE_SPECIAL,
    Pte,
    pte_mkdirty,
    pte_pfn,
    pte_present,
)

from .memory import copy_folio, maybe_mkwrite, set_pte_at, vma_mk_pte
from .tlbflush import flush_tlb_mm_range


async def collapse_range(cpu: Cpu, mm: MmStruct) -> None:
    """Collapse the first VMA of *mm*, if every page of it qualifies.

    Points:
        those of `_collapse_vma` and the locks.
    """
    await mmap_write_lock_nested(cpu, mm)
    if mm.vmas and mm.vmas[0].is_anonymous():
        vma = mm.vmas[0]
        # The kernel's call cannot be killed; nor can this thread.
        await vma_start_write_killable(cpu, vma)
        await _collapse_vma(cpu, vma)
    await mmap_write_unlock(cpu, mm)


async def _collapse_vma(cpu: Cpu, vma: VmAreaStruct) -> None:
    """Take the entries out, copy the pages if nobody else uses them, and map those.

    Between these three no page-table lock is held: mmap_lock and the VMA lock alone
    keep faults out.

    Points:
        collapse_huge_page:pmdp_collapse_flush,
        __collapse_huge_page_isolate:folio_expected_ref_count,
        collapse_huge_page:pmd_populate,
        __collapse_huge_page_copy:copy_mc_user_highpage,
        __collapse_huge_page_copy_succeeded:folio_remove_rmap_pte,
        collapse_huge_page:set_pmd_at and those of the lock and the flush.

    Source:
        mm/khugepaged.c: collapse_huge_page. Simplified: one lock stands for that of
        the page table and that of the huge entry.
    """
    mm, watch = vma.vm_mm, vma.vm_mm.world.watch
    await spin_lock(cpu, mm.ptl)
    old: dict[int, Pte] = {}
    for vpn in range(vma.vm_start, vma.vm_end):
        await point("collapse_huge_page:pmdp_collapse_flush", mm.page_table.writes[vpn])
        watch.collapse_begun(mm)
        old[vpn] = mm.get_pte(vpn)
        mm.set_pte(vpn, NONE)
    await flush_tlb_mm_range(cpu, mm, None, freed_tables=True)
    isolated = await _isolate(mm, old)
    await spin_unlock(cpu, mm.ptl)
    if isolated:
        new = {vpn: await _copy(cpu, mm, vpn, pte) for vpn, pte in old.items()}
        for vpn, pte in old.items():
            if not _pte_none_or_zero(pte):
                await _give_up(cpu, mm, vpn, pte)
        await spin_lock(cpu, mm.ptl)
        for vpn, folio in new.items():
            await _install(vma, vpn, folio)
    else:
        await spin_lock(cpu, mm.ptl)
        for vpn, pte in old.items():
            await set_pte_at(mm, vpn, pte, "collapse_huge_page:pmd_populate")
    watch.collapse_ended(mm)
    await spin_unlock(cpu, mm.ptl)


async def _isolate(mm: MmStruct, old: dict[int, Pte]) -> bool:
    """Return whether there is a page, and all are referenced by their mappings alone.

    Source:
        mm/khugepaged.c: __collapse_huge_page_isolate.
    """
    mapped = [pte for pte in old.values() if not _pte_none_or_zero(pte)]
    for pte in mapped:
        if not pte_present(pte):
            return False
        folio = mm.world.frames[pte_pfn(pte)]
        await point("__collapse_huge_page_isolate:folio_expected_ref_count", folio.peek)
        if folio.refcount != folio.mapcount:
            return False
    return bool(mapped)


def _pte_none_or_zero(pte: Pte) -> bool:
    """Return whether an entry stands for zeroes."""
    return pte == NONE or bool(pte & PAGE_SPECIAL)


async def _copy(cpu: Cpu, mm: MmStruct, vpn: int, pte: Pte) -> Folio:
    """Copy one page, or clear a new one.

    Nobody else can write the page, says the kernel's comment here: it is either
    mapped by this mm alone, whose entry is gone, or shared, and then read-only.

    Source:
        mm/khugepaged.c: __collapse_huge_page_copy.
    """
    new: Folio = mm.world.alloc_folio(anon=True, cpu=cpu)
    if not _pte_none_or_zero(pte):
        source = mm.world.frames[pte_pfn(pte)]
        await copy_folio(
            mm, vpn, source, new, "__collapse_huge_page_copy:copy_mc_user_highpage"
        )
    return new


async def _give_up(cpu: Cpu, mm: MmStruct, vpn: int, pte: Pte) -> None:
    """Give up the mapping of a page that was copied.

    Source:
        mm/khugepaged.c: __collapse_huge_page_copy_succeeded.
    """
    source = mm.world.frames[pte_pfn(pte)]
    await spin_lock(cpu, mm.ptl)
    await point(
        "__collapse_huge_page_copy_succeeded:folio_remove_rmap_pte", source.touch
    )
    mm.world.add_mapping(source, -1)
    mm.world.put_refs(source)
    mm.world.watch.collapse_copied(mm, vpn)
    await spin_unlock(cpu, mm.ptl)


async def _install(vma: VmAreaStruct, vpn: int, new: Folio) -> None:
    """Map a copy."""
    mm, world = vma.vm_mm, vma.vm_mm.world
    await point("collapse_huge_page:set_pmd_at", mm.page_table.writes[vpn])
    world.add_mapping(new, 1)
    world.set_exclusive(new, exclusive=True)
    mm.set_pte(vpn, pte_mkdirty(maybe_mkwrite(vma_mk_pte(vma, new.pfn), vma)))
