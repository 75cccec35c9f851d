"""mmap_lock and the per-VMA locks.

A VMA's write lock is not a lock word. The VMA is write-locked while its ``vm_lock_seq``
equals the mm's ``mm_lock_seq``; taking the lock stores the one into the other, and one
increment of ``mm_lock_seq`` drops the write locks of all VMAs at once. A reader takes a
reference in ``vm_refcnt``, and only then compares the numbers with authority: a reader
that compared before, and lost the race, would enter a write-locked VMA. A writer first
raises the exclude flag and waits until the readers that are in have left.

Source: include/linux/mmap_lock.h, mm/mmap_lock.c. Left out: RCU (a VMA is not freed
while a run lasts), vm_refcnt overflow.
"""

from __future__ import annotations

from forkfuzz.engine import point
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.mm_types import (
    VM_REFCNT_EXCLUDE_READERS_FLAG,
    MmStruct,
    VmAreaStruct,
)

from .rwsem import (
    down_read,
    down_read_trylock,
    down_write,
    downgrade_write,
    up_read,
    up_write,
)
from .sleep import enter_lazy_tlb, leave_lazy_tlb


async def _mm_lock_seqcount_begin(mm: MmStruct) -> None:
    await point("mmap_write_lock:mm_lock_seqcount_begin", mm.seq_touch)
    mm.mm_lock_seq += 1


async def mmap_write_lock_killable(cpu: Cpu, mm: MmStruct) -> bool:
    """Write-lock the address space; False if a fatal signal came first (-EINTR)."""
    if not await down_write(cpu, mm.mmap_lock, killable=True):
        return False
    await _mm_lock_seqcount_begin(mm)
    return True


async def mmap_write_lock(cpu: Cpu, mm: MmStruct) -> None:
    """Write-lock the address space, whatever signal comes."""
    await down_write(cpu, mm.mmap_lock)
    await _mm_lock_seqcount_begin(mm)


async def mmap_write_lock_nested(cpu: Cpu, mm: MmStruct) -> None:
    """Write-lock the child's address space while holding the parent's."""
    await mmap_write_lock(cpu, mm)


async def vma_end_write_all(cpu: Cpu, mm: MmStruct) -> None:
    """Drop the write locks of all VMAs: faults under VMA locks resume here.

    Points:
        vma_end_write_all:mm_lock_seqcount_end.
    """
    await point("vma_end_write_all:mm_lock_seqcount_end", mm.seq_touch)
    mm.mm_lock_seq += 1
    mm.world.watch.vma_write_unlocked(cpu, mm)


async def mmap_write_unlock(cpu: Cpu, mm: MmStruct) -> None:
    """Drop the VMA locks, then, as a step of its own, the semaphore."""
    await vma_end_write_all(cpu, mm)
    await up_write(cpu, mm.mmap_lock)


async def mmap_write_downgrade(cpu: Cpu, mm: MmStruct) -> None:
    """Drop the VMA locks and go on as a reader; no other writer gets in between."""
    await vma_end_write_all(cpu, mm)
    await downgrade_write(mm.mmap_lock)


async def mmap_read_lock(cpu: Cpu, mm: MmStruct) -> None:
    """Read-lock the address space, whatever it takes."""
    await down_read(cpu, mm.mmap_lock)


async def mmap_read_lock_killable(cpu: Cpu, mm: MmStruct) -> bool:
    """Read-lock the address space; False if a fatal signal came first (-EINTR)."""
    return await down_read(cpu, mm.mmap_lock, killable=True)


async def mmap_read_trylock(cpu: Cpu, mm: MmStruct) -> bool:
    """Read-lock the address space if that needs no waiting."""
    return await down_read_trylock(cpu, mm.mmap_lock)


async def mmap_read_unlock(cpu: Cpu, mm: MmStruct) -> None:
    """Drop a read lock of the address space."""
    await up_read(cpu, mm.mmap_lock)


async def lock_vma_under_rcu(cpu: Cpu, mm: MmStruct, vpn: int) -> VmAreaStruct | None:
    """Read-lock the VMA that holds *vpn*, without mmap_lock.

    Returns:
        The VMA, or None where the caller must fall back to mmap_lock.

    Points:
        vma_start_read:early_test, vma_start_read:refcount_inc, vma_start_read:recheck,
        vma_end_read:refcount_dec.

    Source:
        mm/mmap_lock.c: lock_vma_under_rcu, vma_start_read.
    """
    await point("vma_start_read:early_test", mm.seq_peek)
    vma = mm.find_vma(vpn)
    if vma is None or vma.vm_lock_seq == mm.mm_lock_seq:
        return None
    await point("vma_start_read:refcount_inc", vma.touch)
    if not vma.vm_refcnt:  # detached since: something else may be there now
        return await lock_vma_under_rcu(cpu, mm, vpn)
    if vma.vm_refcnt & VM_REFCNT_EXCLUDE_READERS_FLAG:
        return None
    vma.vm_refcnt += 1
    if mm.world.rules.vma_recheck == "on":
        await point("vma_start_read:recheck", mm.seq_peek)
        if vma.vm_lock_seq == mm.mm_lock_seq:
            await _vma_refcount_put(vma)
            return None
    if not vma.vm_start <= vpn < vma.vm_end:  # split since
        await _vma_refcount_put(vma)
        return None
    mm.world.watch.vma_read_locked(cpu, vma)
    return vma


async def _vma_refcount_put(vma: VmAreaStruct) -> None:
    await point("vma_end_read:refcount_dec", vma.touch)
    vma.vm_refcnt -= 1


async def vma_end_read(cpu: Cpu, vma: VmAreaStruct) -> None:
    """Drop a VMA read lock; the last one out lets a waiting writer go on.

    Points:
        vma_end_read:refcount_dec.
    """
    await _vma_refcount_put(vma)
    vma.vm_mm.world.watch.vma_read_unlocked(cpu, vma)


async def vma_start_write_killable(cpu: Cpu, vma: VmAreaStruct) -> bool:
    """Write-lock a VMA until the next `vma_end_write_all`.

    Returns:
        False if a fatal signal ended the wait for the readers (-EINTR).

    Context:
        Caller holds mmap_lock for writing.

    Points:
        vma_start_write:refcount_add, vma_start_write:wait_for_readers,
        vma_start_write:set_vm_lock_seq, vma_start_write:refcount_sub.

    Source:
        mm/mmap_lock.c: __vma_start_write.
    """
    mm = vma.vm_mm
    if vma.vm_lock_seq == mm.mm_lock_seq:
        return True
    await point("vma_start_write:refcount_add", vma.touch)
    vma.vm_refcnt += VM_REFCNT_EXCLUDE_READERS_FLAG
    if not await _wait_for_readers(cpu, vma):
        return False
    await point("vma_start_write:set_vm_lock_seq", vma.touch)
    vma.vm_lock_seq = mm.mm_lock_seq
    await point("vma_start_write:refcount_sub", vma.touch)
    vma.vm_refcnt -= VM_REFCNT_EXCLUDE_READERS_FLAG
    mm.world.watch.vma_write_locked(cpu, vma)
    return True


async def vma_mark_detached(cpu: Cpu, vma: VmAreaStruct) -> None:
    """Let nobody in any more: the VMA is about to go.

    Readers that came too late may still be about to find that out.

    Context:
        The VMA is write-locked.

    Points:
        vma_mark_detached:refcount_dec, vma_mark_detached:wait_for_readers.

    Source:
        mm/mmap_lock.c: vma_mark_detached, __vma_exclude_readers.
    """
    await point("vma_mark_detached:refcount_dec", vma.touch)
    vma.vm_refcnt -= 1
    if not vma.vm_refcnt:
        return
    vma.vm_refcnt += VM_REFCNT_EXCLUDE_READERS_FLAG
    enter_lazy_tlb(cpu)
    await point(
        "vma_mark_detached:wait_for_readers",
        vma.touch,
        lambda: vma.vm_refcnt == VM_REFCNT_EXCLUDE_READERS_FLAG,
    )
    leave_lazy_tlb(cpu)
    vma.vm_refcnt -= VM_REFCNT_EXCLUDE_READERS_FLAG


async def _wait_for_readers(cpu: Cpu, vma: VmAreaStruct) -> bool:
    def drained() -> bool:
        return vma.vm_refcnt == VM_REFCNT_EXCLUDE_READERS_FLAG + 1

    slept = not drained()
    if slept:
        enter_lazy_tlb(cpu)
    await point(
        "vma_start_write:wait_for_readers",
        vma.touch,
        lambda: drained() or cpu.fatal_signal_pending,
    )
    if slept:
        leave_lazy_tlb(cpu)
    if drained():
        return True
    vma.vm_refcnt -= VM_REFCNT_EXCLUDE_READERS_FLAG
    return False
