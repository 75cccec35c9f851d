"""Random strategies give each interleaving the chance that theory gives it."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Sequence
from functools import cache

import pytest

from forkfuzz.bench.rmw import Rmw
from forkfuzz.engine import Strategy, run_inline
from forkfuzz.strategies import RandomWalk, Urw

RMW1 = Rmw(2, increments=1, padding=4)
RMW5 = Rmw(2, increments=5)


def chances(program: Rmw, *, by_steps_left: bool) -> dict[int, float]:
    """Return the chance of each sum of two tasks, by going through all runs."""
    padding, increments = program.padding, program.increments
    steps = 2 * (padding + increments)

    @cache
    def go(
        taken: tuple[int, int], seen: tuple[int, int], value: int
    ) -> tuple[tuple[int, float], ...]:
        left = [steps - taken[0], steps - taken[1]]
        if not any(left):
            return ((value, 1.0),)
        weights = left if by_steps_left else [min(n, 1) for n in left]
        found: Counter[int] = Counter()
        for who in range(2):
            if weights[who]:
                after = _step(taken, seen, value, who)
                for end, chance in go(*after):
                    found[end] += chance * weights[who] / sum(weights)  # type: ignore[assignment]
        return tuple(found.items())

    def _step(
        taken: tuple[int, int], seen: tuple[int, int], value: int, who: int
    ) -> tuple[tuple[int, int], tuple[int, int], int]:
        step = taken[who] - padding
        now, held = list(taken), list(seen)
        now[who] += 1
        if 0 <= step < 2 * increments:
            if step % 2:
                value = held[who] + 1
            else:
                held[who] = value
        return (now[0], now[1]), (held[0], held[1]), value

    return dict(go((0, 0), (0, 0), 0))


def sample(program: Rmw, strategy: Strategy, count: int) -> Counter[int]:
    """Return how often each sum comes of so many runs."""
    sums: Counter[int] = Counter()
    for _ in range(count):
        strategy.begin()
        trial = program.begin(strategy)
        run_inline(trial.machine)
        sums[trial.value] += 1
    return sums


@pytest.mark.parametrize(
    ("by_steps_left", "rmw1", "at_most_3", "two"),
    [(False, 0.2461, 5.646e-4, 1.526e-5), (True, 0.3437, 1.429e-3, 4.330e-5)],
)
def test_theory_gives_the_chances_that_are_known(
    by_steps_left: bool, rmw1: float, at_most_3: float, two: float
) -> None:
    """Of a lost update, and of very low sums after five increments."""
    exact = chances(RMW1, by_steps_left=by_steps_left)
    assert exact[1] == pytest.approx(rmw1, abs=1e-4)
    exact = chances(RMW5, by_steps_left=by_steps_left)
    assert exact[2] + exact[3] == pytest.approx(at_most_3, rel=1e-3)
    assert exact[2] == pytest.approx(two, rel=1e-3)


@pytest.mark.parametrize("program", [RMW1, RMW5], ids=["rmw1", "rmw5"])
@pytest.mark.parametrize("kind", [RandomWalk, Urw])
def test_samples_agree_with_theory(kind: type[RandomWalk | Urw], program: Rmw) -> None:
    """Every sum within four standard deviations; the first run is for learning."""
    strategy = kind(11)
    sample(program, strategy, 1)
    count = int(os.environ.get("FORKFUZZ_SAMPLES", "4000"))
    sums = sample(program, strategy, count)
    for value, chance in chances(program, by_steps_left=kind is Urw).items():
        deviation = math.sqrt(count * chance * (1 - chance))
        assert abs(sums[value] - count * chance) <= 4 * deviation + 1, value


def test_a_walk_by_steps_left_is_uniform_over_interleavings() -> None:
    """Two tasks of two steps have six interleavings, each as likely."""
    strategy = Urw(5)
    orders: Counter[Sequence[int]] = Counter()
    for number in range(3001):
        strategy.begin()
        trial = Rmw(2, increments=1).begin(strategy)
        run_inline(trial.machine)
        if number:
            orders[tuple(task for task, *_ in trial.machine.decisions)] += 1
    assert len(orders) == 6
    # Mean 500, standard deviation 20.4.
    assert all(420 < count < 580 for count in orders.values())
