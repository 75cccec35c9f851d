"""Swap entries: fork's copies of them, and the fault that resolves one.

A swap slot is known by the frame of the folio in the swap cache, which stays there
until the slot's last entry is gone.

Source: mm/memory.c: do_swap_page, copy_nonpresent_pte; mm/swapfile.c. Left out: slots
whose page was written out and freed, swapoff.
"""

from __future__ import annotations

from forkfuzz.engine import point
from forkfuzz.locking.spinlock import spin_lock, spin_unlock
from forkfuzz.mm.folio import Folio
from forkfuzz.mm.mm_types import VM_WRITE, MmStruct
from forkfuzz.mm.pgtable import (
    NONE,
    PTE_SWP_EXCLUSIVE,
    Pte,
    pte_mkdirty,
    pte_mkwrite,
    pte_pfn,
)
from forkfuzz.mm.world import World

from .memory import (
    VmFault,
    VmFaultReason,
    do_wp_page,
    ptep_get,
    set_pte_at,
    vma_mk_pte,
)


async def folio_free_swap(world: World, folio: Folio) -> None:
    """Take the folio out of the swap cache if no entry refers to it any more.

    While reclaim is at work on it, reclaim will do that.

    Points:
        folio_free_swap:swap_cache_del_folio.

    Source:
        mm/swapfile.c: folio_free_swap. Left out: should_try_to_free_swap, which leaves
        a page in the swap cache after a read while there is room for more.
    """
    await point("folio_free_swap:swap_cache_del_folio", folio.touch)
    if folio.swap_cache and not folio.locked and not folio.swap_count:
        folio.swap_cache = False
        world.put_refs(folio)


async def free_swap_entry(world: World, pte: Pte) -> None:
    """Give up a swap entry that was taken out of a page table.

    Points:
        swap_free:dec_swap_count and that of folio_free_swap.
    """
    folio = world.frames[pte_pfn(pte)]
    await point("swap_free:dec_swap_count", folio.touch)
    folio.swap_count -= 1
    await folio_free_swap(world, folio)


async def do_swap_page(vmf: VmFault) -> VmFaultReason:
    """Map a page that is in the swap cache.

    An exclusive entry gives back the mark and W, even for a read.

    Points:
        do_swap_page:swap_cache_get_folio, do_swap_page:folio_lock,
        do_swap_page:pte_same, do_swap_page:set_pte_at, do_swap_page:folio_unlock,
        do_swap_page:folio_put and those of folio_free_swap, do_wp_page and the lock.

    Source:
        mm/memory.c: do_swap_page. Left out: making a page exclusive that has no other
        reference, freeing the slot before the folio is unlocked, and dropping the
        fault's lock while waiting for the folio lock, whose holder here never waits
        for that.
    """
    mm, world = vmf.mm, vmf.mm.world
    folio = world.frames[pte_pfn(vmf.orig_pte)]
    await point("do_swap_page:swap_cache_get_folio", folio.touch)
    if mm.get_pte(vmf.vpn) != vmf.orig_pte:
        return VmFaultReason.DONE
    folio.refcount += 1
    await point("do_swap_page:folio_lock", folio.touch, lambda: not folio.locked)
    folio.locked = True
    await spin_lock(vmf.cpu, mm.ptl)
    same = await ptep_get(mm, vmf.vpn, "do_swap_page:pte_same") == vmf.orig_pte
    pte = await _map(vmf, folio) if same else NONE
    await point("do_swap_page:folio_unlock", folio.touch)
    folio.locked = False
    await folio_free_swap(world, folio)
    # Before the page can be looked at for other references, the fault's own goes.
    await point("do_swap_page:folio_put", folio.touch)
    world.put_refs(folio)
    if same and vmf.write and not vmf.orig_pte & PTE_SWP_EXCLUSIVE:
        vmf.orig_pte = pte
        return await do_wp_page(vmf)
    await spin_unlock(vmf.cpu, mm.ptl)
    return VmFaultReason.DONE


async def _map(vmf: VmFault, folio: Folio) -> Pte:
    """Store the present entry; return it."""
    mm, world = vmf.mm, vmf.mm.world
    exclusive = bool(vmf.orig_pte & PTE_SWP_EXCLUSIVE)
    pte = vma_mk_pte(vmf.vma, folio.pfn)
    if exclusive and vmf.vma.vm_flags & VM_WRITE:
        pte = pte_mkwrite(pte)
        if vmf.write:
            pte = pte_mkdirty(pte)
    await point("do_swap_page:set_pte_at", mm.page_table.writes[vmf.vpn])
    folio.swap_count -= 1
    folio.refcount += 1
    world.add_mapping(folio, 1)
    if exclusive:
        world.set_exclusive(folio, exclusive=True)
    mm.set_pte(vmf.vpn, pte)
    return pte


async def copy_swap_pte(dst_mm: MmStruct, src_mm: MmStruct, vpn: int, pte: Pte) -> None:
    """Give the child the parent's swap entry; from now on it is nobody's alone.

    Context:
        Both page-table locks are held.

    Points:
        copy_nonpresent_pte:swap_dup_entry_direct,
        copy_nonpresent_pte:clear_swp_exclusive, copy_nonpresent_pte:set_pte_at.

    Source:
        mm/memory.c: copy_nonpresent_pte.
    """
    folio = src_mm.world.frames[pte_pfn(pte)]
    await point("copy_nonpresent_pte:swap_dup_entry_direct", folio.touch)
    folio.swap_count += 1
    if src_mm.world.rules.swap_exclusive == "cleared" and pte & PTE_SWP_EXCLUSIVE:
        pte = Pte(pte & ~PTE_SWP_EXCLUSIVE)
        await set_pte_at(src_mm, vpn, pte, "copy_nonpresent_pte:clear_swp_exclusive")
    await set_pte_at(dst_mm, vpn, pte, "copy_nonpresent_pte:set_pte_at")
