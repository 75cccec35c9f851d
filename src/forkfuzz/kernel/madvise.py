"""madvise(): throwing pages away, and saying what fork shall do with them.

Source: mm/madvise.c. Left out: ranges of more than one page, MADV_FREE and other advice.
"""

from __future__ import annotations

from forkfuzz.engine import point
from forkfuzz.locking.mmap_lock import (
    lock_vma_under_rcu,
    mmap_read_lock,
    mmap_read_unlock,
    mmap_write_lock_killable,
    mmap_write_unlock,
    vma_end_read,
    vma_start_write_killable,
)
from forkfuzz.locking.spinlock import spin_lock, spin_unlock
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.mm_types import (
    VM_MAYBE_GUARD,
    VM_WIPEONFORK,
    MmStruct,
    VmAreaStruct,
)
from forkfuzz.mm.pgtable import NONE, PTE_MARKER_GUARD, Pte

from .memory import ptep_get, set_pte_at
from .mmu_gather import (
    tlb_finish_mmu,
    tlb_gather_mmu,
    zap_page_range_single,
    zap_pte_range,
)
from .tlbflush import flush_tlb_mm_range
from .vma import split_off


async def madvise_dontneed(cpu: Cpu, vpn: int) -> bool:
    """MADV_DONTNEED on one page; False if the address is not mapped.

    Under the VMA lock, that lock is dropped before the flush: fork may start while
    other CPUs still reach the page. It is not freed before the flush, and fork finds
    the entry empty.

    Points:
        those of the functions it calls.

    Source:
        mm/madvise.c: do_madvise, madvise_walk_vmas, madvise_dontneed_single_vma.
    """
    mm = cpu.mm
    mmap_locked = mm.world.rules.madvise_lock == "mmap"
    if mmap_locked:
        await mmap_read_lock(cpu, mm)
    tlb = await tlb_gather_mmu(mm)
    vma = None if mmap_locked else await lock_vma_under_rcu(cpu, mm, vpn)
    if vma is not None:
        await zap_pte_range(cpu, tlb, range(vpn, vpn + 1))
        await vma_end_read(cpu, vma)
    else:
        if not mmap_locked:
            await mmap_read_lock(cpu, mm)
            mmap_locked = True
        vma = mm.find_vma(vpn)
        if vma is not None:
            await zap_pte_range(cpu, tlb, range(vpn, vpn + 1))
    await tlb_finish_mmu(cpu, tlb)
    if mmap_locked:
        await mmap_read_unlock(cpu, mm)
    return vma is not None


async def madvise_guard_install(cpu: Cpu, vpn: int) -> bool:
    """MADV_GUARD_INSTALL on one page: accesses to it are fatal from now on.

    The VMA's flag makes fork copy its page tables even if it has no anon_vma, which a
    file mapping may lack. An anonymous one gets one, and that needs mmap_lock.

    A page that is mapped goes first; one that a fault puts there before the marker
    goes too.

    Points:
        madvise_guard_install:vm_flags, madvise_guard_install:anon_vma_prepare and those
        of the functions it calls.

    Source:
        mm/madvise.c: madvise_guard_install, is_vma_lock_sufficient. Left out: letting
        go of the locks after three rounds.
    """
    mm = cpu.mm
    vma: VmAreaStruct | None = None
    if mm.world.rules.madvise_lock == "vma":
        vma = await lock_vma_under_rcu(cpu, mm, vpn)
    if vma is not None and _lacks_anon_vma(vma):
        await vma_end_read(cpu, vma)
        vma = None
    mmap_locked = vma is None
    if vma is None:
        await mmap_read_lock(cpu, mm)
        vma = mm.find_vma(vpn)
    if vma is not None:
        await point("madvise_guard_install:vm_flags", vma.touch)
        vma.vm_flags |= VM_MAYBE_GUARD
        if _lacks_anon_vma(vma):
            await point("madvise_guard_install:anon_vma_prepare", vma.touch)
            vma.anon_vma = True
        while not await _install_marker(cpu, mm, vpn):
            await zap_page_range_single(cpu, mm, vpn)
        mm.world.watch.zap_ended(cpu, mm)
    if mmap_locked:
        await mmap_read_unlock(cpu, mm)
    elif vma is not None:
        await vma_end_read(cpu, vma)
    return vma is not None


async def _install_marker(cpu: Cpu, mm: MmStruct, vpn: int) -> bool:
    """Put a guard marker into an empty entry; False if a page is mapped there.

    The entry may be empty because another thread is just throwing the page away, which
    other CPUs reach until that has flushed. Linux does not look.

    Points:
        walk_pte_range_inner:ptep_get, walk_pte_range_inner:set_pte_at,
        walk_pte_range_inner:mm_tlb_flush_pending and those of the lock and the flush.

    Source:
        mm/pagewalk.c: walk_pte_range_inner; mm/madvise.c: guard_install_set_pte.
    """
    flush = False
    await spin_lock(cpu, mm.ptl)
    pte = await ptep_get(mm, vpn, "walk_pte_range_inner:ptep_get")
    if pte == NONE:
        pte = Pte(PTE_MARKER_GUARD)
        await set_pte_at(mm, vpn, pte, "walk_pte_range_inner:set_pte_at")
        mm.world.watch.zapped(mm, vpn)
    installed = pte == PTE_MARKER_GUARD
    if installed:
        mm.world.watch.zap_looked(cpu, mm, vpn)
    if installed and mm.world.rules.guard_flush == "on":
        await point("walk_pte_range_inner:mm_tlb_flush_pending", mm.seq_peek)
        flush = mm.tlb_flush_pending > 0
    await spin_unlock(cpu, mm.ptl)
    if flush:
        await flush_tlb_mm_range(cpu, mm, vpn, freed_tables=False)
    return installed


def _lacks_anon_vma(vma: VmAreaStruct) -> bool:
    """Return whether entries in this VMA need an anon_vma that it has not got yet."""
    return vma.is_anonymous() and not vma.anon_vma


async def madvise_vma_behavior(cpu: Cpu, vpn: int, *, flag: int) -> bool:
    """Set a VMA flag for one page: VM_DONTCOPY or VM_WIPEONFORK.

    Only anonymous private memory can be wiped.

    Returns:
        False on -ENOMEM, -EINVAL or -EINTR.

    Points:
        madvise_update_vma:vm_flags and those of `split_off` and the locks.

    Source:
        mm/madvise.c: madvise_vma_behavior, madvise_update_vma. A fatal signal ends the
        wait for readers, as it does in newer kernels.
    """
    mm = cpu.mm
    if not await mmap_write_lock_killable(cpu, mm):
        return False
    vma = mm.find_vma(vpn)
    done = vma is not None and (flag != VM_WIPEONFORK or vma.is_anonymous())
    if vma is not None and done and not vma.vm_flags & flag:
        done = await _madvise_update_vma(cpu, vma, vpn, flag)
    await mmap_write_unlock(cpu, mm)
    return done


async def _madvise_update_vma(cpu: Cpu, vma: VmAreaStruct, vpn: int, flag: int) -> bool:
    new_flags = vma.vm_flags | flag
    alone = await split_off(cpu, vma, vpn)
    if alone is None or not await vma_start_write_killable(cpu, alone):
        return False
    await point("madvise_update_vma:vm_flags", alone.touch)
    if vma.vm_mm.world.rules.mprotect_flags == "after_vma_lock":
        new_flags = alone.vm_flags | flag
    alone.vm_flags = new_flags
    return True
