"""One run: program x rules x strategy, judged by every checker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from forkfuzz import checkers
from forkfuzz.checkers import Checker, Severity, Violation
from forkfuzz.engine import Machine, Observer, Outcome, Strategy, run_inline
from forkfuzz.kernel.protocol import Linux, Protocol
from forkfuzz.mm.watch import Watch, Watcher
from forkfuzz.mm.world import World
from forkfuzz.rules import Rules
from forkfuzz.scenarios.program import Fork, Program

from .execution import Body, Execution
from .interpreter import spawn_threads
from .result import RunResult
from .setup import build_world

Driver = Callable[[Machine], None]
"""Runs a machine to its end: `run_inline`, or `TrioHost.run`."""

LEAST_STEP_BOUND = 5000
"""Programs that ship take a few hundred steps."""


def step_bound(program: Program) -> int:
    """Return after how many steps a run counts as a livelock.

    A statement takes some thirty steps, with a fault under two locks; fork some twenty
    for each page and one or two for each word. Ten times that is never an honest run.
    """
    statements = [s for thread in program.threads for s in thread.statements]
    forks = sum(isinstance(statement, Fork) for statement in statements)
    words = sum(page.words for page in program.pages)
    copied = forks * (20 * len(program.pages) + 2 * words)
    return LEAST_STEP_BOUND + 10 * (30 * len(statements) + copied)


PROGRAM_ORDER = frozenset(
    {
        "semaphore:wait",
        "dma:wait_for_reference",
        "peek:wait_for_reference",
        "khugepaged:wait_for_mm",
        "thread:child_runnable",
    }
)
"""Points at which a thread waits for what the program says, not for the kernel."""

LINUX = Linux()


class Run:
    """A run that is set up and can be executed once.

    Args:
        program: What to run.
        rules: Under which rules.
        strategy: Who decides; its ``begin`` has been called.
        protocol: The kernel model.
        bodies: Code in the place of threads' statements, by the name of the thread.
        watchers: Told of what the model does, after the checkers.
        observers: Told of every step.
        max_steps: Bound in the place of that of `step_bound`.

    Attributes:
        world: The state; afterwards that at the end of the run.
        execution: Registers, faults and children of the run.
        checkers: Its judges, one of each kind.
        machine: Tasks and decisions.
    """

    def __init__(
        self,
        program: Program,
        rules: Rules,
        strategy: Strategy,
        *,
        protocol: Protocol = LINUX,
        bodies: Mapping[str, Body] | None = None,
        watchers: Iterable[Watcher] = (),
        observers: Iterable[Observer] = (),
        max_steps: int | None = None,
    ) -> None:
        self.program = program
        judges = checkers.OF_RAW if program.raw else checkers.ALL
        self.checkers: list[Checker] = [kind() for kind in judges]
        self.world: World = build_world(program, rules)
        self.world.watch = Watch([*self.checkers, *watchers])
        self.execution = Execution(program, self.world, protocol, bodies)
        bound = max_steps or step_bound(program)
        self.machine = Machine(strategy, max_steps=bound, observers=observers)
        spawn_threads(self.machine, self.execution)
        for checker in self.checkers:
            checker.start(self.world, self.machine)

    def execute(self, driver: Driver = run_inline) -> RunResult:
        """Run to the end and judge.

        Raises:
            BaseException: Whatever the strategy or the model raised.
        """
        driver(self.machine)
        return self.result()

    def violations(self) -> list[Violation]:
        """Return what the checkers have noticed so far."""
        return [v for checker in self.checkers for v in checker.violations]

    def result(self) -> RunResult:
        """Judge a run that has ended."""
        machine = self.machine
        if machine.outcome is Outcome.FINISHED:
            for checker in self.checkers:
                checker.finish()
        violations = self.violations()
        violations.extend(_no_progress(machine))
        seen = {decision[1] for decision in machine.decisions}
        return RunResult(
            machine.outcome,
            tuple(sorted(violations, key=lambda v: (v.step, v.prop))),
            machine.decisions,
            tuple(task.name for task in machine.tasks),
            machine.steps,
            tuple(label for label in self.program.sometimes if label in seen),
            self.execution.end(),
        )

    def close(self) -> None:
        """Take the run apart, so that nothing of it waits for a garbage collection."""
        for mm in self.world.mms:
            mm.vmas.clear()
        for part in (self.world, self.machine, self.execution, self):
            vars(part).clear()


def _no_progress(machine: Machine) -> list[Violation]:
    """Turn a run that did not come to its end into a violation (I14)."""
    waiting = [t for t in machine.tasks if not t.done and not t.daemon]
    points = tuple(sorted({task.label for task in waiting}))
    names = ", ".join(f"{task.name} at {task.label}" for task in waiting)
    if machine.outcome is Outcome.DEADLOCK and set(points) <= PROGRAM_ORDER:
        prop, message = "run.stuck", f"the program waits for itself: {names}"
    elif machine.outcome is Outcome.DEADLOCK:
        prop, message = "lock.deadlock", f"nothing can go on: {names}"
    elif machine.outcome is Outcome.LIVELOCK:
        prop, message = "run.livelock", f"{machine.steps} steps without end: {names}"
    else:
        return []
    return [Violation(prop, Severity.PROGRAM, message, machine.steps, points)]
