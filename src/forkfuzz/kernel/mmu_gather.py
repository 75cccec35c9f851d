"""Changing many entries with one flush, and freeing pages only after it.

Source: mm/mmu_gather.c, mm/memory.c: zap_pte_range, zap_nonpresent_ptes. Left out: page
tables of their own, batches that fill up, the reverse mapping of dirty file pages that
waits for a flush.
"""

from __future__ import annotations

import attrs

from forkfuzz.engine import point
from forkfuzz.locking.spinlock import spin_lock, spin_unlock
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import Folio
from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.mm.pgtable import (
    NONE,
    PAGE_SPECIAL,
    PTE_MARKER_GUARD,
    PTE_SWAP,
    pte_pfn,
    pte_present,
)

from .memory import ptep_get
from .swap import free_swap_entry
from .tlbflush import flush_tlb_batched_pending, flush_tlb_mm_range


@attrs.define(eq=False, slots=True)
class MmuGather:
    """What waits for a flush: struct mmu_gather.

    Attributes:
        mm: Whose entries change.
        vpns: Pages whose translations have to go.
        folios: Pages that have lost a mapping, whose reference is kept until then.
    """

    mm: MmStruct
    vpns: list[int] = attrs.Factory(list)
    folios: list[Folio] = attrs.Factory(list)


async def tlb_gather_mmu(mm: MmStruct) -> MmuGather:
    """Announce that entries will change before their translations are flushed."""
    await point("tlb_gather_mmu:inc_tlb_flush_pending", mm.seq_touch)
    mm.tlb_flush_pending += 1
    return MmuGather(mm)


async def tlb_finish_mmu(cpu: Cpu, tlb: MmuGather) -> None:
    """Flush what was gathered, then let go of the pages.

    If another gather is under way, its changes may be the reason why this one found
    nothing to flush, so everything is flushed.

    Points:
        tlb_finish_mmu:folio_put, tlb_finish_mmu:dec_tlb_flush_pending and those of
        the flush.
    """
    mm, rules = tlb.mm, tlb.mm.world.rules
    late = rules.zap_flush == "after_free"
    if late:
        await _free(tlb)
    if mm.tlb_flush_pending > 1 and rules.gather_nested == "on":
        await flush_tlb_mm_range(cpu, mm, None, freed_tables=True)
    elif tlb.vpns:
        vpn = tlb.vpns[0] if len(tlb.vpns) == 1 else None
        await flush_tlb_mm_range(cpu, mm, vpn, freed_tables=False)
    if not late:
        await _free(tlb)
    await point("tlb_finish_mmu:dec_tlb_flush_pending", mm.seq_touch)
    mm.tlb_flush_pending -= 1
    mm.world.watch.zap_ended(cpu, mm)


async def _free(tlb: MmuGather) -> None:
    for folio in tlb.folios:
        await point("tlb_finish_mmu:folio_put", folio.touch)
        tlb.mm.world.put_refs(folio)


async def zap_pte_range(
    cpu: Cpu,
    tlb: MmuGather,
    vpns: range,
    *,
    drop_markers: bool = False,
) -> None:
    """Take entries out; the pages stay referenced by the gather.

    Guard markers stay, unless what they guard goes as a whole: with *drop_markers*,
    the kernel's ZAP_FLAG_DROP_MARKER.

    Points:
        zap_pte_range:ptep_get, zap_pte_range:ptep_get_and_clear_full,
        zap_pte_range:folio_remove_rmap_pte and those of flush_tlb_batched_pending,
        free_swap_entry and the lock.
    """
    mm = tlb.mm
    await spin_lock(cpu, mm.ptl)
    await flush_tlb_batched_pending(cpu, mm)
    for vpn in vpns:
        await _zap_pte(cpu, tlb, vpn, drop_markers=drop_markers)
    await spin_unlock(cpu, mm.ptl)


async def _zap_pte(cpu: Cpu, tlb: MmuGather, vpn: int, *, drop_markers: bool) -> None:
    mm, world = tlb.mm, tlb.mm.world
    pte = await ptep_get(mm, vpn, "zap_pte_range:ptep_get")
    if pte != NONE and (drop_markers or pte != PTE_MARKER_GUARD):
        await point("zap_pte_range:ptep_get_and_clear_full", mm.page_table.writes[vpn])
        pte = mm.get_pte(vpn)
        mm.set_pte(vpn, NONE)
        world.watch.zapped(mm, vpn)
    world.watch.zap_looked(cpu, mm, vpn)
    if pte_present(pte):
        tlb.vpns.append(vpn)
        if not pte & PAGE_SPECIAL:
            folio = world.frames[pte_pfn(pte)]
            tlb.folios.append(folio)
            await point("zap_pte_range:folio_remove_rmap_pte", folio.touch)
            world.add_mapping(folio, -1)
    if pte & PTE_SWAP:
        await free_swap_entry(world, pte)


async def zap_page_range_single(cpu: Cpu, mm: MmStruct, vpn: int) -> None:
    """Zap one page, and flush it.

    Points:
        those of tlb_gather_mmu, zap_pte_range and tlb_finish_mmu.

    Source:
        mm/memory.c: zap_page_range_single.
    """
    tlb = await tlb_gather_mmu(mm)
    await zap_pte_range(cpu, tlb, range(vpn, vpn + 1))
    await tlb_finish_mmu(cpu, tlb)


async def unmap_region(cpu: Cpu, mm: MmStruct) -> None:
    """Zap every page of an address space that no thread can reach, with one flush.

    Points:
        those of tlb_gather_mmu, `unmap_vmas` and tlb_finish_mmu.

    Source:
        mm/vma.c: unmap_region.
    """
    tlb = await tlb_gather_mmu(mm)
    await unmap_vmas(cpu, tlb, mm)
    await tlb_finish_mmu(cpu, tlb)


async def unmap_vmas(cpu: Cpu, tlb: MmuGather, mm: MmStruct) -> None:
    """Zap every page of an address space that no thread can reach.

    Reclaim still reaches it. An entry that it has taken out may come back until it
    drops the page-table lock, so no entry is looked at without it.

    Points:
        those of zap_pte_range.

    Source:
        mm/memory.c: unmap_vmas.
    """
    for vma in mm.vmas:
        await zap_pte_range(
            cpu, tlb, range(vma.vm_start, vma.vm_end), drop_markers=True
        )
