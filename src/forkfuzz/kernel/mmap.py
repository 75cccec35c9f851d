"""Duplicating an address space, and taking one down.

Source: mm/mmap.c: dup_mmap, exit_mmap. Left out: the VMA tree's memory, uprobes,
userfaultfd, accounting, file mappings, and khugepaged_exit before exit_mmap, after
which no collapse begins: here it finds no page.
"""

from __future__ import annotations

from forkfuzz.engine import point
from forkfuzz.locking.mmap_lock import (
    mmap_read_lock,
    mmap_read_unlock,
    mmap_write_lock,
    mmap_write_lock_killable,
    mmap_write_lock_nested,
    mmap_write_unlock,
    vma_end_write_all,
    vma_start_write_killable,
)
from forkfuzz.locking.rwsem import up_write
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.lazy_tlb import fill_all
from forkfuzz.mm.mm_types import (
    VM_DONTCOPY,
    VM_SHARED,
    VM_WIPEONFORK,
    VM_WRITE,
    MmStruct,
    VmAreaStruct,
)

from .memory_copy import copy_page_range
from .mmu_gather import tlb_finish_mmu, tlb_gather_mmu, unmap_region, unmap_vmas
from .tlbflush import flush_tlb_mm_range
from .vma import remove_vma


async def dup_mmap(cpu: Cpu, mm: MmStruct, oldmm: MmStruct) -> bool:
    """Give *mm* the mappings and the memory of *oldmm*.

    The child's memory is that of the parent at one instant, the increment of
    ``oldmm.mm_lock_seq`` in the unlock, by three rules. The parent's TLBs are flushed
    before the unlock. A page that is copied, rather than shared, is write-protected
    and flushed before it is copied. And each VMA is write-locked before it is walked,
    so that no fault can give the parent a private page before the unlock.

    Returns:
        False on -ENOMEM or -EINTR; the child has then been emptied.

    Points:
        dup_mmap:dup_vma_tree, dup_mmap:vm_area_dup, dup_mmap:child_visible and those
        of the functions it calls.
    """
    world = oldmm.world
    if not await mmap_write_lock_killable(cpu, oldmm):
        return False
    world.watch.fork_called(oldmm, mm)
    await mmap_write_lock_nested(cpu, mm)
    done = await _dup_vmas(cpu, mm, oldmm)
    if done:
        await point("dup_mmap:child_visible", mm.seq_touch)
        mm.visible = True
    else:
        await _undo(cpu, mm)
    await _unlock(cpu, mm, oldmm)
    if not done:
        world.watch.fork_failed(oldmm, mm)
    return done


async def _dup_vmas(cpu: Cpu, mm: MmStruct, oldmm: MmStruct) -> bool:
    """Walk the parent's VMAs in address order."""
    await point("dup_mmap:dup_vma_tree", oldmm.world.allocator)
    if oldmm.world.fails("dup_mmap"):
        return False
    for mpnt in oldmm.vmas:
        if _locks_before_walk(mpnt) and not await vma_start_write_killable(cpu, mpnt):
            return False
        if mpnt.vm_flags & VM_DONTCOPY:
            continue
        await point("dup_mmap:vm_area_dup", mpnt.peek)
        if oldmm.world.fails("vm_area_dup"):
            return False
        tmp = _vm_area_dup(mm, mpnt)
        if not tmp.vm_flags & VM_WIPEONFORK and not await copy_page_range(
            cpu, tmp, mpnt
        ):
            return False
        if (
            oldmm.world.rules.vma_lock == "after_walk"
            and not await vma_start_write_killable(cpu, mpnt)
        ):
            return False
    return True


def _locks_before_walk(mpnt: VmAreaStruct) -> bool:
    """Return whether the rules write-lock this VMA before it is walked."""
    match mpnt.vm_mm.world.rules.vma_lock:
        case "before_walk":
            return True
        case "anon_vma_only":
            return mpnt.anon_vma
        case "private_writable_only":
            return mpnt.vm_flags & (VM_SHARED | VM_WRITE) == VM_WRITE
        case _:
            return False


def _vm_area_dup(mm: MmStruct, mpnt: VmAreaStruct) -> VmAreaStruct:
    """Make the child's VMA and link it; rmap could find it from here on."""
    tmp = VmAreaStruct(mm, mpnt.vm_start, mpnt.vm_end, mpnt.vm_flags)
    tmp.anon_vma = mpnt.anon_vma and not mpnt.vm_flags & VM_WIPEONFORK
    tmp.shmem = mpnt.shmem
    mm.vmas.append(tmp)
    return tmp


async def _undo(cpu: Cpu, mm: MmStruct) -> None:
    """Take down what the child has; the parent's entries stay as they are.

    Those that lost W and the exclusive mark get them back by faults: with the child's
    references gone, the page is found to have no other.
    """
    await unmap_region(cpu, mm)
    await point("dup_mmap:remove_child_vmas", mm.seq_touch)
    mm.vmas.clear()


async def _unlock(cpu: Cpu, mm: MmStruct, oldmm: MmStruct) -> None:
    """Flush the parent and unlock both, in the order that the rules give.

    The flush is due on failure too: entries may have lost W.
    """
    rules = oldmm.world.rules
    if rules.child_unlock == "before_flush":
        await mmap_write_unlock(cpu, mm)
    if rules.unlock_order == "seq_then_flush":
        await _cut(cpu, mm, oldmm)
    if rules.final_flush not in ("none", "after_unlock"):
        await _flush_parent(cpu, oldmm)
    if rules.child_unlock == "after_flush":
        await mmap_write_unlock(cpu, mm)
    if rules.unlock_order == "flush_then_seq":
        await _cut(cpu, mm, oldmm)
    await up_write(cpu, oldmm.mmap_lock)
    if rules.final_flush == "after_unlock":
        await _flush_parent(cpu, oldmm)


async def _cut(cpu: Cpu, mm: MmStruct, oldmm: MmStruct) -> None:
    """Drop the parent's VMA locks: the instant that the child's memory reflects."""
    await vma_end_write_all(cpu, oldmm)
    mm.cut = True
    if oldmm.world.lazy_tlb:
        fill_all(oldmm)
    if mm.visible:
        oldmm.world.watch.fork_cut(oldmm, mm)


async def _flush_parent(cpu: Cpu, oldmm: MmStruct) -> None:
    """flush_tlb_mm(oldmm): all of it, on lazy CPUs too."""
    rules = oldmm.world.rules
    await flush_tlb_mm_range(
        cpu,
        oldmm,
        None,
        freed_tables=True,
        skip_cpu=rules.final_flush == "skip_cpu",
        wait=rules.final_flush != "no_ack",
    )


async def exit_mmap(cpu: Cpu, mm: MmStruct) -> None:
    """Take down an address space whose last thread has gone.

    Pages are unmapped beside other readers; a collapse under way is waited for.

    Points:
        exit_mmap:remove_vmas and those of the locks, `unmap_vmas`, tlb_finish_mmu and
        remove_vma.
    """
    await mmap_read_lock(cpu, mm)
    tlb = await tlb_gather_mmu(mm)
    await unmap_vmas(cpu, tlb, mm)
    await mmap_read_unlock(cpu, mm)
    await mmap_write_lock(cpu, mm)
    await tlb_finish_mmu(cpu, tlb)
    await point("exit_mmap:remove_vmas", mm.seq_touch)
    vmas = list(mm.vmas)
    mm.vmas.clear()
    for vma in vmas:
        await remove_vma(vma)
    await mmap_write_unlock(cpu, mm)
