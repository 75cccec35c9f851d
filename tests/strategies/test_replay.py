"""A stored schedule is obeyed to the letter, or the difference is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forkfuzz.engine import (
    Decision,
    Machine,
    Schedule,
    Strategy,
    choose,
    dumps,
    loads,
    point,
    run_inline,
)
from forkfuzz.errors import ReplayError
from forkfuzz.strategies import RandomWalk, Replay, RoundRobin


def run(strategy: Strategy, threads: int = 2) -> Machine:
    """Run a program with steps, outcomes and a thread that waits for another."""
    strategy.begin()
    machine = Machine(strategy)
    stored: list[int] = []

    async def store() -> None:
        await point("store:translate")
        stored.append(choose("mmu:insert", 2))
        await point("store:write_word")

    async def fork() -> None:
        await point("fork:lock", when=lambda: bool(stored))
        await point("fork:unlock")

    machine.spawn("F", fork)
    for number in range(threads):
        machine.spawn(f"T{number + 1}", store)
    run_inline(machine)
    return machine


def schedule_of(machine: Machine) -> Schedule:
    """Return the schedule of a run."""
    return Schedule.of(machine.decisions, [task.name for task in machine.tasks])


@given(st.integers(0, 10**6))
def test_stored_run_replays_to_the_same_decisions(seed: int) -> None:
    """Recorded, written, read and replayed, a run is the same run."""
    recorded = run(RandomWalk(seed))
    replay = Replay(loads(dumps(schedule_of(recorded))).decisions)
    assert run(replay).decisions == recorded.decisions
    assert replay.remaining == 0


@given(seed=st.integers(0, 10**6), size=st.integers(0, 9))
def test_prefix_is_obeyed_before_another_strategy(seed: int, size: int) -> None:
    """After the prefix the other strategy decides, from its own beginning."""
    recorded = run(RandomWalk(seed))
    prefix = schedule_of(recorded).decisions[:size]
    mixed = run(Replay(prefix, then=RandomWalk(seed + 1)))
    assert mixed.decisions[:size] == recorded.decisions[:size]
    assert run(Replay(prefix, then=RandomWalk(seed + 1))).decisions == mixed.decisions
    assert run(Replay([], then=RandomWalk(seed))).decisions == recorded.decisions


def test_after_the_prefix_the_current_task_goes_on() -> None:
    """Without another strategy a replayed run ends in the calmest way."""
    prefix = [Decision("T2", "store:translate", 2, 0), Decision("", "mmu:insert", 2, 1)]
    labels = [(task, label) for task, label, _, _ in run(Replay(prefix)).decisions]
    assert labels == [
        (2, "store:translate"),
        (-1, "mmu:insert"),
        (2, "store:write_word"),
        (0, "fork:lock"),
        (0, "fork:unlock"),
        (1, "store:translate"),
        (-1, "mmu:insert"),
        (1, "store:write_word"),
    ]


def test_decisions_that_no_run_asked_for_are_counted() -> None:
    """A run that ends early leaves decisions over."""
    recorded = schedule_of(run(RoundRobin())).decisions
    replay = Replay([*recorded, Decision("F", "fork:late", 1, 0)])
    run(replay)
    assert replay.remaining == 1


CHANGED = "the model has changed since the schedule was recorded"
FIRST = Decision("T1", "store:translate", 2, 0)
CHOICE = Decision("", "mmu:insert", 2, 1)


@pytest.mark.parametrize(
    ("decisions", "step", "message"),
    [
        (
            [Decision("F", "fork:lock", 3, 0)],
            0,
            "schedule step 0 wants F at fork:lock, but only T1, T2 can run",
        ),
        (
            [FIRST, CHOICE, Decision("T9", "store:write_word", 3, 0)],
            2,
            "schedule step 2 wants T9 at store:write_word, but only F, T1, T2 can run",
        ),
        (
            [FIRST, CHOICE, Decision("T1", "store:read_word", 3, 0)],
            2,
            (
                "schedule step 2 wants T1 at store:read_word,"
                " but T1 stands at store:write_word"
            ),
        ),
        (
            [Decision("T1", "store:translate", 3, 0)],
            0,
            (
                "schedule step 0 wants T1 at store:translate as one of 3,"
                " but 2 can run: T1, T2"
            ),
        ),
        (
            [CHOICE],
            0,
            (
                "schedule step 0 wants outcome 1 of 2 of mmu:insert,"
                " but the run asks who is next of T1, T2"
            ),
        ),
        (
            [FIRST, Decision("T1", "store:write_word", 3, 0)],
            1,
            (
                "schedule step 1 wants T1 at store:write_word,"
                " but the run asks for one of 2 outcomes of mmu:insert"
            ),
        ),
        (
            [FIRST, Decision("", "mmu:insert", 3, 1)],
            1,
            (
                "schedule step 1 wants outcome 1 of 3 of mmu:insert,"
                " but the run asks for one of 2 outcomes of mmu:insert"
            ),
        ),
        (
            [FIRST, Decision("", "mmu:evict", 2, 1)],
            1,
            (
                "schedule step 1 wants outcome 1 of 2 of mmu:evict,"
                " but the run asks for one of 2 outcomes of mmu:insert"
            ),
        ),
    ],
)
def test_difference_is_named(
    decisions: list[Decision], step: int, message: str
) -> None:
    """The first step that does not fit is given with what was there instead."""
    with pytest.raises(ReplayError, match=rf"^{message}; {CHANGED}$") as caught:
        run(Replay(decisions))
    assert caught.value.step == step


def test_replay_starts_again_after_a_difference() -> None:
    """One object can replay into a changed model and then into the right one."""
    recorded = run(RoundRobin())
    replay = Replay(schedule_of(recorded).decisions)
    with pytest.raises(ReplayError, match=r"^schedule step 0 wants T1 at .*$"):
        run(replay, threads=3)
    assert run(replay).decisions == recorded.decisions
