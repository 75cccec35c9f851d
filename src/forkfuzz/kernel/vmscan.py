"""Reclaim, as far as the swap cache: how a page is unmapped behind everybody's back.

Reclaim finds the mappings of a page through rmap. It takes neither mmap_lock nor a VMA
lock, so it runs beside fork's walk, and it leaves the TLB flush for later: no interrupt
stops a CPU that is in the middle of pinning the page without locks.

Source: mm/vmscan.c: shrink_folio_list; mm/rmap.c: try_to_unmap_one,
set_tlb_ubc_flush_pending; include/linux/rmap.h: folio_try_share_anon_rmap_pte. Left
out: the LRU lists, the anon_vma lock, reclaim of a page that is in the swap cache
already, writing the page out and freeing it: it stays in the swap cache until the last
swap entry is gone. A page that stays mapped somewhere is unlocked after the batched
flush here, in the kernel before it.
"""

from __future__ import annotations

from forkfuzz.engine import point
from forkfuzz.locking.spinlock import spin_lock, spin_unlock
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import Folio
from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.mm.pgtable import (
    NONE,
    PAGE_SPECIAL,
    mk_swap_pte,
    pte_pfn,
    pte_present,
)
from forkfuzz.mm.world import World

from .memory import set_pte_at
from .rmap import folio_maybe_dma_pinned
from .swap import folio_free_swap
from .tlbflush import arch_tlbbatch_flush

Batch = list[tuple[MmStruct, tuple[int, ...]]]
"""Address spaces whose flush is put off, and the CPUs that it is for."""


async def shrink_folio(cpu: Cpu, world: World, vpn: int) -> None:
    """Move the page behind an address of the parent to the swap cache.

    Nothing happens if the page is not anonymous, may be pinned, or is there already.

    Points:
        isolate_lru_folios:folio_try_get, shrink_folio_list:folio_trylock,
        shrink_folio_list:folio_put and those of `_unmap_and_flush`.
    """
    await point("isolate_lru_folios:folio_try_get", world.mms[0].page_table.reads[vpn])
    pte = world.mms[0].get_pte(vpn)
    folio = world.frames[pte_pfn(pte)]
    if not pte_present(pte) or pte & PAGE_SPECIAL or not folio.anon:
        return
    folio.refcount += 1
    await point("shrink_folio_list:folio_trylock", folio.touch)
    if not folio.locked and not folio.swap_cache:
        folio.locked = True
        await _unmap_and_flush(cpu, world, vpn, folio)
    await point("shrink_folio_list:folio_put", folio.touch)
    world.put_refs(folio)


async def _unmap_and_flush(cpu: Cpu, world: World, vpn: int, folio: Folio) -> None:
    """Unmap a locked folio everywhere, flush, and unlock it.

    Points:
        shrink_folio_list:folio_maybe_dma_pinned, folio_alloc_swap:folio_get,
        shrink_folio_list:folio_unlock and those of `_try_to_unmap_one`,
        arch_tlbbatch_flush and folio_free_swap.
    """
    await point("shrink_folio_list:folio_maybe_dma_pinned", folio.peek)
    if not folio_maybe_dma_pinned(folio):
        await point("folio_alloc_swap:folio_get", folio.touch)
        folio.swap_cache = True
        folio.refcount += 1
        batch: Batch = []
        # A child's mapping comes after its parent's in rmap.
        for mm in list(world.mms):
            if not await _try_to_unmap_one(cpu, mm, vpn, folio, batch):
                break
        for mm, cpumask in batch:
            await arch_tlbbatch_flush(cpu, mm, cpumask)
    await point("shrink_folio_list:folio_unlock", folio.touch)
    folio.locked = False
    await folio_free_swap(world, folio)


async def _try_to_unmap_one(
    cpu: Cpu, mm: MmStruct, vpn: int, folio: Folio, batch: Batch
) -> bool:
    """Replace one mapping by a swap entry; False if the page turns out to be pinned.

    The entry is cleared before the test for pins: a fast pin missed here sees it gone.

    Points:
        try_to_unmap_one:ptep_get_and_clear, set_tlb_ubc_flush_pending:inc_mm_tlb_gen,
        try_to_unmap_one:folio_dup_swap, try_to_unmap_one:folio_put_swap,
        try_to_unmap_one:restore_pte, try_to_unmap_one:set_pte_at,
        try_to_unmap_one:folio_remove_rmap_pte and those of `_try_share` and the lock.
    """
    await spin_lock(cpu, mm.ptl)
    pte = mm.get_pte(vpn)
    if not pte_present(pte) or pte_pfn(pte) != folio.pfn:
        await spin_unlock(cpu, mm.ptl)
        return True
    await point("try_to_unmap_one:ptep_get_and_clear", mm.page_table.writes[vpn])
    pte = mm.get_pte(vpn)
    mm.set_pte(vpn, NONE)
    await point("set_tlb_ubc_flush_pending:inc_mm_tlb_gen", mm.seq_touch)
    mm.tlb_gen += 1
    batch.append((mm, tuple(mm.mm_cpumask)))
    mm.tlb_flush_batched = True
    await point("try_to_unmap_one:folio_dup_swap", folio.touch)
    folio.swap_count += 1
    exclusive = folio.anon_exclusive
    if exclusive and not await _try_share(mm, folio):
        await point("try_to_unmap_one:folio_put_swap", folio.touch)
        folio.swap_count -= 1
        await set_pte_at(mm, vpn, pte, "try_to_unmap_one:restore_pte")
        await spin_unlock(cpu, mm.ptl)
        return False
    await set_pte_at(
        mm,
        vpn,
        mk_swap_pte(folio.pfn, exclusive=exclusive),
        "try_to_unmap_one:set_pte_at",
    )
    await point("try_to_unmap_one:folio_remove_rmap_pte", folio.touch)
    mm.world.add_mapping(folio, -1)
    mm.world.put_refs(folio)
    await spin_unlock(cpu, mm.ptl)
    return True


async def _try_share(mm: MmStruct, folio: Folio) -> bool:
    """Take the exclusive mark away unless the page may be pinned.

    Points:
        folio_try_share_anon_rmap_pte:folio_maybe_dma_pinned,
        folio_try_share_anon_rmap_pte:ClearPageAnonExclusive.
    """
    await point("folio_try_share_anon_rmap_pte:folio_maybe_dma_pinned", folio.peek)
    if folio_maybe_dma_pinned(folio):
        return False
    await point("folio_try_share_anon_rmap_pte:ClearPageAnonExclusive", folio.touch)
    mm.world.set_exclusive(folio, exclusive=False)
    return True
