"""A program as `forkfuzz.search` sees it: its state, its names, what its steps touch."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, TypeVar

import attrs

from forkfuzz.checkers import Checker
from forkfuzz.checkers.locks import LockOrderChecker
from forkfuzz.checkers.snapshot import SnapshotChecker
from forkfuzz.engine import Strategy, Task
from forkfuzz.kernel.protocol import Linux
from forkfuzz.mm.cpu import Cpu, FlushRequest
from forkfuzz.mm.folio import Folio, Pin
from forkfuzz.mm.locks import RwSemaphore, SpinLock
from forkfuzz.mm.mm_types import MmStruct, VmAreaStruct
from forkfuzz.mm.pgtable import PageTable
from forkfuzz.mm.state import world_state
from forkfuzz.mm.watch import Watch
from forkfuzz.mm.world import World
from forkfuzz.rules import Rules
from forkfuzz.scenarios import program as p
from forkfuzz.search import Accesses, Locks, Names, Touch
from forkfuzz.search.coroutine import Naming

from . import footprint
from .execution import Execution
from .interpreter import ThreadRunner
from .run import Run

_ADDING = {
    "vma_start_read:refcount_inc": "VmAreaStruct.vm_refcnt",
    "vma_end_read:refcount_dec": "VmAreaStruct.vm_refcnt",
}
"""Steps that do nothing but add to a field, whose value they look at for nothing else.

Readers look at the flag of a writer too, which is set by steps that are not among them.
"""

HISTORY: Touch = ("history",)
"""An object that every step changes which a checker sets a date to."""

_CONSTANTS = (*p.Statement.__args__, p.Thread)
"""What a program consists of: the same objects in every run of it."""


_UNIQUE: tuple[type, ...] = (World, Watch, Rules, Linux, Execution, PageTable)
"""Of these a run has one, or a task only one that it knows."""


def _kind_name(obj: object) -> Hashable:
    return type(obj).__name__


def _names() -> dict[Any, Naming]:
    names: dict[Any, Naming] = {
        Cpu: lambda cpu: cpu.name,
        MmStruct: lambda mm: ("mm", mm.name),
        VmAreaStruct: lambda vma: vma.name,
        Folio: lambda folio: ("folio", folio.pfn),
        SpinLock: lambda lock: lock.name,
        RwSemaphore: lambda lock: lock.name,
        FlushRequest: lambda flush: ("flush", flush.mm.name, flush.new_tlb_gen),
        ThreadRunner: lambda runner: ("runner", runner.stores_made),
    }
    names.update(dict.fromkeys(_UNIQUE, _kind_name))
    names.update(dict.fromkeys(_CONSTANTS, id))
    # A task had better not keep one: it could not be told from what it stands for.
    names.update(dict.fromkeys(footprint.CONTAINERS, lambda held: held.name))
    for kind, noting in footprint.NOTING.items():
        if kind in names:
            names[noting] = names[kind]
    return names


_NAMES = _names()


def with_lazy_tlb(program: p.Program) -> p.Program:
    """Return the program for a search; see `forkfuzz.mm.lazy_tlb`."""
    return attrs.evolve(program, lazy_tlb=True)


@attrs.frozen
class ProgramSystem:
    """One program under one set of rules.

    TLBs fill and evict lazily (`forkfuzz.mm.lazy_tlb`).
    """

    program: p.Program = attrs.field(converter=with_lazy_tlb)
    rules: Rules

    def begin(self, strategy: Strategy) -> ProgramTrial:
        """Set up a run."""
        return ProgramTrial(Run(self.program, self.rules, strategy))

    def alike(self) -> list[list[int]]:
        """None: the stores of each thread are told apart by their identities."""
        return []


class ProgramTrial:
    """One run of a program, during a search.

    Attributes:
        run: The run.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.machine = run.machine
        run.world.forks = run.execution.forks_in_program
        self._checkers = run.checkers
        # None for a program that changes page tables by itself.
        self._snapshot = _find(run.checkers, SnapshotChecker)
        self._locks = _find(run.checkers, LockOrderChecker)
        self._moments = 0
        self.names: Names = {
            **_NAMES,
            type(run.world.rules): _kind_name,
            Pin: self._name_pin,
            footprint.NOTING[Pin]: self._name_pin,
        }
        self._watch = footprint.Watch(run.world, run.execution)
        footprint.current.noting = False
        footprint.current.empty()
        self._cpus = {
            thread.name: run.execution.cpu(thread) for thread in run.program.threads
        }
        self._cpus.update((f"irq:{cpu.name}", cpu) for cpu in run.world.cpus)
        # A fatal signal ends a wait for a lock that somebody holds.
        self._signals = any(
            isinstance(statement, p.Kill)
            for thread in run.program.threads
            for statement in thread.statements
        )

    def shared_state(self) -> list[Hashable]:
        """Return the world, what threads share beyond it, and what checkers know."""
        noted = footprint.current
        noting, noted.noting = noted.noting, False
        parts = [*world_state(self.run.world), self.run.execution.state()]
        parts.extend(checker.state() for checker in self._checkers)
        noted.noting = noting
        return parts

    def _name_pin(self, pin: Pin) -> Hashable:
        for number, other in enumerate(self.run.world.pins):
            if other is pin:
                return ("pin", number)
        return ("pin", pin.vpn, pin.pfn, pin.pinned, pin.write, pin.released)

    def watch(self) -> None:
        """Take note of what is touched, from now on and after each step."""
        footprint.current.noting = False
        self._watch.renew()
        footprint.current.noting = True

    def accesses(self, label: str = "") -> Accesses:
        """Return what was touched since the last call, by the step *label*."""
        noted = footprint.current
        noted.noting = False
        reads, writes = noted.empty()
        moments = self._snapshot.moments() if self._snapshot else 0
        if moments != self._moments:
            self._moments = moments
            writes.add(HISTORY)
        adds: set[Touch] = set()
        if label in _ADDING:
            adds = {key for key in writes if key[0] == _ADDING[label]}
            reads -= adds
            writes -= adds
        noted.noting = True
        return reads, writes, adds

    def held(self, task: Task) -> Locks:
        """Return what nobody else can get while *task* takes no step.

        These are the locks that a thread holds exclusively, and for the interrupts of
        a CPU the acknowledgements that it owes.
        """
        if task.kind == "irq":
            owing = self._cpus[task.name]
            assert owing is not None  # interrupts are those of a CPU
            return frozenset(f"acks.cpu{r.flusher}" for r in owing.requests)
        cpu = self._cpus.get(task.name)
        if cpu is None or self._signals or self._locks is None:
            return frozenset()
        return frozenset(self._locks.held_exclusively(cpu))

    def close(self) -> None:
        """Take the run apart, so that nothing of it waits for a garbage collection."""
        footprint.current.noting = False
        self.run.close()
        vars(self).clear()


C = TypeVar("C", bound=Checker)


def _find(checkers: list[Checker], kind: type[C]) -> C | None:
    return next((checker for checker in checkers if isinstance(checker, kind)), None)
