"""The part of mm/memory.c for empty entries of mappings with something behind them.

That is shared anonymous memory, or a file that is mapped privately. The page cache of a
file has every page, up to date, and keeps it: nothing is read, written back or reclaimed.

Source: mm/memory.c: do_fault and what it calls; mm/shmem.c: shmem_get_folio. Left out:
faulting around, the folio lock, everything that a file system does.
"""

from __future__ import annotations

from forkfuzz.engine import point
from forkfuzz.locking.spinlock import spin_lock, spin_unlock
from forkfuzz.mm.folio import Folio
from forkfuzz.mm.mm_types import VM_SHARED
from forkfuzz.mm.pgtable import NONE, PAGE_ACCESSED, pte_mkdirty

from .memory import (
    VmFault,
    VmFaultReason,
    copy_folio,
    maybe_mkwrite,
    ptep_get,
    vma_mk_pte,
    vmf_anon_prepare,
)


async def do_fault(vmf: VmFault) -> VmFaultReason:
    """Fill an empty entry with what is behind the mapping, or with a copy of it.

    Points:
        those of `do_cow_fault` and `finish_fault`.

    Source:
        mm/memory.c: do_fault, do_read_fault, do_shared_fault.
    """
    if vmf.write and not vmf.vma.vm_flags & VM_SHARED:
        return await do_cow_fault(vmf)
    folio = _folio_behind(vmf)
    await finish_fault(vmf, folio)
    return VmFaultReason.DONE


async def do_cow_fault(vmf: VmFault) -> VmFaultReason:
    """Give this mapping a copy of a page that it has never mapped.

    Points:
        do_cow_fault:copy_mc_user_highpage and those of vmf_anon_prepare and
        `finish_fault`.
    """
    world = vmf.mm.world
    if not await vmf_anon_prepare(vmf):
        return VmFaultReason.RETRY
    new = world.alloc_folio(anon=True, cpu=vmf.cpu)
    label = "do_cow_fault:copy_mc_user_highpage"
    await copy_folio(vmf.mm, vmf.vpn, _folio_behind(vmf), new, label)
    if not await finish_fault(vmf, new):
        world.put_refs(new)
    return VmFaultReason.DONE


def _folio_behind(vmf: VmFault) -> Folio:
    """Return the page of the object or file, making that of shared memory if need be."""
    world, shmem = vmf.mm.world, vmf.vma.shmem
    if vmf.vpn not in shmem:
        shmem[vmf.vpn] = world.alloc_folio(anon=False, cpu=vmf.cpu).pfn
    return world.frames[shmem[vmf.vpn]]


async def finish_fault(vmf: VmFault, folio: Folio) -> bool:
    """Map *folio* if the entry is still empty; return whether it was.

    An anonymous one is new, and its reference becomes that of the mapping.

    Points:
        finish_fault:pte_none, finish_fault:set_pte_at and those of the lock.

    Source:
        mm/memory.c: finish_fault, set_pte_range.
    """
    world, mm = vmf.mm.world, vmf.mm
    pte = vma_mk_pte(vmf.vma, folio.pfn, PAGE_ACCESSED)
    if vmf.write:
        pte = pte_mkdirty(maybe_mkwrite(pte, vmf.vma))
    await spin_lock(vmf.cpu, mm.ptl)
    empty = await ptep_get(mm, vmf.vpn, "finish_fault:pte_none") == NONE
    if empty:
        await point("finish_fault:set_pte_at", mm.page_table.writes[vmf.vpn])
        folio.refcount += not folio.anon
        world.add_mapping(folio, 1)
        if folio.anon:
            world.set_exclusive(folio, exclusive=True)
        mm.set_pte(vmf.vpn, pte)
    await spin_unlock(vmf.cpu, mm.ptl)
    return empty
