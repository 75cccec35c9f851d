"""madvise(): throwing pages away, and saying what fork shall do with them.

Source: mm/madvise.c. Left out: ranges of more than one page, MADV_FREE and other advice.
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
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.mm_types import VM_MAYBE_GUARD, VM_WIPEONFORK, MmStruct, VmAreaStruct
from forkfuzz.mm.pgtable import PTE_MARKER_GUARD, Pte

from .mmu_gather import tlb_finish_mmu, tlb_gather_mmu, zap_pte_range


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
    vma = await _try_vma_read_lock(cpu, mm, vpn)
    under_mmap_lock = vma is None
    if vma is None:
        if not await mmap_read_lock_killable(cpu, mm):
            return False
        vma = mm.find_vma(vpn)
    if vma is None:
        await mmap_read_unlock(cpu, mm)
        return False
    tlb = await tlb_gather_mmu(mm)
    await zap_pte_range(cpu, tlb, range(vpn, vpn + 1))
    if not under_mmap_lock:
        await vma_end_read(cpu, vma)
    await tlb_finish_mmu(cpu, tlb)
    if under_mmap_lock:
        await mmap_read_unlock(cpu, mm)
    return True


async def madvise_guard_install(cpu: Cpu, vpn: int) -> bool:
    """MADV_GUARD_INSTALL on one page: accesses to it are fatal from now on.

    The VMA's flag makes fork copy its page tables even if it has no anon_vma, which a
    file mapping may lack. An anonymous one gets one, and that needs mmap_lock.

    Points:
        madvise_guard_install:vm_flags, madvise_guard_install:anon_vma_prepare and those
        of the functions it calls.

    Source:
        mm/madvise.c: madvise_guard_install, is_vma_lock_sufficient. Left out: zapping
        and installing under different holds of the page-table lock, and so the retry.
    """
    mm = cpu.mm
    vma = await _try_vma_read_lock(cpu, mm, vpn)
    if vma is not None and _lacks_anon_vma(vma):
        await vma_end_read(cpu, vma)
        vma = None
    under_mmap_lock = vma is None
    if vma is None:
        if not await mmap_read_lock_killable(cpu, mm):
            return False
        vma = mm.find_vma(vpn)
    if vma is not None:
        await point("madvise_guard_install:vm_flags", vma.touch)
        vma.vm_flags |= VM_MAYBE_GUARD
        if _lacks_anon_vma(vma):
            await point("madvise_guard_install:anon_vma_prepare", vma.touch)
            vma.anon_vma = True
        tlb = await tlb_gather_mmu(mm)
        await zap_pte_range(cpu, tlb, range(vpn, vpn + 1), Pte(PTE_MARKER_GUARD))
        await tlb_finish_mmu(cpu, tlb)
    if under_mmap_lock:
        await mmap_read_unlock(cpu, mm)
    elif vma is not None:
        await vma_end_read(cpu, vma)
    return vma is not None


async def _try_vma_read_lock(cpu: Cpu, mm: MmStruct, vpn: int) -> VmAreaStruct | None:
    """Read-lock the VMA; None where the caller takes mmap_lock, as all once did.

    Source:
        mm/madvise.c: try_vma_read_lock.
    """
    if mm.world.rules.madvise_lock == "mmap":
        return None
    return await lock_vma_under_rcu(cpu, mm, vpn)


def _lacks_anon_vma(vma: VmAreaStruct) -> bool:
    """Return whether entries in this VMA need an anon_vma that it has not got yet."""
    return vma.is_anonymous() and not vma.anon_vma


async def madvise_vma_behavior(cpu: Cpu, vpn: int, *, flag: int) -> bool:
    """Set a VMA flag: VM_DONTCOPY or VM_WIPEONFORK, for its whole VMA.

    Only anonymous private memory can be wiped.

    Points:
        madvise_update_vma:vm_flags and those of the locks.

    Source:
        mm/madvise.c: madvise_vma_behavior. Left out: splitting the VMA.
    """
    mm = cpu.mm
    if not await mmap_write_lock_killable(cpu, mm):
        return False
    vma = mm.find_vma(vpn)
    if vma is not None and flag == VM_WIPEONFORK and not vma.is_anonymous():
        vma = None  # -EINVAL
    if vma is not None and await vma_start_write_killable(cpu, vma):
        await point("madvise_update_vma:vm_flags", vma.touch)
        vma.vm_flags |= flag
    await mmap_write_unlock(cpu, mm)
    return vma is not None
