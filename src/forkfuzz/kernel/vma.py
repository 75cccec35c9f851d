"""Changing the VMAs of an address space: splitting one, and munmap().

Source: mm/vma.c: __split_vma, do_vmi_align_munmap and what it calls. Left out: ranges of
more than one page, merging, failure to allocate, accounting; freeing page tables.
"""

from __future__ import annotations

from forkfuzz.engine import point
from forkfuzz.locking.mmap_lock import (
    mmap_read_unlock,
    mmap_write_downgrade,
    mmap_write_lock_killable,
    mmap_write_unlock,
    vma_mark_detached,
    vma_start_write_killable,
)
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.mm_types import VM_SHARED, VmAreaStruct

from .mmu_gather import tlb_finish_mmu, tlb_gather_mmu, zap_pte_range


async def split_off(cpu: Cpu, vma: VmAreaStruct, vpn: int) -> VmAreaStruct | None:
    """Make a page the only one of its VMA.

    Context:
        mmap_lock is held for writing.

    Returns:
        That VMA; None if a fatal signal came first, and then the caller gives up.

    Points:
        those of `_split_vma`.
    """
    if vma.vm_start < vpn:
        above = await _split_vma(cpu, vma, vpn, new_below=True)
        if above is None:
            return None
        vma = above
    if vma.vm_end > vpn + 1:
        above = await _split_vma(cpu, vma, vpn + 1, new_below=False)
        if above is None:
            return None
    return vma


async def _split_vma(
    cpu: Cpu, vma: VmAreaStruct, addr: int, *, new_below: bool
) -> VmAreaStruct | None:
    """Split a VMA in two at *addr*; return the upper part.

    Both are write-locked then: the old one before it changes, the new one before
    anybody can find it. The kernel copies the flags before that, when a reader can
    still set one.

    Args:
        new_below: Whether the lower part is the kernel's new one, which has the copied
            flags. Here the upper part is made anew all the same.

    Points:
        __split_vma:vm_area_dup, where rules say so, __split_vma:vma_complete and those
        of vma_start_write.

    Source:
        mm/vma.c: __split_vma.
    """
    mm = vma.vm_mm
    copied = None
    if mm.world.rules.split_flags == "before_vma_lock":
        await point("__split_vma:vm_area_dup", vma.peek)
        copied = vma.vm_flags
    if not await vma_start_write_killable(cpu, vma):
        return None
    await point("__split_vma:vma_complete", vma.touch)
    new = VmAreaStruct(mm, addr, vma.vm_end, vma.vm_flags)
    if copied is not None:
        (vma if new_below else new).vm_flags = copied
    new.anon_vma = vma.anon_vma
    new.shmem = vma.shmem
    new.vm_lock_seq = mm.mm_lock_seq
    vma.vm_end = addr
    mm.vmas.insert(mm.vmas.index(vma) + 1, new)
    mm.world.watch.vma_write_locked(cpu, new)
    return new


async def do_munmap(cpu: Cpu, vpn: int) -> bool:
    """munmap() of one page; False if a fatal signal came first (-EINTR).

    The VMA is gone before mmap_lock is downgraded, so no fault can bring the page back
    while it is zapped; fork has to wait for the reader, too.

    Points:
        do_vmi_align_munmap:vma_iter_clear_gfp and those of the functions it calls.

    Source:
        mm/vma.c: do_vmi_align_munmap, vms_gather_munmap_vmas,
        vms_complete_munmap_vmas.
    """
    mm = cpu.mm
    if not await mmap_write_lock_killable(cpu, mm):
        return False
    vma = mm.find_vma(vpn)
    if vma is None:
        await mmap_write_unlock(cpu, mm)
        return True
    alone = await split_off(cpu, vma, vpn)
    if alone is None or not await vma_start_write_killable(cpu, alone):
        await mmap_write_unlock(cpu, mm)
        return False
    await vma_mark_detached(cpu, alone)
    await point("do_vmi_align_munmap:vma_iter_clear_gfp", alone.touch)
    mm.vmas.remove(alone)
    await mmap_write_downgrade(cpu, mm)
    tlb = await tlb_gather_mmu(mm)
    await zap_pte_range(cpu, tlb, range(vpn, vpn + 1), drop_markers=True)
    await tlb_finish_mmu(cpu, tlb)
    await remove_vma(alone)
    await mmap_read_unlock(cpu, mm)
    return True


async def remove_vma(vma: VmAreaStruct) -> None:
    """Give up what a VMA that is gone was a mapping of.

    Pages of shared memory that nobody else maps are freed: with the last mapping goes
    the object.

    Points:
        remove_vma:fput.

    Source:
        mm/vma.c: remove_vma; mm/shmem.c: shmem_evict_inode, one page at a time.
    """
    world = vma.vm_mm.world
    if not vma.vm_flags & VM_SHARED:
        return
    for vpn in range(vma.vm_start, vma.vm_end):
        if any(mm.find_vma(vpn) is not None for mm in world.mms):
            continue
        if vpn in vma.shmem:
            folio = world.frames[vma.shmem[vpn]]
            await point("remove_vma:fput", folio.touch)
            # Another mapping that goes at the same time may have been first.
            if vma.shmem.pop(vpn, None) is not None:
                world.put_refs(folio)
