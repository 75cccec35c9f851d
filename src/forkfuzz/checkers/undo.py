"""fork.not-undone: a fork that fails leaves nothing of the child."""

from __future__ import annotations

from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.mm.pgtable import NONE

from .checker import Checker
from .violation import Severity


class UndoChecker(Checker):
    """Looks at the child when fork gives up (I15).

    That the counts balance and that the parent has lost nothing is seen by the
    checkers of counts and of the parent's own stores.
    """

    def fork_failed(self, oldmm: MmStruct, mm: MmStruct) -> None:
        """Check that the child maps nothing and that no lock is left held."""
        left = [
            self.world.pages[vpn]
            for vpn, pte in enumerate(mm.page_table.entries)
            if pte != NONE
        ]
        if left or mm.vmas:
            message = f"fork failed, but the child still maps {', '.join(left)}"
            self.report("fork.not-undone", Severity.CONTRACT, message)
        if oldmm.mm_lock_seq & 1 or oldmm.write_protect_seq & 1:
            message = "fork failed and left a sequence count of the parent odd"
            self.report("fork.not-undone", Severity.CONTRACT, message)
