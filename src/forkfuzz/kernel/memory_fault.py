"""The part of mm/memory.c that sends a fault where it belongs.

Source: mm/memory.c: handle_mm_fault, handle_pte_fault. Left out: page-table allocation,
NUMA hints, uffd markers.
"""

from __future__ import annotations

from forkfuzz.locking.spinlock import spin_lock, spin_unlock
from forkfuzz.mm.pgtable import (
    PAGE_ACCESSED,
    PAGE_RW,
    PTE_MARKER_GUARD,
    PTE_SWAP,
    Pte,
    pte_mkdirty,
    pte_present,
)

from .memory import (
    VmFault,
    VmFaultReason,
    do_anonymous_page,
    do_wp_page,
    ptep_get,
    set_pte_at,
)
from .memory_file import do_fault
from .swap import do_swap_page


async def handle_mm_fault(vmf: VmFault) -> VmFaultReason:
    """Handle a fault on a page of ``vmf.vma``.

    Context:
        The VMA is read-locked, by its own lock or by mmap_lock; it still is on return.

    Points:
        handle_pte_fault:ptep_get_lockless and those of the functions it calls.

    Source:
        mm/memory.c: handle_pte_fault. The lock is dropped by the caller on RETRY.
    """
    vmf.orig_pte = await ptep_get(vmf.mm, vmf.vpn, "handle_pte_fault:ptep_get_lockless")
    if vmf.orig_pte & PTE_MARKER_GUARD:
        return VmFaultReason.SIGSEGV
    if vmf.orig_pte & PTE_SWAP:
        return await do_swap_page(vmf)
    if not pte_present(vmf.orig_pte):
        if vmf.vma.is_anonymous():
            return await do_anonymous_page(vmf)
        return await do_fault(vmf)
    await spin_lock(vmf.cpu, vmf.mm.ptl)
    if await _pte_changed(vmf):
        await spin_unlock(vmf.cpu, vmf.mm.ptl)
        return VmFaultReason.DONE
    if (vmf.write or vmf.unshare) and not vmf.orig_pte & PAGE_RW:
        return await do_wp_page(vmf)
    await _ptep_set_access_flags(vmf)
    await spin_unlock(vmf.cpu, vmf.mm.ptl)
    return VmFaultReason.DONE


async def _pte_changed(vmf: VmFault) -> bool:
    """Return whether the entry is no longer the one that was looked at.

    A and D may have been set by hardware since; the kernel's pte_same sees that too.
    """
    now = await ptep_get(vmf.mm, vmf.vpn, "handle_pte_fault:pte_same")
    return now != vmf.orig_pte


async def _ptep_set_access_flags(vmf: VmFault) -> None:
    """Set A and, for a write, D; x86 stores only if that changes a write's entry."""
    young = vmf.orig_pte | PAGE_ACCESSED
    if vmf.write:
        young = pte_mkdirty(young)
        if young != vmf.orig_pte:
            await set_pte_at(
                vmf.mm, vmf.vpn, Pte(young), "ptep_set_access_flags:set_pte"
            )
