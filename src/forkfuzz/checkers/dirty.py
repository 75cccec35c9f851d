"""page.dirty-lost: a page that was written has to look so until it is written out."""

from __future__ import annotations

from collections.abc import Hashable

from forkfuzz.engine import Machine
from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.mm.pgtable import NONE, PFN_SHIFT, pte_dirty, pte_present
from forkfuzz.mm.world import World

from .checker import Checker
from .violation import Severity


class DirtyChecker(Checker):
    """Compares each entry with the one before it that led to the same frame (I8).

    Nothing is ever written out, so no entry may become clean while it is there. What
    reclaim takes out is marked as dirty elsewhere, where nobody looks any more.
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
        elif pte_present(before) and pte_present(new):
            same = before >> PFN_SHIFT == new >> PFN_SHIFT
            if same and pte_dirty(before) and not pte_dirty(new):
                page = self.world.pages[vpn]
                message = f"the entry of {mm.name} for {page} was dirty and is clean"
                self.report("page.dirty-lost", Severity.CONTRACT, message)

    def zapped(self, mm: MmStruct, vpn: int) -> None:
        """Forget a page that was thrown away."""
        self._cleared.pop((mm.name, vpn), None)
