"""Page-table entries as the hardware has them: one word, some bits, a frame number.

Source: arch/x86/include/asm/pgtable.h, pgtable_types.h, include/linux/pgtable.h.
Left out: upper levels, huge entries, migration entries, soft-dirty, uffd-wp.
"""

from __future__ import annotations

import functools
from typing import NewType

from forkfuzz.engine import Access, reads, writes

Pte = NewType("Pte", int)
"""A page-table entry. A cached translation in a TLB has the same form."""

PAGE_PRESENT = 1 << 0
PAGE_RW = 1 << 1
PAGE_PROTNONE = 1 << 4
"""Present for the kernel, absent for the hardware; bit 8 there, where P is clear."""
PAGE_ACCESSED = 1 << 5
PAGE_DIRTY = 1 << 6
PAGE_SPECIAL = 1 << 9
"""Not an ordinary page: the zero page, which has no counts."""
PTE_MARKER_GUARD = 1 << 10
"""Not present: a guard region installed with MADV_GUARD_INSTALL."""
PTE_SWAP = 1 << 7
"""Not present: a swap entry; the frame number is that of the page in the swap cache."""
PTE_SWP_EXCLUSIVE = 1 << 8
"""In a swap entry: the page was exclusive when it was unmapped."""
PAGE_SAVED_DIRTY = 1 << 11
"""Where pte_wrprotect keeps the dirty bit; bit 58 in the hardware."""

PTE_HAS_FRAME = PAGE_PRESENT | PAGE_PROTNONE | PTE_SWAP
"""Entries that lead to a frame: directly, or to a page in the swap cache."""

PFN_SHIFT = 12
NONE = Pte(0)


def mk_pte(pfn: int, prot: int) -> Pte:
    """Return a present entry for frame *pfn* with the bits *prot*."""
    return Pte(pfn << PFN_SHIFT | prot | PAGE_PRESENT)


def pte_present(pte: int) -> bool:
    """Return whether the entry maps a page, as the kernel sees it."""
    return bool(pte & (PAGE_PRESENT | PAGE_PROTNONE))


def pte_modify(pte: int, *, accessible: bool) -> Pte:
    """Return a present entry with the rights of a private mapping, so without W.

    Args:
        pte: The entry; its frame, A and the dirty state stay.
        accessible: Whether the mapping may be accessed at all.
    """
    rights = PAGE_PRESENT if accessible else PAGE_PROTNONE
    kept = pte_wrprotect(pte) & ~(PAGE_PRESENT | PAGE_PROTNONE)
    return Pte(kept | rights)


def mk_swap_pte(pfn: int, *, exclusive: bool) -> Pte:
    """Return a swap entry for the page in frame *pfn*."""
    return Pte(pfn << PFN_SHIFT | PTE_SWAP | (PTE_SWP_EXCLUSIVE if exclusive else 0))


def pte_pfn(pte: int) -> int:
    """Return the frame number of a present or swap entry."""
    return pte >> PFN_SHIFT


def pte_wrprotect(pte: int) -> Pte:
    """Clear W, keeping the dirty state in software, as x86 does."""
    if pte & PAGE_DIRTY:
        pte = pte & ~PAGE_DIRTY | PAGE_SAVED_DIRTY
    return Pte(pte & ~PAGE_RW)


def pte_mkwrite(pte: int) -> Pte:
    """Set W, giving the dirty state back to the hardware bit."""
    if pte & PAGE_SAVED_DIRTY:
        pte = pte & ~PAGE_SAVED_DIRTY | PAGE_DIRTY
    return Pte(pte | PAGE_RW)


def pte_mkdirty(pte: int) -> Pte:
    """Set the dirty state where the entry's W says it belongs."""
    return Pte(pte | (PAGE_DIRTY if pte & PAGE_RW else PAGE_SAVED_DIRTY))


def pte_mkclean(pte: int) -> Pte:
    """Clear the dirty state."""
    return Pte(pte & ~(PAGE_DIRTY | PAGE_SAVED_DIRTY))


def pte_mkold(pte: int) -> Pte:
    """Clear A."""
    return Pte(pte & ~PAGE_ACCESSED)


def pte_dirty(pte: int) -> bool:
    """Return whether the page was written through this entry."""
    return bool(pte & (PAGE_DIRTY | PAGE_SAVED_DIRTY))


@functools.cache
def pte_accesses(mm_name: str, page: str) -> tuple[Access, Access]:
    """Return the (read, write) accesses of one entry."""
    obj = f"pte:{page}" if mm_name == "parent" else f"pte:{mm_name}.{page}"
    return reads(obj), writes(obj)


class PageTable:
    """One page-table page: an entry for each virtual page of the program.

    Changes by the kernel go through `MmStruct.set_pte`, so that watchers see them.

    Attributes:
        entries: Pte by vpn.
        reads: Access of reading the entry, by vpn.
        writes: Access of changing it, by vpn.
    """

    __slots__ = ("entries", "mm_name", "reads", "writes")

    def __init__(self, mm_name: str, pages: tuple[str, ...]) -> None:
        self.mm_name = mm_name
        self.entries: list[Pte] = [NONE] * len(pages)
        accesses = [pte_accesses(mm_name, page) for page in pages]
        self.reads = [read for read, _ in accesses]
        self.writes = [write for _, write in accesses]
