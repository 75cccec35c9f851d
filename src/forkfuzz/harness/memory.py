"""What memory holds when a run is over, as a program would find it."""

from __future__ import annotations

from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.mm.pgtable import PFN_SHIFT, PTE_HAS_FRAME


def word_value(mm: MmStruct, vpn: int, index: int) -> int | None:
    """Return a word's value, by the page tables of *mm*; None if there is no memory.

    Where there is no entry yet, that is what a first load would be given: zero, what is
    in the page cache, or what the processes of a MAP_SHARED page have stored.
    """
    vma = mm.find_vma(vpn)
    pte = mm.page_table.entries[vpn]
    if pte & PTE_HAS_FRAME:
        pfn = pte >> PFN_SHIFT
    elif vma is None or pte:
        return None
    else:
        pfn = vma.shmem.get(vpn, 0)
    return mm.world.stores[mm.world.frames[pfn].words[index]][1]
