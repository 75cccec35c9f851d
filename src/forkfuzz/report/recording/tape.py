"""Replays a schedule and writes down everything that readers may want to know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from forkfuzz.checkers import Violation
from forkfuzz.engine import (
    CHOICE,
    Decision,
    Machine,
    Outcome,
    Strategy,
    run_inline,
)
from forkfuzz.harness.result import RunResult
from forkfuzz.harness.run import LINUX, Driver, Run
from forkfuzz.kernel.protocol import Protocol
from forkfuzz.report.sanitize import brief, printable
from forkfuzz.report.words import cut_names, shown, with_names
from forkfuzz.rules import Rules
from forkfuzz.scenarios.program import Program
from forkfuzz.strategies import Replay

from .events import HARDWARE, Choice, Event, Recording, Step, Waiting
from .recorder import Recorder
from .states import Camera, Moment


class Tape:
    """A run that is set up and written down while it goes on.

    Args:
        program: What to run.
        rules: Under which rules.
        strategy: Who decides; its ``begin`` has been called.
        protocol: The kernel model.
        camera: Takes pictures of the state on the way.

    Attributes:
        run: The run, not yet executed.
    """

    def __init__(
        self,
        program: Program,
        rules: Rules,
        strategy: Strategy,
        *,
        protocol: Protocol = LINUX,
        camera: Camera | None = None,
    ) -> None:
        self._recorder = Recorder()
        watching: list[Recorder | Camera] = [self._recorder]
        if camera is not None:
            watching.append(camera)
        self.run = Run(
            program,
            rules,
            strategy,
            protocol=protocol,
            watchers=watching,
            observers=watching,
        )
        self._recorder.begin(self.run.world)
        if camera is not None:
            camera.begin(self.run.world, self.run.machine)

    def recording(self, result: RunResult) -> Recording:
        """Return what was written down, of a run that may not be over yet."""
        run, recorder = self.run, self._recorder
        recorder.close()
        cpus = _cpus(run)
        return Recording(
            run.program,
            run.world.rules,
            result,
            tuple(_steps(run.program, recorder, result, cpus)),
            tuple(_waiting(run.program, run.machine, recorder)),
            cpus,
        )


def record(
    program: Program,
    rules: Rules,
    decisions: Sequence[Decision],
    driver: Driver = run_inline,
    *,
    protocol: Protocol = LINUX,
) -> Recording:
    """Replay *decisions* and write down every step.

    Raises:
        ReplayError: The model does not offer what a decision asks for.
    """
    strategy = Replay(decisions)
    strategy.begin()
    tape = Tape(program, rules, strategy, protocol=protocol)
    return tape.recording(tape.run.execute(driver))


def moments(
    program: Program, rules: Rules, decisions: Sequence[Decision]
) -> list[Moment]:
    """Return the state before the first step, and after each step what has changed.

    Raises:
        ReplayError: The model does not offer what a decision asks for.
    """
    strategy = Replay(decisions)
    strategy.begin()
    camera = Camera()
    run = Tape(program, rules, strategy, camera=camera).run
    run.execute()
    camera.take(run.machine.steps)
    return camera.moments


def _cpus(run: Run) -> dict[str, str]:
    """Return the CPU of each task, by the task's name."""
    free = iter(run.world.cpus)
    cpus = {
        brief(thread.name): next(free).name
        for thread in run.program.threads
        if thread.kind != "device"
    }
    for task in run.machine.tasks:
        _, colon, cpu = task.name.partition(":")
        if task.kind in HARDWARE and colon:
            cpus[brief(task.name)] = cpu
    return cpus


def _steps(
    program: Program, recorder: Recorder, result: RunResult, cpus: Mapping[str, str]
) -> Iterator[Step]:
    """Join what was written down with the decisions and the violations."""
    options, choices = _decided(result)
    cut = cut_names(program)
    for number, raw in enumerate(recorder.steps, 1):
        found = [_violation(program, v) for v in result.violations if v.step == number]
        task = brief(raw.task)
        yield Step(
            number,
            task,
            raw.kind,
            cpus.get(task, ""),
            printable(raw.label),
            with_names(cut, raw.obj),
            options[number - 1],
            tuple(choices[number - 1]),
            (*raw.events, *found),
        )


def _decided(result: RunResult) -> tuple[list[int], list[list[Choice]]]:
    """Return how many could run, and the outcomes chosen, of each step."""
    options: list[int] = []
    choices: list[list[Choice]] = []
    for task, label, count, value in result.decisions:
        if task != CHOICE:
            options.append(count)
            choices.append([])
        elif choices:
            choices[-1].append(Choice(printable(label), count, value))
    return options, choices


def _violation(program: Program, violation: Violation) -> Event:
    return Event(
        "violation",
        {
            "property": violation.prop,
            "severity": violation.severity.name.lower(),
            "message": shown(program, violation.message),
            "points": ",".join(violation.points),
        },
    )


def _waiting(
    program: Program, machine: Machine, recorder: Recorder
) -> Iterator[Waiting]:
    """Say who waits for whom, in a run that could not go on."""
    if machine.outcome not in (Outcome.DEADLOCK, Outcome.LIVELOCK):
        return
    for task in machine.tasks:
        if not task.done and not task.daemon:
            obj = task.access.obj
            holders = tuple(brief(name) for name in recorder.held.get(obj, []))
            yield Waiting(brief(task.name), task.label, shown(program, obj), holders)
