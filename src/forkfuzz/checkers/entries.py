"""What page-table entries mean, apart from moments between a clear and a set.

The kernel clears an entry and sets it again; in between, the page is still there. An
entry is gone for good only when it is zapped, or when khugepaged has copied the page
and gives it up: whoever else maps it may then write it, before the copy is mapped.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.mm.pgtable import NONE, PFN_SHIFT, PTE_HAS_FRAME

Where = tuple[str, int]
"""(name of the mm, vpn)."""


class Entries:
    """Follows the entries of every address space; fed by a checker's hooks."""

    def __init__(self, mms: Sequence[MmStruct]) -> None:
        self._now: dict[Where, int] = {
            (mm.name, vpn): pte
            for mm in mms
            for vpn, pte in enumerate(mm.page_table.entries)
        }
        self._thrown: dict[Where, list[int]] = {}
        self._tables = {mm.name: mm.page_table.entries for mm in mms}

    def set(self, mm: MmStruct, vpn: int, new: int) -> None:
        """An entry was stored."""
        self._tables[mm.name] = mm.page_table.entries
        if new & PTE_HAS_FRAME:
            self._now[mm.name, vpn] = new
        elif new != NONE:
            self.zapped(mm, vpn)

    def zapped(self, mm: MmStruct, vpn: int) -> None:
        """The page was thrown away."""
        where = (mm.name, vpn)
        old = self._now.get(where, NONE)
        if old & PTE_HAS_FRAME:
            self._thrown.setdefault(where, []).append(old >> PFN_SHIFT)
        self._now[where] = mm.page_table.entries[vpn]

    def copied(self, mm: MmStruct, vpn: int) -> None:
        """A copy that is not mapped yet has taken the page's place."""
        self._now[mm.name, vpn] = mm.page_table.entries[vpn]

    def state(self) -> Hashable:
        """Return where this differs from the page tables, and what was thrown away."""
        between = [
            (where, pte >> PFN_SHIFT)
            for where, pte in self._now.items()
            if pte & PTE_HAS_FRAME and not self._in_table(where, pte >> PFN_SHIFT)
        ]
        return (
            tuple(sorted(between)),
            tuple(sorted((w, tuple(sorted(t))) for w, t in self._thrown.items())),
        )

    def _in_table(self, where: Where, pfn: int) -> bool:
        pte = self._tables[where[0]][where[1]]
        return bool(pte & PTE_HAS_FRAME) and pte >> PFN_SHIFT == pfn

    def leads_to(self, where: Where, pfn: int) -> bool:
        """Return whether the address is that of the frame."""
        pte = self._now.get(where, NONE)
        return bool(pte & PTE_HAS_FRAME) and pte >> PFN_SHIFT == pfn

    def threw_away(self, where: Where, pfn: int) -> bool:
        """Return whether the frame was there once, and was zapped."""
        return pfn in self._thrown.get(where, ())
