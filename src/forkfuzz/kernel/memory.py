"""Page faults on anonymous memory, and copy-on-write.

Source: mm/memory.c; what it does about swap entries is in `swap`, about mappings with
something behind them in `memory_file`. Left out: NUMA hints, userfaultfd, KSM, large
folios, accounting.
"""

from __future__ import annotations

import enum

import attrs

from forkfuzz.engine import point
from forkfuzz.locking.mmap_lock import mmap_read_trylock, mmap_read_unlock
from forkfuzz.locking.spinlock import spin_lock, spin_unlock
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import ZERO_PFN, Folio
from forkfuzz.mm.mm_types import VM_READ, VM_SHARED, VM_WRITE, MmStruct, VmAreaStruct
from forkfuzz.mm.pgtable import (
    NONE,
    PAGE_ACCESSED,
    PAGE_SPECIAL,
    Pte,
    mk_pte,
    pte_mkdirty,
    pte_mkwrite,
    pte_modify,
    pte_pfn,
)

from .tlbflush import flush_tlb_page


class VmFaultReason(enum.Enum):
    """What a fault handler returns: enum vm_fault_reason."""

    DONE = 0
    SIGSEGV = 1
    RETRY = 2


@attrs.define(eq=False, slots=True)
class VmFault:
    """What a fault handler works on: struct vm_fault.

    Attributes:
        cpu: Where it runs.
        vma: The VMA, read-locked by itself or through mmap_lock.
        vpn: The page.
        write: FAULT_FLAG_WRITE.
        unshare: FAULT_FLAG_UNSHARE: break sharing without making the entry writable.
        vma_lock_held: FAULT_FLAG_VMA_LOCK.
        orig_pte: The entry that the decision was made for.
    """

    cpu: Cpu
    vma: VmAreaStruct
    vpn: int
    write: bool
    unshare: bool = False
    vma_lock_held: bool = False
    orig_pte: Pte = NONE

    @property
    def mm(self) -> MmStruct:
        """Return the address space that the VMA belongs to."""
        return self.vma.vm_mm


def maybe_mkwrite(pte: Pte, vma: VmAreaStruct) -> Pte:
    """Set W if the VMA may be written at present."""
    return pte_mkwrite(pte) if vma.vm_flags & VM_WRITE else pte


def vma_mk_pte(vma: VmAreaStruct, pfn: int, bits: int = 0) -> Pte:
    """Return an entry for frame *pfn* with what the VMA allows, W excepted.

    It is marked as accessed: every protection of a user mapping is on x86.

    Source:
        include/linux/mm.h: folio_mk_pte with vma->vm_page_prot.
    """
    pte = mk_pte(pfn, bits | PAGE_ACCESSED)
    if vma.vm_flags & (VM_READ | VM_WRITE):
        return pte
    return pte_modify(pte, accessible=False)


async def ptep_get(mm: MmStruct, vpn: int, label: str) -> Pte:
    """Read an entry, as a step named *label*."""
    await point(label, mm.page_table.reads[vpn])
    return mm.get_pte(vpn)


async def set_pte_at(mm: MmStruct, vpn: int, pte: Pte, label: str) -> None:
    """Store an entry, as a step named *label*."""
    await point(label, mm.page_table.writes[vpn])
    mm.set_pte(vpn, pte)


async def vmf_anon_prepare(vmf: VmFault) -> bool:
    """Give the VMA an anon_vma; False where that needs mmap_lock and cannot have it.

    Points:
        vmf_anon_prepare:anon_vma, vmf_anon_prepare:__anon_vma_prepare and those of
        mmap_lock.
    """
    await point("vmf_anon_prepare:anon_vma", vmf.vma.peek)
    if vmf.vma.anon_vma:
        return True
    if vmf.vma_lock_held and not await mmap_read_trylock(vmf.cpu, vmf.mm):
        return False
    await point("vmf_anon_prepare:__anon_vma_prepare", vmf.vma.touch)
    vmf.vma.anon_vma = True
    if vmf.vma_lock_held:
        await mmap_read_unlock(vmf.cpu, vmf.mm)
    return True


async def do_anonymous_page(vmf: VmFault) -> VmFaultReason:
    """Fill an empty entry: the zero page for a read, a cleared page for a write.

    Points:
        do_anonymous_page:pte_none, do_anonymous_page:set_pte_at and those of
        vmf_anon_prepare and the lock.
    """
    world, mm = vmf.mm.world, vmf.mm
    folio: Folio | None = None
    if vmf.write:
        if not await vmf_anon_prepare(vmf):
            return VmFaultReason.RETRY
        folio = world.alloc_folio(anon=True, cpu=vmf.cpu)
        pte = vma_mk_pte(vmf.vma, folio.pfn)
        pte = pte_mkdirty(maybe_mkwrite(pte, vmf.vma))
    else:
        pte = vma_mk_pte(vmf.vma, ZERO_PFN, PAGE_SPECIAL)
    await spin_lock(vmf.cpu, mm.ptl)
    if await ptep_get(mm, vmf.vpn, "do_anonymous_page:pte_none") != NONE:
        if folio is not None:
            world.put_refs(folio)
    else:
        await point("do_anonymous_page:set_pte_at", mm.page_table.writes[vmf.vpn])
        if folio is not None:
            world.add_mapping(folio, 1)
            world.set_exclusive(folio, exclusive=True)
        mm.set_pte(vmf.vpn, pte)
    await spin_unlock(vmf.cpu, mm.ptl)
    return VmFaultReason.DONE


async def do_wp_page(vmf: VmFault) -> VmFaultReason:
    """Handle a write to, or an unsharing of, a present entry without W.

    Context:
        Called with the page-table lock held; returns without it.

    Points:
        do_wp_page:PageAnonExclusive, wp_can_reuse_anon_folio:folio_ref_count,
        do_wp_page:SetPageAnonExclusive, do_wp_page:folio_get, and those of
        wp_page_reuse and wp_page_copy.
    """
    mm, world = vmf.mm, vmf.mm.world
    folio = world.frames[pte_pfn(vmf.orig_pte)]
    if vmf.vma.vm_flags & VM_SHARED:
        await wp_page_reuse(vmf)
        return VmFaultReason.DONE
    if vmf.orig_pte & PAGE_SPECIAL:
        await spin_unlock(vmf.cpu, mm.ptl)
        return await wp_page_copy(vmf, None)
    if await _may_reuse(vmf, folio):
        if vmf.unshare:
            await spin_unlock(vmf.cpu, mm.ptl)
        else:
            await wp_page_reuse(vmf)
        return VmFaultReason.DONE
    await point("do_wp_page:folio_get", folio.touch)
    folio.refcount += 1
    await spin_unlock(vmf.cpu, mm.ptl)
    return await wp_page_copy(vmf, folio)


async def _may_reuse(vmf: VmFault, folio: Folio) -> bool:
    """Decide whether the page belongs to this mapping alone; if so, mark it so.

    Source:
        mm/memory.c: do_wp_page, wp_can_reuse_anon_folio. Left out: the swap cache and
        the LRU's batches, whose references the kernel tries to get rid of first.
    """
    reuse, world = vmf.mm.world.rules.reuse, vmf.mm.world
    if not folio.anon:
        return False  # the page cache's
    if reuse == "exclusive":
        await point("do_wp_page:PageAnonExclusive", folio.peek)
        if folio.anon_exclusive:
            return True
    await point("wp_can_reuse_anon_folio:folio_ref_count", folio.peek)
    alone = folio.mapcount if reuse == "mapcount" else folio.refcount
    if alone != 1:
        return False
    await point("do_wp_page:SetPageAnonExclusive", folio.touch)
    world.set_exclusive(folio, exclusive=True)
    return True


async def wp_page_reuse(vmf: VmFault) -> None:
    """Make the entry writable in place; drops the page-table lock.

    No flush: an entry that gains rights costs at most a spurious fault.

    Points:
        wp_page_reuse:set_pte.
    """
    entry = pte_mkdirty(maybe_mkwrite(Pte(vmf.orig_pte | PAGE_ACCESSED), vmf.vma))
    await set_pte_at(vmf.mm, vmf.vpn, entry, "wp_page_reuse:set_pte")
    await spin_unlock(vmf.cpu, vmf.mm.ptl)


async def wp_page_copy(vmf: VmFault, old: Folio | None) -> VmFaultReason:
    """Give this mapping a copy of its own. *old* is None for the zero page.

    The contents are copied without the page-table lock, which is right only because
    nobody can be writing the old page then. The old entry is cleared and flushed
    before the new one is set, so that no two CPUs ever use different frames, and the
    old page's mapcount goes last, so that nobody takes it for unshared while a TLB
    still leads there.

    Points:
        wp_page_copy:__wp_page_copy_user, wp_page_copy:pte_same,
        wp_page_copy:folio_put and those of vmf_anon_prepare and `_replace_page`.
    """
    world, mm = vmf.mm.world, vmf.mm
    if not await vmf_anon_prepare(vmf):
        await _put_old(mm, old)
        return VmFaultReason.RETRY
    new = world.alloc_folio(anon=True, cpu=vmf.cpu)
    if old is not None:
        await copy_folio(mm, vmf.vpn, old, new, "wp_page_copy:__wp_page_copy_user")
    await spin_lock(vmf.cpu, mm.ptl)
    if await ptep_get(mm, vmf.vpn, "wp_page_copy:pte_same") != vmf.orig_pte:
        await spin_unlock(vmf.cpu, mm.ptl)
        world.put_refs(new)
        await _put_old(mm, old)
    else:
        await _replace_page(vmf, old, new)
    return VmFaultReason.DONE


async def copy_folio(
    mm: MmStruct, vpn: int, source: Folio, target: Folio, label: str
) -> None:
    """Copy the page *vpn* word by word, each a step named *label*.

    Stores that other CPUs or devices make to *source* meanwhile may fall between two
    words. *target* is not visible to anybody yet.
    """
    watch = mm.world.watch
    for index in range(mm.world.words[vpn]):
        await point(label, source.word_reads[index])
        target.words[index] = source.words[index]
        watch.word_copied(source, target, index, source.words[index])


async def _replace_page(vmf: VmFault, old: Folio | None, new: Folio) -> None:
    """Put *new* in the place of *old*; drops the page-table lock.

    Points:
        wp_page_copy:ptep_clear, wp_page_copy:set_pte_at,
        wp_page_copy:folio_remove_rmap_pte, wp_page_copy:folio_put, and those of
        flush_tlb_page.
    """
    rules, mm, cpu = vmf.mm.world.rules, vmf.mm, vmf.cpu
    entry = vma_mk_pte(vmf.vma, new.pfn)
    if not vmf.unshare:
        entry = pte_mkdirty(maybe_mkwrite(entry, vmf.vma))
    if rules.rmap_drop == "before_flush":
        await _remove_rmap(mm, old)
        await _put_mapping_and_own(mm, old)
    if rules.cow_order != "set_then_flush":
        await set_pte_at(mm, vmf.vpn, NONE, "wp_page_copy:ptep_clear")
        await flush_tlb_page(cpu, mm, vmf.vpn)
    if rules.cow_order == "drop_ptl":
        await spin_unlock(cpu, mm.ptl)
        await spin_lock(cpu, mm.ptl)
    await _set_new(vmf, new, entry)
    if rules.cow_order == "set_then_flush":
        await flush_tlb_page(cpu, mm, vmf.vpn)
    if rules.rmap_drop == "after_flush":
        await _remove_rmap(mm, old)
    await spin_unlock(cpu, mm.ptl)
    if rules.rmap_drop == "after_flush":
        await _put_mapping_and_own(mm, old)


async def _set_new(vmf: VmFault, new: Folio, entry: Pte) -> None:
    mm, world = vmf.mm, vmf.mm.world
    await point("wp_page_copy:set_pte_at", mm.page_table.writes[vmf.vpn])
    world.add_mapping(new, 1)
    world.set_exclusive(new, exclusive=True)
    mm.set_pte(vmf.vpn, entry)


async def _remove_rmap(mm: MmStruct, old: Folio | None) -> None:
    """Take the old page's mapping away; its reference goes later."""
    if old is not None:
        await point("wp_page_copy:folio_remove_rmap_pte", old.touch)
        mm.world.add_mapping(old, -1)


async def _put_mapping_and_own(mm: MmStruct, old: Folio | None) -> None:
    """Give back the reference that went with the mapping, then the fault's own."""
    await _put_old(mm, old)
    await _put_old(mm, old)


async def _put_old(mm: MmStruct, old: Folio | None) -> None:
    """Give back the reference that kept the old page while it was copied."""
    if old is not None:
        await point("wp_page_copy:folio_put", old.touch)
        mm.world.put_refs(old)
