"""The Trio driver inside a live Trio program, and as a host for callers without one."""

from __future__ import annotations

import gc
import signal
from pathlib import Path

import pytest
import trio

from forkfuzz.engine import Machine, Outcome, point
from forkfuzz.engine.trio_driver import TrioHost, run_trio
from forkfuzz.errors import InternalError
from forkfuzz.strategies import RoundRobin


def machine_with(steps: int, tasks: int = 3) -> tuple[Machine, set[str]]:
    """Return a machine whose tasks take turns, and the names of those alive."""
    machine = Machine(RoundRobin(), max_steps=1_000_000)
    alive: set[str] = set()

    def spawn(name: str) -> None:
        async def body() -> None:
            alive.add(name)
            try:
                for _ in range(steps):
                    await point("walk:on")
            finally:
                alive.remove(name)

        machine.spawn(name, body)

    for number in range(tasks):
        spawn(f"T{number}")
    return machine, alive


def trio_tasks() -> int:
    """Return how many tasks the Trio run has."""
    return trio.lowlevel.current_statistics().tasks_living


async def test_machine_runs_inside_a_trio_program() -> None:
    """A run in a live Trio program ends by itself and leaves no task."""
    before = trio_tasks()
    machine, alive = machine_with(4)
    await run_trio(machine)
    assert machine.outcome is Outcome.FINISHED
    assert [decision[0] for decision in machine.decisions] == [0, 1, 2] * 4
    assert not alive
    assert trio_tasks() == before


async def test_other_tasks_of_the_program_do_not_disturb_a_run() -> None:
    """Decisions are the same however busy the surrounding program is."""

    async def busy() -> None:
        while True:
            await trio.lowlevel.checkpoint()

    quiet, _ = machine_with(20)
    await run_trio(quiet)
    disturbed, _ = machine_with(20)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(busy)
        await run_trio(disturbed)
        nursery.cancel_scope.cancel()
    assert disturbed.decisions == quiet.decisions


async def test_two_machines_run_side_by_side() -> None:
    """Each task belongs to the machine that started it."""
    one, _ = machine_with(10)
    two, _ = machine_with(10, tasks=2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_trio, one)
        nursery.start_soon(run_trio, two)
    assert [decision[0] for decision in one.decisions] == [0, 1, 2] * 10
    assert [decision[0] for decision in two.decisions] == [0, 1] * 10


@pytest.mark.parametrize("ticks", range(12))
async def test_cancellation_from_outside_ends_a_run(ticks: int) -> None:
    """Cancelled while starting or later, a run stops with whole decisions."""
    before = trio_tasks()
    machine, alive = machine_with(100_000)

    async def cancel_after(scope: trio.CancelScope) -> None:
        for _ in range(ticks):
            await trio.lowlevel.cancel_shielded_checkpoint()
        scope.cancel()

    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            nursery.start_soon(cancel_after, scope)
            await run_trio(machine)
        assert scope.cancelled_caught
    assert machine.outcome is Outcome.CANCELLED
    assert len(machine.decisions) == machine.steps <= ticks + 1
    order = [decision[0] for decision in machine.decisions]
    assert order == [number % 3 for number in range(len(order))]
    assert not alive
    assert trio_tasks() == before


async def test_timeout_ends_a_run() -> None:
    """A deadline that has passed cancels the run that it surrounds."""
    machine, alive = machine_with(100_000)
    with trio.move_on_after(0) as scope:
        await run_trio(machine)
    assert scope.cancelled_caught
    assert machine.outcome is Outcome.CANCELLED
    assert not alive


async def test_task_that_cancels_the_surroundings_finishes_its_step() -> None:
    """A step is atomic even if it cancels the program it is part of."""
    machine, _ = machine_with(5)
    done: list[str] = []
    with trio.CancelScope() as scope:

        async def cancels() -> None:
            await point("cancel:scope")
            scope.cancel()
            done.append("step")
            await point("never:here")
            done.append("too far")

        machine.spawn("C", cancels)
        await run_trio(machine)
    assert machine.outcome is Outcome.CANCELLED
    assert machine.decisions[-1] == (3, "cancel:scope", 4, 0)
    assert done == ["step"]


async def test_task_that_returns_while_being_cancelled_decides_nothing() -> None:
    """The end of a task's last step is no decision if the run is being cancelled."""
    machine, alive = machine_with(5)
    with trio.CancelScope() as scope:

        async def cancels() -> None:
            await point("cancel:scope")
            scope.cancel()

        task = machine.spawn("C", cancels)
        await run_trio(machine)
    assert machine.outcome is Outcome.CANCELLED
    assert machine.decisions[-1] == (3, "cancel:scope", 4, 0)
    assert task.done
    assert not alive


def test_host_runs_machines_one_after_the_other() -> None:
    """One Trio run serves many executions, all of them alike."""
    with TrioHost() as host:
        traces = []
        for _ in range(20):
            machine, alive = machine_with(5)
            host.run(machine)
            assert machine.outcome is Outcome.FINISHED
            assert not alive
            traces.append(machine.decisions)
    assert all(trace == traces[0] for trace in traces)
    assert len(traces[0]) == 15


def test_failure_leaves_the_next_run_fine() -> None:
    """A run that fails takes nothing of its successors with it."""

    async def fails() -> None:
        await point("fail:here")
        msg = "broken model"
        raise ValueError(msg)

    with TrioHost() as host:
        for _ in range(5):
            bad, alive = machine_with(5)
            bad.spawn("bad", fails)
            with pytest.raises(ValueError, match=r"^broken model$"):
                host.run(bad)
            assert bad.outcome is Outcome.FAILED
            assert not alive
            good, _ = machine_with(5)
            host.run(good)
            assert good.outcome is Outcome.FINISHED
            assert len(good.decisions) == 15


def test_closed_host_refuses_to_run() -> None:
    """After the end of its block a host is of no use."""
    machine, _ = machine_with(1)
    with TrioHost() as host:
        pass
    expected = r"^forkfuzz bug: the Trio host is busy or closed$"
    with pytest.raises(InternalError, match=expected):
        host.run(machine)


def test_host_gives_the_interrupt_handler_back() -> None:
    """Python's own handler is in place again, even after a failure."""
    before = signal.getsignal(signal.SIGINT)
    assert before is signal.default_int_handler
    with TrioHost():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(ZeroDivisionError), TrioHost():
        _ = 1 // 0
    assert signal.getsignal(signal.SIGINT) is before


def test_host_leaves_a_foreign_interrupt_handler_alone() -> None:
    """Whoever has installed a handler keeps it, during and after."""

    def mine(*_: object) -> None:
        """Ignore it."""

    before = signal.signal(signal.SIGINT, mine)
    try:
        with TrioHost():
            assert signal.getsignal(signal.SIGINT) is mine
        assert signal.getsignal(signal.SIGINT) is mine
    finally:
        signal.signal(signal.SIGINT, before)


def test_interrupt_during_a_run_is_raised_at_its_end() -> None:
    """Ctrl-C never breaks into Trio's own code, and is never lost."""
    machine, _ = machine_with(3)

    async def interrupts() -> None:
        await point("interrupt:now")
        signal.raise_signal(signal.SIGINT)

    machine.spawn("I", interrupts)
    with TrioHost() as host:
        with pytest.raises(KeyboardInterrupt):
            host.run(machine)
        assert machine.outcome is Outcome.FINISHED
        following, _ = machine_with(3)
        host.run(following)
        assert following.outcome is Outcome.FINISHED


def test_second_interrupt_does_not_wait() -> None:
    """A step that does not end can be stopped by a second Ctrl-C."""
    machine, alive = machine_with(3)

    async def loops() -> None:
        await point("loop:forever")
        while True:
            signal.raise_signal(signal.SIGINT)

    machine.spawn("L", loops)
    with TrioHost() as host, pytest.raises(KeyboardInterrupt):
        host.run(machine)
    assert machine.outcome is Outcome.FAILED
    assert not alive


def test_interrupt_between_two_runs_is_raised_at_once() -> None:
    """While no machine runs, Ctrl-C works as in any Python program."""
    with TrioHost() as host:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        machine, _ = machine_with(3)
        host.run(machine)
    assert machine.outcome is Outcome.FINISHED


def test_interrupt_takes_the_place_of_a_failure() -> None:
    """A run that fails after Ctrl-C leaves no error behind for the next one."""

    async def fails() -> None:
        await point("fail:here")
        signal.raise_signal(signal.SIGINT)
        raise ValueError

    bad, good = machine_with(3)[0], machine_with(3)[0]
    bad.spawn("bad", fails)
    with TrioHost() as host:
        with pytest.raises(KeyboardInterrupt):
            host.run(bad)
        host.run(good)
    assert bad.outcome is Outcome.FAILED
    assert good.outcome is Outcome.FINISHED


def test_many_runs_leak_nothing() -> None:
    """Neither files nor tasks grow in number over 300 runs, one in three failing."""

    async def fails() -> None:
        await point("fail:here")
        raise ValueError

    def run(number: int) -> None:
        machine, _ = machine_with(3)
        if number % 3 == 0:
            machine.spawn("bad", fails)
        try:
            host.run(machine)
        except ValueError:
            assert number % 3 == 0

    def trio_objects() -> int:
        gc.collect()
        return sum(isinstance(o, trio.lowlevel.Task) for o in gc.get_objects())

    with TrioHost() as host:
        run(1)
        before = trio_objects(), len(list(Path("/proc/self/fd").iterdir()))
        for number in range(300):
            run(number)
        after = trio_objects(), len(list(Path("/proc/self/fd").iterdir()))
    assert after == before
