"""Targets that know nothing of memory management, for the tests of campaigns."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import attrs

from forkfuzz.campaign import Feedback, TargetSpec
from forkfuzz.checkers.violation import Severity, Violation
from forkfuzz.engine import Machine, Strategy, Task, point, run_inline
from forkfuzz.engine.trio_driver import TrioHost
from forkfuzz.errors import UsageError
from forkfuzz.harness.result import RunResult

OPENER = "campaign_toys:open_toy"
RELAY_WINDOWS = (3, 5, 2, 4, 1, 3)
RELAY_HOURS = 6

Body = Callable[[], Coroutine[Any, Any, None]]


@attrs.define(eq=False)
class Program:
    """Two tasks, what is to be counted of their state, and what must not happen."""

    bodies: tuple[Body, Body]
    state: Callable[[], int]
    broken: Callable[[], str]


def lost_update() -> Program:
    """Two tasks add one to a number, each with a step between load and store."""
    number = [0]

    async def add() -> None:
        await point("add:load")
        seen = number[0]
        await point("add:store")
        number[0] = seen + 1

    def broken() -> str:
        return "" if number[0] == 2 else f"number is {number[0]}, expected 2"

    return Program((add, add), lambda: number[0], broken)


def relay() -> Program:
    """A hand turns, and a key must move exactly when the hand stands right, six times.

    A key that moves at another time sticks, so each window is reached only in a run
    that met all windows before it.
    """
    hand, keys = [0], [0]

    async def turn() -> None:
        for _ in range(RELAY_HOURS * len(RELAY_WINDOWS)):
            await point("turn:next")
            hand[0] = (hand[0] + 1) % RELAY_HOURS

    async def unlock() -> None:
        for window in RELAY_WINDOWS:
            await point("unlock:move")
            if keys[0] >= 0:
                keys[0] = keys[0] + 1 if hand[0] == window else -1

    def broken() -> str:
        return "unlocked" if keys[0] == len(RELAY_WINDOWS) else ""

    return Program((turn, unlock), lambda: keys[0] * RELAY_HOURS + hand[0], broken)


def fickle() -> Program:
    """A program that is not the same twice in one process, nor in two."""
    runs = next(_fickle_runs)

    async def step() -> None:
        for _ in range(1 + runs % 3):
            await point("step:again")

    return Program((step, step), lambda: 0, lambda: "fickle")


def faulty() -> Program:
    """A program in which forkfuzz itself breaks."""

    async def step() -> None:
        await point("step:divide")
        _ = 1 // 0

    return Program((step, step), lambda: 0, lambda: "")


def endless() -> Program:
    """A program whose first run never ends."""

    async def step() -> None:
        await point("step:forever")
        while True:
            pass

    return Program((step, step), lambda: 0, lambda: "")


def quiet() -> Program:
    """A program without a bug."""

    async def step() -> None:
        await point("step:once")

    return Program((step, step), lambda: 0, lambda: "")


_fickle_runs: Iterator[int] = itertools.count()
PROGRAMS = {
    "lost-update": lost_update,
    "relay": relay,
    "fickle": fickle,
    "faulty": faulty,
    "endless": endless,
    "quiet": quiet,
}


@attrs.define(eq=False)
class StateObserver:
    """Marks each state of a program that a run reaches."""

    program: Program
    feedback: Feedback

    def on_step(self, task: Task) -> None:
        """Mark the state before the step."""
        mark = self.program.state() * 8 + task.index
        self.feedback.buffer[mark % (1 << 15)] = 1


@attrs.define(eq=False)
class Toy:
    """One program, run afresh each time."""

    name: str
    host: TrioHost | None = None
    closed: bool = False

    def run(self, strategy: Strategy, feedback: Feedback | None) -> RunResult:
        """Run it once."""
        program = PROGRAMS[self.name]()
        observers = [] if feedback is None else [StateObserver(program, feedback)]
        strategy.begin()
        machine = Machine(strategy, observers=observers)
        for name, body in zip(("T1", "T2"), program.bodies, strict=True):
            machine.spawn(name, body)
        if self.host is None:
            run_inline(machine)
        else:
            self.host.run(machine)
        return RunResult(
            outcome=machine.outcome,
            violations=self._judge(program, machine),
            decisions=machine.decisions,
            task_names=("T1", "T2"),
            steps=machine.steps,
            reached=("ran",),
        )

    def close(self) -> None:
        """End the Trio run, if there is one."""
        self.closed = True
        if self.host is not None:
            self.host.__exit__(None, None, None)

    def _judge(self, program: Program, machine: Machine) -> tuple[Violation, ...]:
        message = program.broken()
        if not message:
            return ()
        violation = Violation(
            prop="toy.broken",
            severity=Severity.PROGRAM,
            message=message,
            step=machine.steps,
            points=(self.name,),
        )
        return (violation,)


def open_toy(spec: TargetSpec) -> Toy:
    """Open the toy that the scenario names."""
    if spec.scenario not in PROGRAMS:
        msg = f"no toy {spec.scenario!r}"
        raise UsageError(msg)
    if spec.driver == "inline":
        return Toy(spec.scenario)
    return Toy(spec.scenario, TrioHost().__enter__())
