"""Drives a run by hand, step by step, so that a test reads like a race table.

A `Race` takes the place of strategy and driver: the test says which task takes the
next step, looks at the state between any two steps, and lets the run end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

from forkfuzz.engine import Outcome, Task
from forkfuzz.engine.machine import running
from forkfuzz.harness.result import RunResult
from forkfuzz.harness.run import Run
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import Folio
from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.mm.watch import Watcher
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios.program import (
    Fork,
    Load,
    PageSpec,
    Program,
    Statement,
    Store,
    Thread,
)

WAIT_FOR_ACKS = (
    "flush_tlb_mm_range:wait_for_acks",
    "arch_tlbbatch_flush:wait_for_acks",
)
DONE = "done"
"""Stands for the label of a task that has ended."""


class _Answers:
    """Answers for what hardware may do either way; 0 unless the test says else."""

    def __init__(self) -> None:
        self.values: dict[str, list[int]] = defaultdict(list)

    def begin(self) -> None:
        """Start a run."""

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Never be asked: the test chooses."""
        raise AssertionError

    def next_value(self, label: str, options: int) -> int:
        """Choose what the test has put down."""
        answers = self.values[label]
        return answers.pop(0) if answers else 0


class Race:
    """One run in the hands of a test.

    Attributes:
        trace: (task name, label) of every step taken.
    """

    def __init__(
        self, program: Program, rules: str = "seed", watchers: Iterable[Watcher] = ()
    ) -> None:
        self._answers = _Answers()
        self.run = Run(program, parse_rules(rules), self._answers, watchers=watchers)
        self.world = self.run.world
        self.machine = self.run.machine
        self.trace: list[tuple[str, str]] = []
        self._tasks = {task.name: task for task in self.machine.tasks}
        self._coroutines: dict[str, Coroutine[Any, Any, None]] = {}
        self.machine.park = lambda: iter((None,))
        self.machine.advance = self._nobody  # type: ignore[method-assign]
        for task in self.machine.tasks:
            if not task.stands:
                self._send(task)
        self.machine.started = self.machine.asks = True

    def _nobody(self) -> None:
        self.machine.current = None

    def _send(self, task: Task) -> None:
        token = running.set(self.machine)
        self.machine.current = task
        if task.name not in self._coroutines:
            self._coroutines[task.name] = task.body()
        try:
            self._coroutines[task.name].send(None)
        except StopIteration:
            task.done = True
            task.label = DONE
        finally:
            self.machine.current = None
            running.reset(token)

    # Steps.

    def task(self, name: str) -> Task:
        """Return a task."""
        return self._tasks[name]

    def label(self, name: str) -> str:
        """Return the step that the task would take next."""
        return self._tasks[name].label

    def runnable(self, name: str) -> bool:
        """Return whether the task can take a step."""
        task = self._tasks[name]
        return not task.done and (task.when is None or task.when())

    def blocked(self, *names: str) -> bool:
        """Return whether none of the tasks can take a step, nor has ended."""
        return not any(self.runnable(n) or self._tasks[n].done for n in names)

    def step(self, name: str) -> None:
        """Let the task take one step."""
        task = self._tasks[name]
        assert self.runnable(name), f"{name} cannot take {task.label}"
        self.machine.steps += 1
        self.machine.decisions.append((task.index, task.label, 1, 0))
        self.trace.append((name, task.label))
        self._send(task)

    def to(self, name: str, label: str, *, acks: bool = True) -> None:
        """Step the task until *label* is what it would do next.

        With *acks*, other CPUs acknowledge the flushes that the task waits for.
        """
        while self.label(name) != label:
            assert self.label(name) != DONE, f"{name} ended before {label}"
            if acks and self.label(name) in WAIT_FOR_ACKS:
                self.all_acks()
            self.step(name)

    def past(self, name: str, label: str, *, acks: bool = True) -> None:
        """Step the task until it has taken *label*."""
        self.to(name, label, acks=acks)
        if acks and label in WAIT_FOR_ACKS:
            self.all_acks()
        self.step(name)

    def to_cut(self, name: str = "F") -> None:
        """Step the forking task until its next step is the cut."""
        label, seq = "vma_end_write_all:mm_lock_seqcount_end", "mm_lock_seq:parent"
        self.to(name, label)
        while self._tasks[name].access.obj != seq:
            self.step(name)
            self.to(name, label)

    def cut(self, name: str = "F") -> None:
        """Step the forking task until it has made the cut."""
        self.to_cut(name)
        self.step(name)

    def finish(self, *names: str) -> None:
        """Step each task, one after the other, to its end."""
        for name in names:
            self.to(name, DONE)

    def op(self, name: str) -> None:
        """Let the task carry out the one operation, a load or store, that it is at."""
        start = self.label(name)
        assert start.endswith(":translate"), start
        effect = "load:read_word" if start.startswith("load") else "store:write_word"
        self.past(name, effect)

    def ack(self, cpu: str) -> None:
        """Let a CPU acknowledge one flush."""
        self.step(f"irq:{cpu}")

    def all_acks(self) -> None:
        """Let every CPU that can acknowledge what it has been sent."""
        for cpu in self.world.cpus:
            while self.runnable(f"irq:{cpu.name}"):
                self.ack(cpu.name)

    def evict(self, cpu: str, page: str) -> None:
        """Let a CPU forget a translation."""
        cached, _ = self._entries(cpu)
        self._hardware(cpu, cached.index(self.vpn(page)))

    def fill(self, cpu: str, page: str) -> None:
        """Let a CPU cache a translation ahead of need."""
        cached, fillable = self._entries(cpu)
        self._hardware(cpu, len(cached) + fillable.index(self.vpn(page)))

    def _entries(self, name: str) -> tuple[list[int], list[int]]:
        cpu = self.cpu(name)
        ptes = enumerate(cpu.mm.page_table.entries)
        return sorted(cpu.tlb), [v for v, pte in ptes if pte & 1 and v not in cpu.tlb]

    def _hardware(self, cpu: str, which: int) -> None:
        self.answer("mmu:which_entry", which)
        self.step(f"tlb:{cpu}")

    def answer(self, label: str, value: int) -> None:
        """Put down an answer to a question of the hardware."""
        self._answers.values[label].append(value)

    def end(self) -> RunResult:
        """Let everything that is left take turns, and judge the run."""
        names = [n for n, t in self._tasks.items() if t.kind != "hardware"]
        while not self._over():
            ready = [name for name in names if self.runnable(name)]
            if not ready:
                self.machine.stop(Outcome.DEADLOCK)
                break
            for name in ready:
                if self.runnable(name):
                    self.step(name)
        self.machine.stop(Outcome.FINISHED)
        for coroutine in self._coroutines.values():
            coroutine.close()
        return self.run.result()

    def _over(self) -> bool:
        return all(task.done or task.daemon for task in self._tasks.values())

    def props(self) -> list[str]:
        """End the run; return the names of the properties that it broke, sorted."""
        return sorted({violation.prop for violation in self.end().violations})

    def labels(self, name: str) -> list[str]:
        """Return the labels of all steps that the task has taken, in order."""
        return [label for task, label in self.trace if task == name]

    # State.

    def vpn(self, page: str) -> int:
        """Return the number of a page."""
        return self.world.pages.index(page)

    def cpu(self, name: str) -> Cpu:
        """Return a CPU."""
        return next(cpu for cpu in self.world.cpus if cpu.name == name)

    def mm(self, name: str = "parent") -> MmStruct:
        """Return an address space."""
        return next(mm for mm in self.world.mms if mm.name == name)

    def pte(self, page: str, mm: str = "parent") -> int:
        """Return an entry."""
        return self.mm(mm).page_table.entries[self.vpn(page)]

    def folio(self, page: str, mm: str = "parent") -> Folio:
        """Return the page behind an entry."""
        return self.world.frames[self.pte(page, mm) >> 12]

    def value(self, page: str, index: int = 0, mm: str = "parent") -> int:
        """Return a word, through page tables alone."""
        return self.world.stores[self.folio(page, mm).words[index]][1]

    def register(self, thread: str, name: str) -> int:
        """Return what a thread has loaded."""
        return self.run.execution.registers[thread, name]


def forker(*after: Statement) -> Thread:
    """Return the thread F, which forks, on cpu0 if it is the first one."""
    return Thread("F", (Fork(), *after))


def thread(name: str, *statements: Statement) -> Thread:
    """Return a thread of the parent."""
    return Thread(name, statements)


def child(*statements: Statement, name: str = "C", fork: int = 1) -> Thread:
    """Return a thread of the child."""
    return Thread(name, statements, "child", fork)


def device(*statements: Statement, name: str = "dev") -> Thread:
    """Return a device."""
    return Thread(name, statements, "device")


def program(
    pages: Iterable[PageSpec | str], *threads: Thread, **changes: Any
) -> Program:
    """Return a program; a page given by name has two words."""
    specs = [PageSpec(p, words=2) if isinstance(p, str) else p for p in pages]
    return Program("test", tuple(specs), threads, **changes)


def st(page: str, value: int, index: int = 0) -> Store:
    """Return a store."""
    return Store(page, index, value)


def ld(page: str, register: str = "r", index: int = 0) -> Load:
    """Return a load."""
    return Load(page, index, register)
