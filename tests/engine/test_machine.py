"""Runs begin, are recorded and end alike under both drivers."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from forkfuzz.engine import (
    NOTHING,
    Machine,
    Outcome,
    Stop,
    Strategy,
    Task,
    point,
    this_machine,
)
from forkfuzz.errors import UsageError
from forkfuzz.strategies import RoundRobin

Drive = Callable[[Machine], None]


class Stay:
    """Goes on while it can; notes what it was asked."""

    def __init__(self, value: int = 0) -> None:
        self.value = value
        self.asked: list[tuple[tuple[str, ...], int]] = []

    def begin(self) -> None:
        """Forget nothing."""

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Stay, or take the first."""
        self.asked.append((tuple(task.name for task in runnable), stay))
        return max(stay, 0)

    def next_value(self, label: str, options: int) -> int:
        """Give the fixed value."""
        return self.value


def machine_of(strategy: Strategy | None = None, max_steps: int = 50) -> Machine:
    """Return a machine without tasks."""
    return Machine(strategy or Stay(), max_steps=max_steps)


class Walker:
    """A task's body that takes steps for ever or up to a number, and notes its end."""

    def __init__(self, steps: int = 1_000_000) -> None:
        self.steps = steps
        self.taken = 0
        self.alive = False

    async def __call__(self) -> None:
        """Take the steps."""
        self.alive = True
        try:
            for number in range(self.steps):
                await point(f"walk:{number}")
                self.taken += 1
        finally:
            self.alive = False


def test_decision_is_recorded_before_its_step(drive: Drive) -> None:
    """A step finds itself as the last decision of the run."""
    machine = machine_of()
    seen = []

    async def body() -> None:
        await point("first:step")
        seen.append(machine.decisions[-1])
        await point("second:step")
        seen.append(machine.decisions[-1])

    machine.spawn("T1", body)
    drive(machine)
    assert seen == [(0, "first:step", 1, 0), (0, "second:step", 1, 0)]
    assert machine.outcome is Outcome.FINISHED
    assert machine.steps == 2


def test_no_task_has_taken_a_step_before_the_first_decision(drive: Drive) -> None:
    """The first question offers all tasks and none that could stay."""
    strategy = Stay()
    machine = machine_of(strategy)
    machine.spawn("T1", Walker(1))
    machine.spawn("T2", Walker(1))
    drive(machine)
    assert strategy.asked == [(("T1", "T2"), -1), (("T2",), -1)]


def test_last_task_created_may_go_first(drive: Drive) -> None:
    """A run can begin with the task that was the last to reach its first point."""

    class Last(Stay):
        def next_task(self, runnable: Sequence[Task], stay: int) -> int:
            return len(runnable) - 1

    machine = machine_of(Last())
    for name in ("T1", "T2", "T3"):
        machine.spawn(name, Walker(2))
    drive(machine)
    assert [decision[0] for decision in machine.decisions] == [2, 2, 1, 1, 0, 0]


def test_run_without_tasks_is_finished(drive: Drive) -> None:
    """Nothing to wait for means nothing to decide."""
    machine = machine_of()
    drive(machine)
    assert machine.outcome is Outcome.FINISHED
    assert machine.decisions == []


def test_task_without_points_takes_no_step(drive: Drive) -> None:
    """A body that returns at once is done before the run starts."""
    machine = machine_of()
    walker = Walker(0)
    task = machine.spawn("T1", walker)
    other = Walker(1)
    machine.spawn("T2", other)
    drive(machine)
    assert task.done
    assert machine.decisions == [(1, "walk:0", 1, 0)]


def test_deadlock_ends_the_run_with_its_decisions(drive: Drive) -> None:
    """When nobody can run, what was decided is whole and nothing stays alive."""
    machine = machine_of()
    walker = Walker(2)

    async def waits_forever() -> None:
        walker.alive = True
        try:
            await point("wait:for_nothing", when=lambda: False)
        finally:
            walker.alive = False

    machine.spawn("T1", waits_forever)
    machine.spawn("T2", walker)
    drive(machine)
    assert machine.outcome is Outcome.DEADLOCK
    assert [decision[1] for decision in machine.decisions] == ["walk:0", "walk:1"]
    assert not walker.alive


def test_livelock_ends_the_run_at_the_bound(drive: Drive) -> None:
    """A run takes exactly the steps that it is allowed, and all are recorded."""
    machine = machine_of(RoundRobin(), max_steps=7)
    walkers = [Walker(), Walker()]
    for number, walker in enumerate(walkers):
        machine.spawn(f"T{number}", walker)
    drive(machine)
    assert machine.outcome is Outcome.LIVELOCK
    assert len(machine.decisions) == machine.steps == 7
    assert [walker.taken for walker in walkers] == [4, 3]
    assert not any(walker.alive for walker in walkers)


def test_failure_of_a_task_reaches_the_caller_bare(drive: Drive) -> None:
    """A task's exception arrives as it was raised, with all decisions up to it."""
    machine = machine_of(RoundRobin())
    walker = Walker()

    async def fails() -> None:
        await point("fail:once")
        await point("fail:twice")
        msg = "broken model"
        raise ValueError(msg)

    machine.spawn("T1", fails)
    machine.spawn("T2", walker)
    with pytest.raises(ValueError, match=r"^broken model$"):
        drive(machine)
    assert machine.outcome is Outcome.FAILED
    labels = [decision[1] for decision in machine.decisions]
    assert labels == ["fail:once", "walk:0", "fail:twice"]
    assert not walker.alive


@pytest.mark.parametrize("asked_before", [0, 1, 2])
def test_failure_of_the_strategy_reaches_the_caller_bare(
    drive: Drive, asked_before: int
) -> None:
    """At the first decision, at a point, or when a task returns: it is the same."""

    class Fails(Stay):
        def next_task(self, runnable: Sequence[Task], stay: int) -> int:
            if len(self.asked) == asked_before:
                msg = "no idea"
                raise UsageError(msg)
            return super().next_task(runnable, stay)

    machine = machine_of(Fails())
    machine.spawn("T1", Walker(2))
    machine.spawn("T2", Walker(2))
    with pytest.raises(UsageError, match=r"^no idea$"):
        drive(machine)
    assert machine.outcome is Outcome.FAILED
    assert len(machine.decisions) == asked_before


def test_daemon_does_not_keep_a_run_alive(drive: Drive) -> None:
    """A run ends with its last task that is no daemon."""
    machine = machine_of(RoundRobin())
    daemon = Walker()
    machine.spawn("tlb", daemon, kind="hardware", daemon=True)
    machine.spawn("T1", Walker(3))
    drive(machine)
    assert machine.outcome is Outcome.FINISHED
    assert daemon.taken == 3
    assert not daemon.alive


def test_daemon_that_returns_does_not_end_the_run(drive: Drive) -> None:
    """The run goes on without it until all others are done."""
    machine = machine_of(RoundRobin())
    machine.spawn("irq", Walker(1), kind="irq", daemon=True)
    walker = Walker(4)
    machine.spawn("T1", walker)
    drive(machine)
    assert machine.outcome is Outcome.FINISHED
    assert walker.taken == 4


def test_unfinished_tasks_are_closed_not_forgotten(drive: Drive) -> None:
    """A coroutine that somebody still holds has been unwound by the end of the run."""
    machine = machine_of(max_steps=3)
    walker = Walker()
    held: list[Coroutine[Any, Any, None]] = []

    def body() -> Coroutine[Any, Any, None]:
        held.append(walker())
        return held[0]

    machine.spawn("T1", body)
    drive(machine)
    assert machine.outcome is Outcome.LIVELOCK
    assert len(held) == 1
    assert not walker.alive


def test_condition_decides_who_is_runnable(drive: Drive) -> None:
    """A task that waits is offered only once its condition holds."""
    strategy = Stay()
    machine = machine_of(strategy)
    done: list[str] = []

    async def waits() -> None:
        await point("wait:done", when=lambda: bool(done))

    async def sets() -> None:
        await point("set:done")
        done.append("yes")
        await point("set:more")

    machine.spawn("T1", waits)
    machine.spawn("T2", sets)
    drive(machine)
    assert strategy.asked == [(("T2",), -1), (("T1", "T2"), 1), (("T1",), -1)]


def test_spawn_after_start_is_refused(drive: Drive) -> None:
    """A run's tasks are all there when it starts."""
    machine = machine_of()

    async def spawns() -> None:
        await point("spawn:late")
        this_machine().spawn("T2", Walker())

    machine.spawn("T1", spawns)
    with pytest.raises(UsageError, match=r"^cannot spawn 'T2': the run has started$"):
        drive(machine)


def test_duplicate_name_is_refused() -> None:
    """Schedules name tasks, so a name stands for one task."""
    machine = machine_of()
    machine.spawn("T1", Walker())
    with pytest.raises(UsageError, match=r"^two tasks are named 'T1'$"):
        machine.spawn("T1", Walker())


def test_task_begins_once(drive: Drive) -> None:
    """The coroutine of a run that is over cannot be had again."""
    machine = machine_of()
    task = machine.spawn("T1", Walker(1))
    drive(machine)
    with pytest.raises(UsageError, match=r"^this machine has been run before$"):
        task.body().send(None)


def test_run_is_freed_without_the_garbage_collector(drive: Drive) -> None:
    """Tasks that know their machine do not keep it once it has run."""
    machine = machine_of(RoundRobin())

    async def body(machine: Machine = machine) -> None:
        await point("body:step")
        assert machine.current is not None

    machine.spawn("T1", body)
    machine.spawn("T2", body, daemon=True)
    machine.spawn("T3", body, daemon=True, first=Stop("body:never", when=lambda: False))
    drive(machine)
    dropped = weakref.ref(machine)
    gc.disable()
    try:
        del machine, body
        assert dropped() is None
    finally:
        gc.enable()


def test_observer_is_told_of_every_step(drive: Drive) -> None:
    """An observer sees the steps that were recorded, in their order."""
    seen: list[tuple[int, str]] = []

    class Watch:
        def on_step(self, task: Task) -> None:
            """Note the step."""
            seen.append((task.index, task.label))

    machine = Machine(RoundRobin(), observers=[Watch()])
    machine.spawn("T1", Walker(2))
    machine.spawn("T2", Walker(2))
    drive(machine)
    assert seen == [(index, label) for index, label, _, _ in machine.decisions]
    assert len(seen) == 4


def test_failing_observer_leaves_the_decision(drive: Drive) -> None:
    """The step that an observer fails at is part of the record."""

    class Fails:
        def on_step(self, task: Task) -> None:
            """Fail."""
            msg = f"cannot count {task.label}"
            raise ValueError(msg)

    machine = Machine(Stay(), observers=[Fails()])
    machine.spawn("T1", Walker(2))
    with pytest.raises(ValueError, match=r"^cannot count walk:0$"):
        drive(machine)
    assert machine.decisions == [(0, "walk:0", 1, 0)]


def test_a_task_that_awaits_while_it_is_unwound_leaves_nothing_behind(
    drive: Drive,
) -> None:
    """The end of a run may meet a finally that stops at a point; drivers go on."""

    async def stubborn() -> None:
        try:
            await point("stubborn:wait", NOTHING, lambda: False)
        finally:
            await point("stubborn:again")

    async def body() -> None:
        await point("body:step")

    for _ in range(3):
        machine = Machine(RoundRobin())
        machine.spawn("S1", stubborn, daemon=True)
        machine.spawn("S2", stubborn, daemon=True)
        machine.spawn("T", body)
        drive(machine)
        assert machine.outcome is Outcome.FINISHED
