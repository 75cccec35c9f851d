"""Both drivers run the same program alike, decision for decision."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forkfuzz.engine import Machine, Outcome, RawDecision, choose, point, run_inline
from forkfuzz.engine.trio_driver import TrioHost
from forkfuzz.strategies import Bytes

Op = tuple[str, int]
Program = list[tuple[bool, list[Op]]]

OPS = st.one_of(
    st.tuples(st.just("step"), st.just(0)),
    st.tuples(st.just("add"), st.integers(1, 3)),
    st.tuples(st.just("wait"), st.integers(0, 6)),
    st.tuples(st.just("choose"), st.integers(1, 4)),
    st.tuples(st.just("fail"), st.integers(4, 9)),
)
PROGRAMS = st.lists(
    st.tuples(st.booleans(), st.lists(OPS, max_size=6)), min_size=0, max_size=4
)


class ModelError(Exception):
    """Raised by a program that fails."""


def build(program: Program, data: bytes) -> Machine:
    """Return a machine that runs *program* as *data* decides."""
    machine = Machine(Bytes(data), max_steps=15)
    shared = {"count": 0}

    def spawn(index: int, daemon: bool, ops: list[Op]) -> None:
        async def body() -> None:
            for name, number in ops:
                await perform(name, number)

        machine.spawn(f"T{index}", body, daemon=daemon)

    async def perform(name: str, number: int) -> None:
        if name == "wait":
            await point("wait:count", when=lambda: shared["count"] >= number)
            return
        await point(f"{name}:{number}")
        if name == "add":
            shared["count"] += number
        elif name == "choose":
            shared["count"] += choose("choose:number", number)
        elif name == "fail" and shared["count"] >= number:
            raise ModelError(number)

    for index, (daemon, ops) in enumerate(program):
        spawn(index, daemon, ops)
    return machine


def result(
    machine: Machine, drive: Callable[[Machine], None]
) -> tuple[list[RawDecision], Outcome, int, list[bool], object]:
    """Return all that a run came to."""
    error: object = None
    try:
        drive(machine)
    except ModelError as caught:
        error = caught.args
    done = [task.done for task in machine.tasks]
    return machine.decisions, machine.outcome, machine.steps, done, error


@pytest.fixture(name="host", scope="module")
def _host() -> Iterator[TrioHost]:
    with TrioHost() as host:
        yield host


@given(program=PROGRAMS, data=st.binary(max_size=40))
def test_drivers_give_identical_runs(
    host: TrioHost, program: Program, data: bytes
) -> None:
    """Same program, same bytes: same decisions, outcome and failure."""
    inline = result(build(program, data), run_inline)
    assert result(build(program, data), host.run) == inline


def test_drivers_agree_on_ten_thousand_decision_streams(host: TrioHost) -> None:
    """A program with a lock, outcomes and a daemon runs alike on random streams."""
    program: Program = [
        (False, [("add", 1), ("wait", 3), ("choose", 3)]),
        (False, [("choose", 4), ("add", 2), ("fail", 9)]),
        (True, [("step", 0)] * 6),
    ]
    rng = random.Random(1)
    seen = set()
    for _ in range(10_000):
        data = rng.randbytes(12)
        inline = result(build(program, data), run_inline)
        assert result(build(program, data), host.run) == inline
        seen.add(tuple(inline[0]))
    assert len(seen) > 1000


@pytest.mark.parametrize(
    "outcome",
    [Outcome.FINISHED, Outcome.DEADLOCK, Outcome.LIVELOCK, Outcome.FAILED],
)
def test_programs_reach_every_outcome(outcome: Outcome) -> None:
    """The programs above can end in every way, so parity covers each of them."""
    programs: dict[Outcome, Program] = {
        Outcome.FINISHED: [(False, [("add", 1)])],
        Outcome.DEADLOCK: [(False, [("wait", 6)])],
        Outcome.LIVELOCK: [(False, [("step", 0)] * 6)] * 3,
        Outcome.FAILED: [(False, [("add", 3), ("add", 3), ("fail", 6)])],
    }
    machine = build(programs[outcome], b"")
    result(machine, run_inline)
    assert machine.outcome is outcome
