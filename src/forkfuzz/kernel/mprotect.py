"""mprotect(): rights are taken from a page, or given back, in place.

Source: mm/mprotect.c. Left out: ranges of more than one page, merging VMAs, protection
keys, NUMA hints, userfaultfd, accounting.
"""

from __future__ import annotations

from forkfuzz.engine import point
from forkfuzz.locking.mmap_lock import (
    mmap_write_lock_killable,
    mmap_write_unlock,
    vma_start_write_killable,
)
from forkfuzz.locking.spinlock import spin_lock, spin_unlock
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.mm_types import VM_READ, VM_SHARED, VM_WRITE, VmAreaStruct
from forkfuzz.mm.pgtable import (
    NONE,
    PAGE_PRESENT,
    PAGE_RW,
    PAGE_SPECIAL,
    Pte,
    pte_dirty,
    pte_mkwrite,
    pte_modify,
    pte_pfn,
    pte_present,
)

from .memory import ptep_get
from .mmu_gather import MmuGather, tlb_finish_mmu, tlb_gather_mmu
from .tlbflush import flush_tlb_batched_pending
from .vma import split_off

_FLAGS = {"none": 0, "r": VM_READ, "rw": VM_READ | VM_WRITE}


async def do_mprotect_pkey(cpu: Cpu, vpn: int, prot: str) -> bool:
    """mprotect() of one page to ``r``, ``rw`` or ``none``.

    Translations that have lost rights are flushed before mmap_lock is dropped, so no
    fault and no fork meets them.

    Returns:
        False on -ENOMEM, where nothing is mapped, or -EINTR.

    Points:
        those of the functions it calls.
    """
    mm = cpu.mm
    if not await mmap_write_lock_killable(cpu, mm):
        return False
    vma = mm.find_vma(vpn)
    if vma is not None:
        tlb = await tlb_gather_mmu(mm)
        vma = await _mprotect_fixup(cpu, tlb, vma, vpn, _FLAGS[prot])
        if mm.world.rules.mprotect_flush == "none":
            tlb.vpns.clear()
        await tlb_finish_mmu(cpu, tlb)
    if vma is not None and prot != "rw":
        mm.world.watch.write_protected(mm, vpn)
    await mmap_write_unlock(cpu, mm)
    return vma is not None


async def _mprotect_fixup(
    cpu: Cpu, tlb: MmuGather, vma: VmAreaStruct, vpn: int, rights: int
) -> VmAreaStruct | None:
    """Give a page a VMA with *rights*, and its entry what they allow.

    Returns:
        The VMA; None if a fatal signal came first.

    Points:
        mprotect_fixup:vm_flags_reset_once and those of the functions it calls.

    Source:
        mm/mprotect.c: mprotect_fixup.
    """
    newflags = _with_rights(vma.vm_flags, rights)
    if newflags == vma.vm_flags:
        return vma
    alone = await split_off(cpu, vma, vpn)
    if alone is None or not await vma_start_write_killable(cpu, alone):
        return None
    await point("mprotect_fixup:vm_flags_reset_once", alone.touch)
    if vma.vm_mm.world.rules.mprotect_flags == "after_vma_lock":
        newflags = _with_rights(alone.vm_flags, rights)
    alone.vm_flags = newflags
    await _change_pte_range(cpu, tlb, alone)
    return alone


def _with_rights(flags: int, rights: int) -> int:
    return flags & ~(VM_READ | VM_WRITE) | rights


async def _change_pte_range(cpu: Cpu, tlb: MmuGather, vma: VmAreaStruct) -> None:
    """Change the entries of a VMA to what its flags allow now.

    Points:
        change_pte_range:ptep_get, change_pte_range:ptep_modify_prot_start,
        change_pte_range:ptep_modify_prot_commit and those of
        `can_change_pte_writable`, flush_tlb_batched_pending and the lock.

    Source:
        mm/mprotect.c: change_pte_range.
    """
    mm = vma.vm_mm
    await spin_lock(cpu, mm.ptl)
    await flush_tlb_batched_pending(cpu, mm)
    for vpn in range(vma.vm_start, vma.vm_end):
        if pte_present(await ptep_get(mm, vpn, "change_pte_range:ptep_get")):
            await _change_pte(tlb, vma, vpn)
    await spin_unlock(cpu, mm.ptl)


async def _change_pte(tlb: MmuGather, vma: VmAreaStruct, vpn: int) -> None:
    """Change one entry, empty in between so that hardware cannot change it as well."""
    mm = vma.vm_mm
    write = mm.page_table.writes[vpn]
    await point("change_pte_range:ptep_modify_prot_start", write)
    old = mm.get_pte(vpn)
    mm.set_pte(vpn, NONE)
    accessible = bool(vma.vm_flags & (VM_READ | VM_WRITE))
    new = pte_modify(old, accessible=accessible)
    if vma.vm_flags & VM_WRITE and await can_change_pte_writable(vma, new):
        new = pte_mkwrite(new)
    await point("change_pte_range:ptep_modify_prot_commit", write)
    mm.set_pte(vpn, new)
    if old & ~new & (PAGE_PRESENT | PAGE_RW):
        tlb.vpns.append(vpn)


async def can_change_pte_writable(vma: VmAreaStruct, pte: Pte) -> bool:
    """Return whether an entry may get W without a fault.

    Context:
        The page-table lock is held, and the VMA may be written.

    Points:
        can_change_pte_writable:PageAnonExclusive.
    """
    if pte & PAGE_SPECIAL:
        return False
    if vma.vm_flags & VM_SHARED:
        return pte_dirty(pte)
    folio = vma.vm_mm.world.frames[pte_pfn(pte)]
    await point("can_change_pte_writable:PageAnonExclusive", folio.peek)
    return folio.anon and folio.anon_exclusive
