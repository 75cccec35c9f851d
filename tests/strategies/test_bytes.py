"""Inputs of a fuzzing engine are schedules, and schedules are inputs."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forkfuzz.engine import (
    CHOICE,
    Machine,
    Outcome,
    Strategy,
    Task,
    choose,
    point,
    run_inline,
)
from forkfuzz.errors import UsageError
from forkfuzz.strategies import Bytes, Encoder, Pct, RandomWalk, RoundRobin
from forkfuzz.strategies.stored_bytes import SWITCH, bytes_of


async def _nothing() -> None:
    await point("never:run")


def tasks(count: int) -> list[Task]:
    """Return so many tasks that nobody runs."""
    return [Task(n, f"T{n}", "thread", _nothing) for n in range(count)]


def run(strategy: Strategy, sizes: Sequence[int]) -> Machine:
    """Run tasks of these lengths, each with waiting and an outcome at every step."""
    strategy.begin()
    machine = Machine(strategy, max_steps=500)
    steps = {"taken": 0}

    def spawn(name: str, size: int) -> None:
        async def body() -> None:
            for number in range(size):
                if number % 3 == 2:
                    await point("wait:even", when=lambda: steps["taken"] % 2 == 0)
                else:
                    await point("walk:on")
                steps["taken"] += 1 + choose("walk:far", 1 + number % 4)

        machine.spawn(name, body)

    for index, size in enumerate(sizes):
        spawn(f"T{index}", size)
    run_inline(machine)
    return machine


@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from([RandomWalk, Pct]),
    sizes=st.lists(st.integers(0, 8), max_size=5),
)
def test_encoded_run_replays_to_the_same_decisions(
    seed: int, kind: type[RandomWalk | Pct], sizes: list[int]
) -> None:
    """Whatever a strategy decides, the bytes written down decide the same."""
    encoder = Encoder(kind(seed))
    for _ in range(2):
        recorded = run(encoder, sizes)
        reader = Bytes(encoder.data())
        assert run(reader, sizes).decisions == recorded.decisions
        assert reader.used == len(encoder.data())


@given(data=st.binary(max_size=80), sizes=st.lists(st.integers(0, 8), max_size=5))
def test_any_bytes_are_a_schedule(data: bytes, sizes: list[int]) -> None:
    """No input is malformed, and what it decided can be encoded again."""
    encoder = Encoder(Bytes(data))
    machine = run(encoder, sizes)
    assert machine.outcome in {Outcome.FINISHED, Outcome.DEADLOCK}
    assert run(Bytes(encoder.data()), sizes).decisions == machine.decisions


@given(data=st.binary(max_size=30), tail=st.binary(max_size=30))
def test_a_new_tail_leaves_the_decisions_before_it(data: bytes, tail: bytes) -> None:
    """Bytes are read from the front, each for one decision."""
    sizes = [6, 6, 6]
    reader = Bytes(data)
    before = run(reader, sizes).decisions
    after = run(Bytes(data[: reader.used] + tail), sizes).decisions
    alternatives = 0
    for old, new in zip(before, after, strict=False):
        alternatives += old[2] > 1
        if alternatives > reader.used:
            break
        assert old == new


def test_exhausted_input_lets_each_task_run_to_its_end() -> None:
    """With nothing left to read a task goes on while it can, then the first does."""
    machine = Machine(Bytes(b""))

    async def body() -> None:
        for _ in range(3):
            await point("walk:on")

    for name in ("T0", "T1", "T2"):
        machine.spawn(name, body)
    run_inline(machine)
    assert [decision[0] for decision in machine.decisions] == [0] * 3 + [1] * 3 + [
        2
    ] * 3


@pytest.mark.parametrize(
    ("byte", "stay", "chosen"),
    [
        (0, 2, 2),
        (SWITCH - 1, 2, 2),
        (SWITCH, 2, 0),
        (SWITCH + 1, 2, 1),
        (SWITCH + 2, 2, 3),
        (SWITCH + 3, 2, 0),
        (SWITCH, 0, 1),
        (0, -1, 0),
        (7, -1, 3),
        (255, -1, 3),
    ],
)
def test_byte_chooses_among_four(byte: int, stay: int, chosen: int) -> None:
    """Below 192 the task goes on if it can; from there on another one steps."""
    assert Bytes(bytes([byte])).next_task(tasks(4), stay) == chosen


@pytest.mark.parametrize(
    ("byte", "value"), [(0, 0), (191, 0), (192, 1), (193, 2), (194, 1), (255, 2)]
)
def test_byte_chooses_an_outcome(byte: int, value: int) -> None:
    """Three quarters of all bytes are undramatic."""
    assert Bytes(bytes([byte])).next_value("mmu:insert", 3) == value


def test_forced_decision_takes_no_byte() -> None:
    """Bytes are spent only where there is an alternative."""
    reader = Bytes(b"\xff")
    assert reader.next_task(tasks(1), -1) == 0
    assert reader.next_value("mmu:insert", 1) == 0
    assert reader.used == 0
    assert reader.next_task(tasks(2), 0) == 1
    assert reader.used == 1


def test_rewound_reader_reads_other_data() -> None:
    """One object serves any number of inputs."""
    reader = Bytes(b"\x01")
    assert reader.next_task(tasks(2), -1) == 1
    reader.rewind(b"\x02")
    assert reader.next_task(tasks(3), -1) == 2
    reader.begin()
    assert reader.next_task(tasks(3), -1) == 2


def test_encoder_refuses_what_does_not_fit_into_a_byte() -> None:
    """The 65th task cannot be written down, and is not passed over."""
    encoder = Encoder(RoundRobin())
    encoder.begin()
    many = tasks(70)
    assert [encoder.next_task(many, 69) for _ in range(64)] == list(range(64))
    expected = r"^answer 64 does not fit into the input; expected fewer options$"
    with pytest.raises(UsageError, match=expected):
        encoder.next_task(many, 69)


@given(options=st.integers(2, 10_000), data=st.data())
def test_any_of_many_outcomes_can_be_written_down(
    options: int, data: st.DataObject
) -> None:
    """One byte says which of up to 65 it is; of more, two."""
    values = data.draw(st.lists(st.integers(0, options - 1), max_size=5))

    class Says(RoundRobin):
        def next_value(self, label: str, options: int) -> int:
            return values[len(chosen)]

    encoder = Encoder(Says())
    encoder.begin()
    chosen: list[int] = []
    sizes = []
    for _ in values:
        before = len(encoder.data())
        chosen.append(encoder.next_value("many:outcomes", options))
        sizes.append(len(encoder.data()) - before)
    assert chosen == values
    reader = Bytes(encoder.data())
    assert [reader.next_value("many:outcomes", options) for _ in values] == values
    decisions = [(CHOICE, "many:outcomes", options, value) for value in values]
    assert sizes == [bytes_of(decision) for decision in decisions]
    assert all(
        size == 1 + (options > 65 and value > 0)
        for size, value in zip(sizes, values, strict=True)
    )
