"""Page tables and TLBs in the hands of a program, past every rule of the kernel.

One step each, as hardware does it: no lock is taken, nothing is counted, nothing is
flushed that the program does not flush itself.
"""

from __future__ import annotations

from forkfuzz.engine import point
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.pgtable import (
    NONE,
    PAGE_ACCESSED,
    PAGE_DIRTY,
    PAGE_PRESENT,
    PAGE_RW,
    Pte,
    mk_pte,
    pte_dirty,
)

from .tlbflush import flush_tlb_mm_range


async def set_pte_raw(cpu: Cpu, vpn: int, action: str, pfn: int) -> None:
    """Store an entry, or change W of one that is present, in one step.

    Args:
        cpu: Whose address space.
        vpn: Whose entry.
        action: ``map``, ``none``, ``ro`` or ``rw``.
        pfn: The frame, for ``map``.

    Points:
        set_pte_raw:set_pte.
    """
    mm = cpu.mm
    await point("set_pte_raw:set_pte", mm.page_table.writes[vpn])
    mm.set_pte(vpn, _changed(mm.get_pte(vpn), action, pfn))


def _changed(pte: Pte, action: str, pfn: int) -> Pte:
    if action == "map":
        return mk_pte(pfn, PAGE_RW | PAGE_DIRTY | PAGE_ACCESSED)
    if action == "none":
        return NONE
    if not pte & PAGE_PRESENT:
        return pte
    return Pte(pte | PAGE_RW if action == "rw" else pte & ~PAGE_RW)


async def xchg_pte_raw(cpu: Cpu, vpn: int) -> bool:
    """Exchange an entry with nothing; return whether it was dirty.

    Points:
        xchg_pte_raw:xchg.
    """
    mm = cpu.mm
    await point("xchg_pte_raw:xchg", mm.page_table.writes[vpn])
    pte = mm.get_pte(vpn)
    mm.set_pte(vpn, NONE)
    return pte_dirty(pte)


async def invlpg(cpu: Cpu, vpn: int) -> None:
    """Drop the translation of a page on this CPU alone.

    Points:
        invlpg:drop.

    Source:
        Intel SDM vol. 3, 4.10.4.1.
    """
    await point("invlpg:drop", cpu.tlb_write)
    cpu.tlb.pop(vpn, None)


async def shootdown(cpu: Cpu, vpn: int | None) -> None:
    """Drop a translation, or all, on every CPU that runs this address space.

    Source:
        arch/x86/mm/tlb.c: flush_tlb_mm_range.
    """
    await flush_tlb_mm_range(cpu, cpu.mm, vpn, freed_tables=False, by_kernel=False)
