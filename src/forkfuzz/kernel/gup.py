"""get_user_pages and pin_user_pages, and what is done with the pages.

Source: mm/gup.c. Left out: FOLL_FORCE, FOLL_LONGTERM, marking pages as dirty.
"""

from __future__ import annotations

from forkfuzz.engine import point
from forkfuzz.locking.mmap_lock import mmap_read_lock_killable, mmap_read_unlock
from forkfuzz.locking.spinlock import spin_lock, spin_unlock
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import GUP_PIN_COUNTING_BIAS, ZERO_PFN, Folio, Pin
from forkfuzz.mm.mm_types import MmStruct, VmAreaStruct
from forkfuzz.mm.pgtable import (
    PAGE_PRESENT,
    PAGE_RW,
    PAGE_SPECIAL,
    Pte,
    pte_pfn,
    pte_present,
)
from forkfuzz.mm.world import World

from .fault import access_error
from .memory import VmFault, VmFaultReason, ptep_get
from .memory_fault import handle_mm_fault


async def gup_fast_fallback(
    cpu: Cpu, vpn: int, *, pin: bool, write: bool, fast: bool = True
) -> Pin | None:
    """Take a reference on the page behind an address.

    Args:
        cpu: Where the thread runs whose address it is.
        vpn: The page.
        pin: FOLL_PIN; otherwise FOLL_GET.
        write: FOLL_WRITE.
        fast: Try without locks first.

    Returns:
        The reference, or None where the kernel returns -EFAULT or -EINTR.

    Points:
        gup_fast_fallback:set_MMF_HAS_PINNED and those of `_gup_fast` and
        `_get_user_pages`.
    """
    mm = cpu.mm
    early = pin and mm.world.rules.has_pinned_first == "on"
    if early and fast:
        await _set_has_pinned(mm)
    got = await _gup_fast(cpu, vpn, pin=pin, write=write) if fast else None
    if got is None:
        got = await _get_user_pages(cpu, vpn, pin=pin, write=write)
    if pin and not early:
        await _set_has_pinned(mm)
    if got is not None:
        mm.world.pins.append(got)
        mm.world.watch.pinned(got)
    return got


async def _set_has_pinned(mm: MmStruct) -> None:
    if not mm.has_pinned:
        await point("gup_fast_fallback:set_MMF_HAS_PINNED", mm.wp_seq_touch)
        mm.has_pinned = True


async def _gup_fast(cpu: Cpu, vpn: int, *, pin: bool, write: bool) -> Pin | None:
    """Look the page up without locks; None to fall back to the slow path.

    Interrupts are off during the walk, so no shootdown completes meanwhile. A pin
    that overlapped a page-table copy by fork is undone: either fork has seen the
    reference, or this sees the sequence count change.

    Points:
        gup_fast:read_write_protect_seq, gup_fast:local_irq_save,
        gup_fast:local_irq_restore, gup_fast:recheck_write_protect_seq,
        gup_put_folio:folio_put_refs and those of `_gup_fast_pte_range`.
    """
    mm = cpu.mm
    seq_checked = pin and mm.world.rules.write_protect_seq in ("on", "gup_only")
    if seq_checked:
        await point("gup_fast:read_write_protect_seq", mm.wp_seq_peek)
        seq = mm.write_protect_seq
        if seq & 1:
            return None
    await point("gup_fast:local_irq_save", cpu.tlb_write)
    cpu.irqs_enabled = False
    got = await _gup_fast_pte_range(mm, vpn, pin=pin, write=write)
    await point("gup_fast:local_irq_restore", cpu.tlb_write)
    cpu.irqs_enabled = True
    if seq_checked and got is not None:
        await point("gup_fast:recheck_write_protect_seq", mm.wp_seq_peek)
        if mm.write_protect_seq != seq:
            await _gup_put_folio(mm.world, got)
            return None
    return got


async def _gup_fast_pte_range(
    mm: MmStruct, vpn: int, *, pin: bool, write: bool
) -> Pin | None:
    """Read the entry, take the reference, and see whether the entry is still there.

    Points:
        gup_fast_pte_range:ptep_get_lockless, gup_fast_pte_range:try_grab_folio_fast,
        gup_fast_pte_range:recheck_pte, gup_fast_pte_range:gup_must_unshare,
        gup_put_folio:folio_put_refs.
    """
    world = mm.world
    pte = await ptep_get(mm, vpn, "gup_fast_pte_range:ptep_get_lockless")
    if not _usable(pte, write=write) or pte & PAGE_SPECIAL:
        return None
    folio = world.frames[pte_pfn(pte)]
    await point("gup_fast_pte_range:try_grab_folio_fast", folio.touch)
    if folio.free:
        return None
    folio.refcount += _weight(pin=pin)
    got = Pin(mm.name, vpn, folio.pfn, pin, write)
    if world.rules.gup_recheck == "on":
        now = await ptep_get(mm, vpn, "gup_fast_pte_range:recheck_pte")
        if now != pte:
            await _gup_put_folio(world, got)
            return None
    if pin and not pte & PAGE_RW:
        await point("gup_fast_pte_range:gup_must_unshare", folio.peek)
        if _gup_must_unshare(world, folio, write=write):
            await _gup_put_folio(world, got)
            return None
    return got


def _usable(pte: Pte, *, write: bool) -> bool:
    required = PAGE_PRESENT | (PAGE_RW if write else 0)
    return pte & required == required


def _gup_must_unshare(world: World, folio: Folio, *, write: bool) -> bool:
    """Return whether a read-only pin would go stale: the page may be shared."""
    if world.rules.gup_unshare == "off" or write or not folio.anon:
        return False
    return not folio.anon_exclusive


def _weight(*, pin: bool) -> int:
    return GUP_PIN_COUNTING_BIAS if pin else 1


async def _gup_put_folio(world: World, pin: Pin) -> None:
    folio = world.frames[pin.pfn]
    await point("gup_put_folio:folio_put_refs", folio.touch)
    world.put_refs(folio, _weight(pin=pin.pinned))


async def _get_user_pages(cpu: Cpu, vpn: int, *, pin: bool, write: bool) -> Pin | None:
    """Look the page up under mmap_lock, faulting it in as needed.

    Points:
        gup_fast_fallback:set_MMF_HAS_PINNED and those of mmap_lock,
        `_follow_page_pte` and handle_mm_fault.

    Source:
        mm/gup.c: __get_user_pages. Never under a VMA lock.
    """
    mm = cpu.mm
    if not await mmap_read_lock_killable(cpu, mm):
        return None
    if pin and mm.world.rules.has_pinned_first == "on":
        await _set_has_pinned(mm)
    got: Pin | None = None
    vma = mm.find_vma(vpn)
    look_for_write = write
    while vma is not None and not access_error(vma, write=write):
        got = await _follow_page_pte(cpu, vma, vpn, pin=pin, write=look_for_write)
        if got is not None or not await _faultin_page(
            cpu, vma, vpn, pin=pin, write=look_for_write
        ):
            break
        if mm.world.rules.gup_retry == "drops_write":
            look_for_write = False
    await mmap_read_unlock(cpu, mm)
    if got is not None:
        got.write = write
    return got


async def _follow_page_pte(
    cpu: Cpu, vma: VmAreaStruct, vpn: int, *, pin: bool, write: bool
) -> Pin | None:
    """Take the reference if the entry allows it as it is.

    Points:
        follow_page_pte:ptep_get, follow_page_pte:try_grab_folio.
    """
    mm, world = vma.vm_mm, vma.vm_mm.world
    await spin_lock(cpu, mm.ptl)
    pte = await ptep_get(mm, vpn, "follow_page_pte:ptep_get")
    got: Pin | None = None
    if _usable(pte, write=write):
        folio = world.frames[pte_pfn(pte)]
        stale = pin and not pte & PAGE_RW and not pte & PAGE_SPECIAL
        if not (stale and _gup_must_unshare(world, folio, write=write)):
            await point("follow_page_pte:try_grab_folio", folio.touch)
            if not pte & PAGE_SPECIAL:
                folio.refcount += _weight(pin=pin)
            got = Pin(mm.name, vpn, folio.pfn, pin, write)
    await spin_unlock(cpu, mm.ptl)
    return got


async def _faultin_page(
    cpu: Cpu,
    vma: VmAreaStruct,
    vpn: int,
    *,
    pin: bool,
    write: bool,
) -> bool:
    """Fault so that the next look finds what is asked for; False on SIGSEGV."""
    present = pte_present(vma.vm_mm.get_pte(vpn))
    unshare = bool(pin and not write and present)
    reason = await handle_mm_fault(VmFault(cpu, vma, vpn, write=write, unshare=unshare))
    return reason is not VmFaultReason.SIGSEGV


async def unpin_user_page(world: World, pin: Pin) -> None:
    """Give a page reference back.

    Points:
        gup_put_folio:folio_put_refs.
    """
    pin.released = True
    if pin.pfn != ZERO_PFN:
        await _gup_put_folio(world, pin)
    world.watch.unpinned(pin)


async def dma_write(world: World, pin: Pin, index: int, store: int) -> None:
    """Write a word through a page reference: no entry, no TLB, no lock.

    A driver lets go of a page only when its transfers are over, so a transfer that
    has not begun by then is cancelled.

    Points:
        dma:write_word.
    """
    folio = world.frames[pin.pfn]
    await point("dma:write_word", folio.word_writes[index])
    if pin.released:
        return
    folio.words[index] = store
    world.watch.device_stored(pin, index, store)


async def dma_read(world: World, pin: Pin, index: int) -> int:
    """Read a word through a page reference; returns the store that wrote it.

    A transfer that was cancelled reads 0.

    Points:
        dma:read_word.
    """
    folio = world.frames[pin.pfn]
    await point("dma:read_word", folio.word_reads[index])
    if pin.released:
        return 0
    world.watch.device_loaded(pin, index, folio.words[index])
    return folio.words[index]
