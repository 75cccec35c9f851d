"""The part of mm/memory.c that fork uses: copying page tables.

Source: mm/memory.c: copy_page_range and what it calls. Left out: upper levels, huge
pages, migration and device entries, userfaultfd, MMU notifiers, accounting.
"""

from __future__ import annotations

import enum

import attrs

from forkfuzz.engine import choose, point
from forkfuzz.locking.spinlock import spin_lock, spin_unlock
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import Folio
from forkfuzz.mm.mm_types import (
    VM_COPY_ON_FORK,
    VM_SHARED,
    MmStruct,
    VmAreaStruct,
)
from forkfuzz.mm.pgtable import (
    NONE,
    PAGE_RW,
    PAGE_SPECIAL,
    PTE_SWAP,
    Pte,
    pte_mkclean,
    pte_mkdirty,
    pte_mkold,
    pte_pfn,
    pte_present,
    pte_wrprotect,
)

from .memory import copy_folio, maybe_mkwrite, ptep_get, set_pte_at, vma_mk_pte
from .rmap import ask_if_pinned, folio_try_dup_anon_rmap_pte
from .swap import copy_swap_pte
from .tlbflush import flush_tlb_page

ENTRIES_BEFORE_BREAK = 4
"""After so many present entries copy_pte_range may give way, to a task that spins for a
lock of its or that the scheduler prefers."""


class CopyResult(enum.Enum):
    """How the copy of one entry, or under one hold of the locks, went."""

    DONE = 0
    EAGAIN = 1


@attrs.define(eq=False, slots=True)
class _Copy:
    """One walk of copy_pte_range.

    Attributes:
        prealloc: A page allocated while no lock was held, for the entry at hand.
        queued: Page-table writes that lazy-MMU mode has not carried out yet.
        protected: Pages that were write-protected and flushed in an earlier pass.
    """

    cpu: Cpu
    dst_vma: VmAreaStruct
    src_vma: VmAreaStruct
    prealloc: Folio | None = None
    queued: list[int] = attrs.Factory(list)
    protected: list[int] = attrs.Factory(list)

    @property
    def dst_mm(self) -> MmStruct:
        return self.dst_vma.vm_mm

    @property
    def src_mm(self) -> MmStruct:
        return self.src_vma.vm_mm


def vma_needs_copy(dst_vma: VmAreaStruct, src_vma: VmAreaStruct) -> bool:
    """Return whether page tables must be copied; otherwise the child refaults."""
    return bool(dst_vma.vm_flags & VM_COPY_ON_FORK) or src_vma.anon_vma


async def copy_page_range(
    cpu: Cpu, dst_vma: VmAreaStruct, src_vma: VmAreaStruct
) -> bool:
    """Copy the page tables of one VMA to the child.

    Context:
        Both mmap_locks are held for writing, and the VMA is write-locked.

    Returns:
        False on -ENOMEM; what was copied so far stays for the caller to undo.

    Points:
        copy_page_range:write_protect_seq_begin, copy_page_range:write_protect_seq_end
        and those of `_copy_pte_range`.
    """
    mm = src_vma.vm_mm
    if not vma_needs_copy(dst_vma, src_vma):
        return True
    seq = src_vma.is_cow_mapping() and mm.world.rules.write_protect_seq in (
        "on",
        "fork_only",
    )
    if seq:
        await point("copy_page_range:write_protect_seq_begin", mm.wp_seq_touch)
        mm.write_protect_seq += 1
    done = await _copy_pte_range(_Copy(cpu, dst_vma, src_vma))
    if seq:
        await point("copy_page_range:write_protect_seq_end", mm.wp_seq_touch)
        mm.write_protect_seq += 1
    return done


async def _copy_pte_range(copy: _Copy) -> bool:
    """Copy the entries of one page table, dropping its locks where it must.

    After a drop everything is read and decided anew, at the same entry.

    Points:
        copy_pte_range:folio_prealloc, arch_leave_lazy_mmu_mode:set_pte and those of
        `_copy_ptes_locked` and the locks.
    """
    world = copy.src_mm.world
    vpn, end = copy.src_vma.vm_start, copy.src_vma.vm_end
    while vpn < end:
        await spin_lock(copy.cpu, copy.dst_mm.ptl)
        await spin_lock(copy.cpu, copy.src_mm.ptl)
        vpn, result = await _copy_ptes_locked(copy, vpn)
        await _leave_lazy_mmu_mode(copy)
        await spin_unlock(copy.cpu, copy.src_mm.ptl)
        await spin_unlock(copy.cpu, copy.dst_mm.ptl)
        if result is CopyResult.EAGAIN:
            await point("copy_pte_range:folio_prealloc", world.allocator)
            if world.fails("copy_present_page"):
                return False
            copy.prealloc = world.alloc_folio(anon=True, cpu=copy.cpu)
    _drop_prealloc(copy)
    return True


async def _copy_ptes_locked(copy: _Copy, vpn: int) -> tuple[int, CopyResult]:
    """Copy entries from *vpn* on; return where it stopped, and why.

    Points:
        copy_pte_range:ptep_get, copy_nonpresent_pte:set_marker and those of
        copy_present_pte and copy_swap_pte.
    """
    progress = 0
    while vpn < copy.src_vma.vm_end:
        if progress >= ENTRIES_BEFORE_BREAK and choose(
            "copy_pte_range:need_resched", 2
        ):
            return vpn, CopyResult.DONE
        ptent = await ptep_get(copy.src_mm, vpn, "copy_pte_range:ptep_get")
        if pte_present(ptent):
            if await copy_present_pte(copy, vpn, ptent) is CopyResult.EAGAIN:
                return vpn, CopyResult.EAGAIN
            _drop_prealloc(copy)
            progress += 1
        elif ptent & PTE_SWAP:
            await copy_swap_pte(copy.dst_mm, copy.src_mm, vpn, ptent)
        elif ptent != NONE:
            # A guard marker: the parent's stays, the child gets the same.
            await set_pte_at(copy.dst_mm, vpn, ptent, "copy_nonpresent_pte:set_marker")
        vpn += 1
    return vpn, CopyResult.DONE


def _drop_prealloc(copy: _Copy) -> None:
    """Give back a page that turned out not to be needed for its entry."""
    if copy.prealloc is not None:
        copy.src_mm.world.put_refs(copy.prealloc)
        copy.prealloc = None


async def _leave_lazy_mmu_mode(copy: _Copy) -> None:
    """Carry out the page-table writes that were queued."""
    for vpn in copy.queued:
        await _wrprotect(copy, vpn, "arch_leave_lazy_mmu_mode:set_pte")
    copy.queued.clear()


async def _wrprotect(copy: _Copy, vpn: int, label: str) -> None:
    """Take W from the parent's entry, as one compare-and-swap."""
    await point(label, copy.src_mm.page_table.writes[vpn])
    copy.src_mm.set_pte(vpn, pte_wrprotect(copy.src_mm.get_pte(vpn)))


async def copy_present_pte(copy: _Copy, vpn: int, ptent: Pte) -> CopyResult:
    """Share one present page with the child, or copy it if it may be pinned.

    Context:
        Both page-table locks are held.

    Points:
        copy_present_ptes:folio_get, copy_present_ptes:folio_dup_file_rmap,
        copy_present_ptes:folio_put and those of folio_try_dup_anon_rmap_pte,
        copy_present_page and `_share_pte`.

    Source:
        mm/memory.c: copy_present_ptes, one page at a time.
    """
    world = copy.src_mm.world
    if ptent & PAGE_SPECIAL:
        await _share_pte(copy, vpn, ptent)
        return CopyResult.DONE
    folio = world.frames[pte_pfn(ptent)]
    asked: bool | None = None
    if world.rules.pin_test == "before_ref" and folio.anon:
        asked = await ask_if_pinned(copy.src_mm, folio)
    await point("copy_present_ptes:folio_get", folio.touch)
    folio.refcount += 1
    if not folio.anon:
        await point("copy_present_ptes:folio_dup_file_rmap", folio.touch)
        world.add_mapping(folio, 1)
    elif not await folio_try_dup_anon_rmap_pte(copy.src_mm, folio, maybe_pinned=asked):
        await point("copy_present_ptes:folio_put", folio.touch)
        world.put_refs(folio)
        return await copy_present_page(copy, vpn, folio)
    await _share_pte(copy, vpn, ptent)
    return CopyResult.DONE


async def _share_pte(copy: _Copy, vpn: int, ptent: Pte) -> None:
    """Write-protect the parent's entry and store the child's.

    There is no flush here: until the one at the end of dup_mmap, stores through
    cached entries go to the shared frame, and are meant to be seen by both sides.

    Points:
        __copy_present_ptes:wrprotect_ptes, __copy_present_ptes:set_ptes.

    Source:
        mm/memory.c: __copy_present_ptes.
    """
    if copy.src_vma.is_cow_mapping() and ptent & PAGE_RW:
        await _wrprotect(copy, vpn, "__copy_present_ptes:wrprotect_ptes")
        ptent = pte_wrprotect(ptent)
    if copy.src_vma.vm_flags & VM_SHARED:
        ptent = pte_mkclean(ptent)
    await set_pte_at(copy.dst_mm, vpn, pte_mkold(ptent), "__copy_present_ptes:set_ptes")


async def copy_present_page(copy: _Copy, vpn: int, folio: Folio) -> CopyResult:
    """Give the child its own copy of a page that may be pinned.

    The parent keeps the page, its mark and the pins. Its entry is write-protected and
    flushed first, so that what is copied is what the page holds at the unlock: a
    store that comes now faults, and the fault waits. Mainline copies only.

    Returns:
        EAGAIN, with nothing copied, while there is no preallocated page.

    Context:
        Both page-table locks are held from the write-protection to the child's entry.

    Points:
        copy_present_page:copy_mc_user_highpage, copy_present_page:set_pte_at,
        copy_present_page:ClearPageAnonExclusive and those of `_protect_and_flush`.

    Source:
        mm/memory.c: copy_present_page. Left out: memory failure, uffd-wp.
    """
    order = copy.src_mm.world.rules.pinned_copy
    first_only = copy.src_mm.world.rules.protect_again == "off"
    if copy.prealloc is None:
        if first_only:
            await _protect_and_flush(copy, vpn)
            copy.protected.append(vpn)
        return CopyResult.EAGAIN
    if order != "copy_protect_flush" and vpn not in copy.protected:
        await _protect_and_flush(copy, vpn)
    new, copy.prealloc = copy.prealloc, None
    await copy_folio(
        copy.src_mm, vpn, folio, new, "copy_present_page:copy_mc_user_highpage"
    )
    if order == "copy_protect_flush":
        await _protect_and_flush(copy, vpn)
    await _set_child_copy(copy, vpn, new)
    if copy.src_mm.world.rules.pinned_keeps_exclusive == "off":
        await point("copy_present_page:ClearPageAnonExclusive", folio.touch)
        copy.src_mm.world.set_exclusive(folio, exclusive=False)
    return CopyResult.DONE


async def _protect_and_flush(copy: _Copy, vpn: int) -> None:
    """Do as much of "write-protect, then flush" as the rules ask for.

    Points:
        copy_present_page:ptep_set_wrprotect and those of flush_tlb_page.
    """
    order = copy.src_mm.world.rules.pinned_copy
    if order == "lazy_queue":
        copy.queued.append(vpn)
    elif order not in ("copy_only", "flush_copy"):
        await _wrprotect(copy, vpn, "copy_present_page:ptep_set_wrprotect")
    if order not in ("copy_only", "protect_copy"):
        await flush_tlb_page(copy.cpu, copy.src_mm, vpn)


async def _set_child_copy(copy: _Copy, vpn: int, new: Folio) -> None:
    world = copy.src_mm.world
    pte = pte_mkdirty(maybe_mkwrite(vma_mk_pte(copy.dst_vma, new.pfn), copy.dst_vma))
    await point("copy_present_page:set_pte_at", copy.dst_mm.page_table.writes[vpn])
    world.add_mapping(new, 1)
    world.set_exclusive(new, exclusive=True)
    copy.dst_mm.set_pte(vpn, pte)
