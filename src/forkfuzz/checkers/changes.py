"""page.dirty-lost, pte.writable-forbidden: what an entry may not become."""

from __future__ import annotations

from collections.abc import Hashable

from forkfuzz.engine import Machine
from forkfuzz.mm.mm_types import VM_WRITE, MmStruct
from forkfuzz.mm.pgtable import NONE, PAGE_RW, PFN_SHIFT, pte_dirty, pte_present
from forkfuzz.mm.world import World

from .checker import Checker
from .violation import Severity


class ChangeChecker(Checker):
    """Compares each entry with the one before it (I8, and rights that appear).

    Nothing is ever written out, so no entry may become clean while it leads to the same
    frame. What reclaim takes out is marked as dirty elsewhere, where nobody looks any
    more. An entry that had W already keeps it until mprotect, which changes the VMA
    first, comes to it.
    """

    def start(self, world: World, machine: Machine) -> None:
        """Begin with every entry in its place."""
        super().start(world, machine)
        self._cleared: dict[tuple[str, int], int] = {}

    def state(self) -> Hashable:
        """Return what entries were that are cleared for a moment."""
        return tuple(sorted(self._cleared.items()))

    def pte_set(self, mm: MmStruct, vpn: int, old: int, new: int) -> None:
        """Compare, also over a moment in which the entry is empty."""
        where = (mm.name, vpn)
        before = old or self._cleared.pop(where, NONE)
        if new == NONE:
            self._cleared[where] = before
            return
        same = before >> PFN_SHIFT == new >> PFN_SHIFT
        if pte_present(before) and pte_present(new) and same:
            self._check_dirty(mm, vpn, before, new)
        if new & PAGE_RW and not (same and before & PAGE_RW):
            self._check_allowed(mm, vpn)

    def _check_dirty(self, mm: MmStruct, vpn: int, before: int, new: int) -> None:
        if pte_dirty(before) and not pte_dirty(new):
            page = self.world.pages[vpn]
            message = f"the entry of {mm.name} for {page} was dirty and is clean"
            self.report("page.dirty-lost", Severity.CONTRACT, message)

    def _check_allowed(self, mm: MmStruct, vpn: int) -> None:
        vma = mm.find_vma(vpn)
        if vma is not None and not vma.vm_flags & VM_WRITE:
            page = self.world.pages[vpn]
            message = f"the entry of {mm.name} for {page} has W, which its VMA has not"
            self.report("pte.writable-forbidden", Severity.CONTRACT, message)

    def zapped(self, mm: MmStruct, vpn: int) -> None:
        """Forget a page that was thrown away."""
        self._cleared.pop((mm.name, vpn), None)
