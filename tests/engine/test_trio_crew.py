"""Who plays the tasks of a run: Trio tasks that a host keeps, or a nursery's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar

import pytest
import trio

from forkfuzz.engine import Machine, Outcome, Stop, Task, point
from forkfuzz.engine.trio_driver import TrioHost, run_trio
from forkfuzz.errors import UsageError
from forkfuzz.strategies import RoundRobin

Drive = Callable[[Machine], None]


def order_of_beginning(tasks: int) -> tuple[Machine, list[tuple[str, str]]]:
    """Return a machine, and (model task, Trio task) as they begin."""
    machine = Machine(RoundRobin())
    begun: list[tuple[str, str]] = []

    def spawn(name: str, steps: int) -> None:
        async def body() -> None:
            begun.append((name, trio.lowlevel.current_task().name))
            for _ in range(steps):
                await point("walk:on")

        machine.spawn(name, body)

    for number in range(tasks):
        spawn(f"T{number}", number % 3)
    return machine, begun


async def test_tasks_begin_in_the_order_of_their_creation() -> None:
    """Trio wakes them in any order; who comes first is the first, and called so."""
    for _ in range(30):
        machine, begun = order_of_beginning(7)
        await run_trio(machine)
        assert begun == [(f"T{number}", f"T{number}") for number in range(7)]


def test_host_begins_tasks_in_the_order_of_their_creation() -> None:
    """Whichever Trio task plays it: also if a run has more tasks than the last."""
    with TrioHost() as host:
        for tasks in (4, 2, 7) * 10:
            machine, begun = order_of_beginning(tasks)
            host.run(machine)
            assert begun == [(f"T{number}", f"T{number}") for number in range(tasks)]


def test_host_hands_no_context_on() -> None:
    """What a task sets in its context is gone when the next run begins."""
    variable: ContextVar[int] = ContextVar("variable", default=0)
    seen: list[int] = []

    async def body() -> None:
        seen.append(variable.get())
        variable.set(1)
        await point("context:step")
        seen.append(variable.get())

    with TrioHost() as host:
        for _ in range(3):
            machine = Machine(RoundRobin())
            machine.spawn("T1", body)
            machine.spawn("T2", body)
            host.run(machine)
    assert seen == [0, 0, 1, 1] * 3


def test_host_survives_a_run_that_fails_in_its_first_turn() -> None:
    """Nobody has parked yet, and the host's own task may come before or after."""

    async def fails() -> None:
        msg = "at once"
        raise ValueError(msg)

    with TrioHost() as host:
        for _ in range(30):
            bad = Machine(RoundRobin())
            bad.spawn("bad", fails)
            with pytest.raises(ValueError, match=r"^at once$"):
                host.run(bad)
            assert bad.outcome is Outcome.FAILED
            good, begun = order_of_beginning(1)
            host.run(good)
            assert good.outcome is Outcome.FINISHED
            assert len(begun) == 1


def machine_without_answer() -> Machine:
    """Return a machine whose first question comes before all tasks and has no answer."""

    class Fails(RoundRobin):
        def next_task(self, runnable: Sequence[Task], stay: int) -> int:
            msg = "no idea"
            raise UsageError(msg)

    async def body() -> None:
        await point("never:here")

    machine = Machine(Fails())
    machine.spawn("T1", body, first=Stop("first:step"))
    return machine


def test_strategy_that_fails_before_any_task_has_begun(drive: Drive) -> None:
    """Where all first points are known, the first question comes before all tasks."""
    machine = machine_without_answer()
    with pytest.raises(UsageError, match=r"^no idea$"):
        drive(machine)
    assert machine.outcome is Outcome.FAILED


async def test_strategy_that_fails_at_once_in_a_trio_program() -> None:
    """As above; the failure comes bare, not in a group."""
    machine = machine_without_answer()
    with pytest.raises(UsageError, match=r"^no idea$"):
        await run_trio(machine)
    assert machine.outcome is Outcome.FAILED


async def test_first_point_must_be_the_first_await() -> None:
    """While a task sleeps, the next would be taken for it."""

    async def sleeps() -> None:
        await trio.lowlevel.checkpoint()
        await point("slept:well")

    machine = Machine(RoundRobin())
    machine.spawn("S", sleeps)
    machine.spawn("T", sleeps)
    expected = r"^S awaits something that is not a point$"
    with pytest.raises(UsageError, match=expected):
        await run_trio(machine)
    assert machine.outcome is Outcome.FAILED
