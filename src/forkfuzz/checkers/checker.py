"""What all checkers share: a view of the run, and a place to report to."""

from __future__ import annotations

from collections.abc import Hashable

from forkfuzz.engine import Machine
from forkfuzz.mm.mm_types import VM_FILE, VM_SHARED, MmStruct
from forkfuzz.mm.pgtable import NONE, PFN_SHIFT, PTE_HAS_FRAME, PTE_MARKER_GUARD, mk_pte
from forkfuzz.mm.watch import Watcher
from forkfuzz.mm.world import World

from .violation import Severity, StoreRef, Violation

GUARD_VALUE = 1 << 62
"""In place of a store's identity: the page is a guard region."""


class Checker(Watcher):
    """Judges one run; made anew for each.

    Attributes:
        violations: What was found, each kind once.
        files: Frame in the page cache, by vpn, of each page of a private file mapping.
    """

    world: World
    machine: Machine

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    def start(self, world: World, machine: Machine) -> None:
        """Look at the run before its first step."""
        self.world = world
        self.machine = machine
        self._shared = frozenset(
            vpn
            for mm in world.mms
            for vma in mm.vmas
            for vpn in range(vma.vm_start, vma.vm_end)
            if vma.vm_flags & VM_SHARED
        )
        self.files = {
            vpn: pfn
            for mm in world.mms
            for vma in mm.vmas
            if vma.vm_flags & VM_FILE
            for vpn, pfn in vma.shmem.items()
        }

    def finish(self) -> None:
        """Look at the run after its last step, if it came to a proper end."""

    def state(self) -> Hashable:
        """Return all that the verdicts still to come depend on, beside the world.

        Two runs that agree in this, in the world and in where their tasks stand are
        judged alike from there on; numbers of steps are left out, their order is not.
        """
        return ()

    def report(
        self,
        prop: str,
        severity: Severity,
        message: str,
        *,
        points: tuple[str, ...] = (),
        pair: tuple[StoreRef, ...] = (),
    ) -> None:
        """Report a violation, unless its like was reported in this run.

        Args:
            prop: One of `forkfuzz.checkers.PROPERTIES`.
            severity: Who can notice.
            message: What happened, in one line.
            pair: The stores that it is about.
            points: Labels that identify the bug; by default that of the current step.
        """
        task = self.machine.current
        here = points or ((task.label,) if task else ("end-of-run",))
        if all(v.prop != prop or v.points != here for v in self.violations):
            violation = Violation(
                prop, severity, message, self.machine.steps, here, pair
            )
            self.violations.append(violation)

    def place(self, vpn: int, index: int) -> str:
        """Return what the program calls a word."""
        return f"{self.world.pages[vpn]}[{index}]"

    def value(self, store: int) -> int:
        """Return the value that a store wrote."""
        return self.world.stores[store][1]

    def find_mm(self, name: str) -> MmStruct:
        """Return an address space by its name."""
        return next(mm for mm in self.world.mms if mm.name == name)

    def is_shared(self, vpn: int) -> bool:
        """Return whether the page is MAP_SHARED wherever it is mapped, or was."""
        return vpn in self._shared

    def word(self, mm: MmStruct, vpn: int, index: int) -> int:
        """Return which store a word holds, by the page tables of *mm* alone."""
        return self.word_behind(self.meaning(vpn, mm.page_table.entries[vpn]), index)

    def meaning(self, vpn: int, pte: int) -> int:
        """Return the entry that a first look at the page would make of *pte*.

        That is the entry itself, but for an empty one in a private file mapping: what
        is read there is the page cache.
        """
        if pte == NONE and vpn in self.files:
            return mk_pte(self.files[vpn], 0)
        return pte

    def word_behind(self, pte: int, index: int) -> int:
        """Return which store a word holds, behind an entry."""
        if pte & PTE_HAS_FRAME:
            return self.world.frames[pte >> PFN_SHIFT].words[index]
        return GUARD_VALUE if pte & PTE_MARKER_GUARD else 0
