"""What the hardware does: translate, cache, forget, interrupt.

An access translates in one step and takes effect in another. Between the two, other
CPUs may change page tables, but this CPU takes no interrupt: a shootdown is
acknowledged between instructions only. So once all acknowledgements are in, every
store through an old translation is visible and no later one can use it.

An insertion into the TLB that does not happen is one that is evicted at once; the
eviction is a step of its own that the strategy may choose at any time.

Source: Intel SDM vol. 3, 4.8 and 4.10. Left out: paging-structure caches, ASIDs, store
buffers (an acknowledgement drains them, so they cannot be told apart here).
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable

from forkfuzz.engine import choose, point
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.lazy_tlb import evict_for_read, evict_for_write
from forkfuzz.mm.pgtable import (
    PAGE_ACCESSED,
    PAGE_DIRTY,
    PAGE_PRESENT,
    PAGE_RW,
    PFN_SHIFT,
    Pte,
)

from .tlbflush import flush_tlb_func

SPECULATE = "mmu:fill_or_evict"
ACKNOWLEDGE = "flush_tlb_func:acknowledge"

FAULT = -1
"""Instead of a frame number: the access faults."""


class AccessResult(enum.Enum):
    """What came of a user access, or of the fault that it took."""

    DONE = "done"
    SEGV = "segv"
    KILLED = "killed"


FaultHandler = Callable[[], Awaitable[AccessResult]]


async def load(
    cpu: Cpu, vpn: int, index: int, handle_fault: FaultHandler
) -> tuple[AccessResult, int]:
    """Load a word as an instruction does: after a fault it starts all over.

    Returns:
        What came of it, and the identity of the store that was read.
    """
    while (read := await load_word(cpu, vpn, index)) is None:
        result = await handle_fault()
        if result is not AccessResult.DONE:
            return result, 0
    return AccessResult.DONE, read


async def store(
    cpu: Cpu, vpn: int, index: int, store_id: int, handle_fault: FaultHandler
) -> AccessResult:
    """Store a word as an instruction does; a store that faulted has not happened.

    Args:
        cpu: Where.
        vpn: The page.
        index: The word.
        handle_fault: What the kernel does about a fault.
        store_id: Identity of this store; what the word will hold.
    """
    while not await store_word(cpu, vpn, index, store_id):
        result = await handle_fault()
        if result is not AccessResult.DONE:
            return result
    return AccessResult.DONE


async def load_word(cpu: Cpu, vpn: int, index: int) -> int | None:
    """Read one word through this CPU's translation; None if the access faults.

    Points:
        load:translate, load:read_word.
    """
    mm = cpu.mm
    await point("load:translate", mm.page_table.reads[vpn])
    cpu.in_instruction = True
    if mm.world.lazy_tlb:
        evict_for_read(cpu, vpn)
    entry = cpu.tlb.get(vpn)
    pfn = _walk_for_read(cpu, vpn) if entry is None else entry >> PFN_SHIFT
    if pfn == FAULT:
        page_fault(cpu, vpn)
        return None
    folio = mm.world.frames[pfn]
    await point("load:read_word", folio.word_reads[index])
    read = folio.words[index]
    mm.world.watch.loaded(cpu, mm, vpn, index, pfn, read)
    cpu.in_instruction = False
    return read


async def store_word(cpu: Cpu, vpn: int, index: int, store: int) -> bool:
    """Write one word through this CPU's translation; False if the access faults.

    Points:
        store:translate, store:set_dirty, store:write_word.
    """
    mm = cpu.mm
    await point("store:translate", mm.page_table.reads[vpn])
    cpu.in_instruction = True
    if mm.world.lazy_tlb:
        evict_for_write(cpu, vpn)
    entry = _lookup_for_write(cpu, vpn)
    if entry == FAULT or not (entry & PAGE_DIRTY or await _set_dirty(cpu, vpn, entry)):
        page_fault(cpu, vpn)
        return False
    pfn = entry >> PFN_SHIFT
    folio = mm.world.frames[pfn]
    await point("store:write_word", folio.word_writes[index])
    folio.words[index] = store
    mm.world.watch.stored(cpu, mm, vpn, index, pfn, store)
    cpu.in_instruction = False
    return True


def _walk_for_read(cpu: Cpu, vpn: int) -> int:
    """Walk the page table, set A, cache the translation."""
    entries = cpu.mm.page_table.entries
    pte = entries[vpn]
    if not pte & PAGE_PRESENT:
        return FAULT
    entries[vpn] = Pte(pte | PAGE_ACCESSED)
    _insert(cpu, vpn, pte)
    return pte >> PFN_SHIFT


def _lookup_for_write(cpu: Cpu, vpn: int) -> int:
    """Return a translation with W set, or FAULT.

    A cached entry without W may be used as it is, and fault, or be refreshed first.
    """
    entry = cpu.tlb.get(vpn)
    if entry is not None and entry & PAGE_RW:
        return entry
    entries = cpu.mm.page_table.entries
    pte = entries[vpn]
    allowed = pte & (PAGE_PRESENT | PAGE_RW) == PAGE_PRESENT | PAGE_RW
    matters = allowed or not cpu.world.lazy_tlb
    if entry is not None and matters and choose("mmu:stale_read_only", 2):
        return FAULT
    if not allowed:
        return FAULT
    entries[vpn] = Pte(pte | PAGE_ACCESSED)
    _insert(cpu, vpn, pte)
    return pte


async def _set_dirty(cpu: Cpu, vpn: int, entry: int) -> bool:
    """Set D in memory before the first store through a clean translation.

    The update is one locked operation that looks at the entry again: at P, W and the
    frame, or (``hw_dirty_lax``) at P only. It may find the entry changed since.
    """
    world = cpu.world
    await point("store:set_dirty", cpu.mm.page_table.writes[vpn])
    entries = cpu.mm.page_table.entries
    pte = entries[vpn]
    required = PAGE_PRESENT if world.hw_dirty_lax else PAGE_PRESENT | PAGE_RW
    if pte & required != required:
        return False
    if not world.hw_dirty_lax and pte >> PFN_SHIFT != entry >> PFN_SHIFT:
        return False
    entries[vpn] = Pte(pte | PAGE_ACCESSED | PAGE_DIRTY)
    _insert(cpu, vpn, entry | PAGE_DIRTY)
    return True


def _insert(cpu: Cpu, vpn: int, entry: int) -> None:
    cpu.tlb[vpn] = entry
    cpu.world.watch.filled(cpu, vpn, entry)


def page_fault(cpu: Cpu, vpn: int) -> None:
    """Raise #PF: the access has not happened, and its cached translation is dropped."""
    cpu.tlb.pop(vpn, None)
    cpu.in_instruction = False


async def speculation(cpu: Cpu) -> None:
    """Fill or evict a TLB entry at a moment of the strategy's choosing.

    A task of its own for each CPU, which stands at its point before it begins. The
    number of events is bounded for each run by ``cpu.hardware_events``, so that runs
    end.

    Points:
        mmu:fill_or_evict.
    """
    while True:
        cpu.hardware_events -= 1
        _fill_or_evict(cpu)
        await point(SPECULATE, cpu.tlb_write, cpu.may_speculate)


def _fill_or_evict(cpu: Cpu) -> None:
    ptes = cpu.mm.page_table.entries
    cached = sorted(cpu.tlb) if cpu.world.tlb_evictions else []
    fillable = [
        vpn
        for vpn, pte in enumerate(ptes)
        if pte & PAGE_PRESENT and vpn not in cpu.tlb and not cpu.is_lazy
    ]
    if not cached and not fillable:
        return
    which = choose("mmu:which_entry", len(cached) + len(fillable))
    if which < len(cached):
        del cpu.tlb[cached[which]]
    else:
        vpn = fillable[which - len(cached)]
        ptes[vpn] = Pte(ptes[vpn] | PAGE_ACCESSED)
        _insert(cpu, vpn, ptes[vpn])


async def interrupts(cpu: Cpu) -> None:
    """Take shootdown interrupts between instructions, while they are enabled.

    A task of its own for each CPU, which stands at its point before it begins; one
    acknowledgement is one step.

    Points:
        flush_tlb_func:acknowledge.
    """
    while True:
        flush_tlb_func(cpu, cpu.requests.pop(0))
        await point(ACKNOWLEDGE, cpu.tlb_write, cpu.interrupt_pending)
