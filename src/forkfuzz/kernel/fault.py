"""Page faults: which lock they run under, and what the thread gets.

Source: arch/x86/mm/fault.c: do_user_addr_fault. Left out: stack growth, protection
keys, signals other than SIGSEGV.
"""

from __future__ import annotations

from forkfuzz.locking.mmap_lock import (
    lock_vma_under_rcu,
    mmap_read_lock_killable,
    mmap_read_unlock,
    vma_end_read,
)
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.mm_types import VM_READ, VM_WRITE, VmAreaStruct

from .memory import VmFault, VmFaultReason
from .memory_fault import handle_mm_fault
from .mmu import AccessResult


async def do_user_addr_fault(
    cpu: Cpu, vpn: int, *, write: bool, user: bool
) -> AccessResult:
    """Handle a fault: under the VMA lock if it can be had, else under mmap_lock.

    Source:
        arch/x86/mm/fault.c: do_user_addr_fault.
    """
    rules = cpu.world.rules
    vma_lock = rules.fault_lock == "vma" and (user or rules.kernel_fault == "vma_lock")
    if not vma_lock:
        return await _fault_under_mmap_lock(cpu, vpn, write=write)
    return await _fault_under_vma_lock(cpu, vpn, write=write)


async def _fault_under_vma_lock(cpu: Cpu, vpn: int, *, write: bool) -> AccessResult:
    """Handle a fault under the VMA lock, and where that is not enough once more."""
    vma = await lock_vma_under_rcu(cpu, cpu.mm, vpn)
    if vma is None:
        return await _fault_under_mmap_lock(cpu, vpn, write=write)
    if access_error(vma, write=write):
        await vma_end_read(cpu, vma)
        return AccessResult.SEGV
    reason = await handle_mm_fault(
        VmFault(cpu, vma, vpn, write=write, vma_lock_held=True)
    )
    if reason is not VmFaultReason.RETRY:
        await vma_end_read(cpu, vma)
        return _result(reason)
    if cpu.world.rules.fault_retry == "vma_locked":
        result = await _fault_under_mmap_lock(cpu, vpn, write=write)
        await vma_end_read(cpu, vma)
        return result
    await vma_end_read(cpu, vma)
    return await _fault_under_mmap_lock(cpu, vpn, write=write)


async def _fault_under_mmap_lock(cpu: Cpu, vpn: int, *, write: bool) -> AccessResult:
    mm = cpu.mm
    if not await mmap_read_lock_killable(cpu, mm):
        return AccessResult.KILLED
    vma = mm.find_vma(vpn)
    if vma is None or access_error(vma, write=write):
        await mmap_read_unlock(cpu, mm)
        return AccessResult.SEGV
    reason = await handle_mm_fault(VmFault(cpu, vma, vpn, write=write))
    await mmap_read_unlock(cpu, mm)
    return _result(reason)


def _result(reason: VmFaultReason) -> AccessResult:
    if reason is VmFaultReason.SIGSEGV:
        return AccessResult.SEGV
    return AccessResult.DONE


def access_error(vma: VmAreaStruct, *, write: bool) -> bool:
    """Return whether the VMA forbids the access."""
    return not vma.vm_flags & (VM_WRITE if write else VM_READ)
