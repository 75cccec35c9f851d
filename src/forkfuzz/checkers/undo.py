"""fork.not-undone: a fork that fails leaves nothing of the child."""

from __future__ import annotations

from collections.abc import Hashable

from forkfuzz.engine import Machine
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.mm.pgtable import NONE
from forkfuzz.mm.world import World

from .checker import Checker
from .violation import Severity


class UndoChecker(Checker):
    """Looks at the child when fork gives up (I15).

    That the counts balance and that the parent has lost nothing is seen by the
    checkers of counts and of the parent's own stores.
    """

    def start(self, world: World, machine: Machine) -> None:
        """Begin with no fork under way."""
        super().start(world, machine)
        self._held: dict[str, str] = {}

    def state(self) -> Hashable:
        """Return which forks have the VMAs of which parent locked, by their child."""
        return tuple(sorted(self._held.items()))

    def fork_called(self, oldmm: MmStruct, mm: MmStruct) -> None:
        """Note that fork has locked the parent's VMAs."""
        self._held[mm.name] = oldmm.name

    def vma_write_unlocked(self, cpu: Cpu, mm: MmStruct) -> None:
        """Note that it has left everything even: soon others may hold the lock."""
        if not (mm.mm_lock_seq | mm.write_protect_seq) & 1:
            self._held = {
                child: parent
                for child, parent in self._held.items()
                if parent != mm.name
            }

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
        if mm.name in self._held:
            message = "fork failed and left a sequence count of the parent odd"
            self.report("fork.not-undone", Severity.CONTRACT, message)
