"""When a kernel thread has pages of a process where no entry leads to them."""

from __future__ import annotations

from forkfuzz.engine import Machine
from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.mm.world import World

from .checker import Checker


class MovingChecker(Checker):
    """A checker that looks at the memory behind entries, and has to wait at times.

    Reclaim takes an entry out and puts another one in within one hold of the page-table
    lock; khugepaged drops the lock between the two.
    """

    def start(self, world: World, machine: Machine) -> None:
        """Begin with every page in its place."""
        super().start(world, machine)
        self._collapsing: set[str] = set()

    def collapse_begun(self, mm: MmStruct) -> None:
        """Note that pages are about to be where no entry leads."""
        self._collapsing.add(mm.name)

    def collapse_ended(self, mm: MmStruct) -> None:
        """Note that they are mapped again, once the lock is dropped."""
        self._collapsing.remove(mm.name)

    def is_moving(self, mm: MmStruct) -> bool:
        """Return whether pages of *mm* may be where no entry leads."""
        return bool(mm.ptl.writer) or mm.name in self._collapsing
