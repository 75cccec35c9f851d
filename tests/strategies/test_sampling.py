"""POS, SURW, bounded runs and forced pairs do what they are for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from forkfuzz.bench.rmw import Rmw
from forkfuzz.engine import Machine, Strategy, point, reads, run_inline, writes
from forkfuzz.strategies import (
    DelayBounded,
    ForcedPairs,
    Pos,
    PreemptionBounded,
    RandomWalk,
    Surw,
)


def orders(strategy: Strategy, lengths: Sequence[int], count: int) -> list[list[int]]:
    """Return who stepped when, in so many runs of tasks that touch one object each."""
    found = []
    for _ in range(count):
        strategy.begin()
        machine = Machine(strategy)
        for number, length in enumerate(lengths):

            async def body(length: int = length, number: int = number) -> None:
                for _ in range(length):
                    await point("walk:on", writes(f"own:{number}"))

            machine.spawn(f"T{number}", body)
        run_inline(machine)
        found.append([task for task, *_ in machine.decisions])
    return found


def switches_that_were_free(order: Sequence[int]) -> int:
    """Return how often a task was left that had steps to take."""
    left = Counter(order)
    count = 0
    for step, task in enumerate(order[:-1]):
        left[task] -= 1
        count += bool(left[task]) and order[step + 1] != task
    return count


def race(strategy: Strategy, before: int, count: int) -> int:
    """Return in how many runs T1 is at ``x`` before T2, which has more to do before."""
    first = 0
    for _ in range(count):
        strategy.begin()
        machine = Machine(strategy)
        seen: list[str] = []

        def spawn(machine: Machine, name: str, steps: int, seen: list[str]) -> None:
            async def body() -> None:
                for number in range(steps):
                    await point("walk:on", reads(f"{name}:{number}"))
                await point("race:here", writes("x"))
                seen.append(name)

            machine.spawn(name, body)

        spawn(machine, "T1", 0, seen)
        spawn(machine, "T2", before, seen)
        run_inline(machine)
        first += seen[0] == "T1"
    return first


def test_pos_does_not_care_how_far_the_way_to_a_race_is() -> None:
    """The far task comes first a good deal more often than in a random walk."""
    far_first = 1000 - race(Pos(3), 6, 1000)
    assert far_first > 5 * (1000 - race(RandomWalk(3), 6, 1000))


def test_surw_orders_a_race_evenly() -> None:
    """Once it knows the steps, each of two tasks is first at the object half the time."""
    strategy = Surw(3)
    race(strategy, 6, 1)
    # Standard deviation 15.8.
    assert 430 < race(strategy, 6, 1000) < 570


@pytest.mark.parametrize("bound", [0, 1, 3])
def test_preemptions_are_bounded(bound: int) -> None:
    """No run has more, and some have as many."""
    found = orders(PreemptionBounded(1, bound), [5, 5, 5], 300)
    counts = {switches_that_were_free(order) for order in found}
    assert max(counts) == bound
    firsts = {order[0] for order in found}
    assert firsts == {0, 1, 2}


@pytest.mark.parametrize("bound", [0, 1, 2])
def test_delays_are_bounded(bound: int) -> None:
    """Without a delay there is one run; each makes more of them possible."""
    found = {tuple(o) for o in orders(DelayBounded(1, bound), [2, 2, 2], 500)}
    smaller = {
        tuple(o) for o in orders(DelayBounded(2, max(bound - 1, 0)), [2] * 3, 500)
    }
    assert len(found) > len(smaller) or bound == 0
    assert (0, 0, 1, 1, 2, 2) in found
    if bound == 0:
        assert len(found) == 1


def test_forced_pairs_find_a_narrow_window() -> None:
    """A read that must fall between two writes of which others come soon after."""

    def runs_until_seen(strategy: Strategy) -> int:
        for number in range(1, 1000):
            strategy.begin()
            machine = Machine(strategy)
            cell = {"x": 0}
            hit: list[bool] = []
            _spawn_window(machine, cell, hit)
            run_inline(machine)
            if any(hit):
                return number
        return 1000

    def middle(kind: type[ForcedPairs | RandomWalk]) -> int:
        return sorted(runs_until_seen(kind(seed)) for seed in range(5))[2]

    assert middle(ForcedPairs) * 3 < middle(RandomWalk)


def _spawn_window(machine: Machine, cell: dict[str, int], hit: list[bool]) -> None:
    async def writer() -> None:
        for number in range(20):
            await point(f"write:{number}", writes("cell:x"))
            cell["x"] = number

    async def reader() -> None:
        for number in range(4):
            await point(f"walk:{number}", reads("other"))
        await point("read:it", reads("cell:x"))
        hit.append(cell["x"] == 18)

    machine.spawn("W", writer)
    machine.spawn("R", reader)


def test_surw_knows_which_steps_matter() -> None:
    """SURW loses an update in the middle of ten steps more often than a walk does."""

    def lost(strategy: Strategy) -> int:
        count = 0
        for _ in range(600):
            strategy.begin()
            trial = Rmw(2, increments=1, padding=4).begin(strategy)
            run_inline(trial.machine)
            count += trial.value == 1
        return count

    # By theory 4/6 and 0.2461.
    assert lost(Surw(1)) > 2 * lost(RandomWalk(1))
