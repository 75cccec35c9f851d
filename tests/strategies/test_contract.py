"""What every strategy promises, whatever it is like."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import pytest

from forkfuzz.engine import (
    Decision,
    Machine,
    Outcome,
    RawDecision,
    Strategy,
    Task,
    choose,
    point,
    run_inline,
)
from forkfuzz.errors import UsageError
from forkfuzz.strategies import (
    NAMES,
    Bytes,
    Encoder,
    RandomWalk,
    Replay,
    RoundRobin,
    Stay,
    make,
)

INPUT = bytes(range(256)) * 2

MAKERS: dict[str, Callable[[], Strategy]] = {
    **{name: functools.partial(make, name, 7) for name in NAMES},
    "bytes": lambda: Bytes(INPUT),
    "bytes, exhausted": Bytes,
    "encoder": lambda: Encoder(RandomWalk(7)),
    "replay": lambda: Replay([]),
    "replay, then random": lambda: Replay(
        [Decision("T0", "take:lock", 4, 0)], then=RandomWalk(7)
    ),
}


class Checked:
    """Passes on what another strategy decides, if it is an answer to the question."""

    def __init__(self, inner: Strategy) -> None:
        self.inner = inner

    def begin(self) -> None:
        """Start the next run."""
        self.inner.begin()

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose as the inner strategy does."""
        before = list(runnable)
        chosen = self.inner.next_task(runnable, stay)
        assert 0 <= chosen < len(runnable)
        assert list(runnable) == before
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose as the inner strategy does."""
        value = self.inner.next_value(label, options)
        assert 0 <= value < options
        return value


def toy(strategy: Strategy) -> Machine:
    """Return a machine of three threads, a lock, outcomes and a daemon."""
    machine = Machine(strategy, max_steps=2000)
    owner: list[str] = []

    def spawn(name: str) -> None:
        async def body() -> None:
            for _ in range(3):
                await point("take:lock", when=lambda: not owner)
                owner.append(name)
                await point("hold:lock")
                for _ in range(choose("hold:long", 3)):
                    await point("hold:more")
                owner.clear()

        machine.spawn(name, body)

    async def evict() -> None:
        while True:
            await point("tlb:evict")
            choose("tlb:which", 1)

    for number in range(3):
        spawn(f"T{number}")
    machine.spawn("tlb", evict, kind="hardware", daemon=True)
    return machine


def runs(strategy: Strategy, count: int) -> list[list[RawDecision]]:
    """Return the decisions of so many runs of the toy, one after the other."""
    checked = Checked(strategy)
    result = []
    for _ in range(count):
        checked.begin()
        machine = toy(checked)
        run_inline(machine)
        assert machine.outcome is Outcome.FINISHED
        result.append(machine.decisions)
    return result


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS.keys())
def test_strategy_chooses_what_is_offered_and_ends(
    maker: Callable[[], Strategy],
) -> None:
    """Every answer is one of those offered, and fifty runs finish by themselves."""
    assert len(runs(maker(), 50)) == 50


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS.keys())
def test_same_strategy_decides_the_same(maker: Callable[[], Strategy]) -> None:
    """Made anew, a strategy goes through the same sequence of runs."""
    assert runs(maker(), 10) == runs(maker(), 10)


@pytest.mark.parametrize("name", sorted({*NAMES} - {"round-robin", "stay"}))
def test_seeds_and_runs_differ(name: str) -> None:
    """Another seed gives other runs, and so does going on with the same one."""
    first = runs(make(name, 1), 4)
    assert first != runs(make(name, 2), 4)
    assert first[0] not in first[1:]


@pytest.mark.parametrize("name", ["round-robin", "stay", "bytes", "replay"])
def test_strategy_without_a_seed_repeats_itself(name: str) -> None:
    """After begin nothing is left of the last run."""
    first, *others = runs(MAKERS[name](), 3)
    assert others == [first, first]


def test_round_robin_takes_everyone_in_turn() -> None:
    """Tasks step in order of creation; who cannot run is passed over."""
    (decisions,) = runs(RoundRobin(), 1)
    tasks = [decision[0] for decision in decisions if decision[0] >= 0]
    assert tasks[:6] == [0, 3, 0, 1, 3, 1]


def test_stay_preempts_nobody() -> None:
    """A task that took a step takes the next one too, if it can."""
    decisions, runnable = [], []

    class Watched(Stay):
        def next_task(self, tasks: Sequence[Task], stay: int) -> int:
            chosen = super().next_task(tasks, stay)
            runnable.append(stay)
            decisions.append(chosen)
            return chosen

    runs(Watched(), 1)
    assert {-1, 0} <= set(runnable)
    assert all(
        c == stay for c, stay in zip(decisions, runnable, strict=True) if stay >= 0
    )


def test_random_walk_gives_every_task_the_same_share() -> None:
    """Of the first steps of many runs each of four tasks takes a quarter."""
    count = 400
    firsts = [run[0][0] for run in runs(RandomWalk(3), count)]
    # Mean 100, standard deviation sqrt(400 * 1/4 * 3/4) = 8.7; fixed by the seed.
    assert all(60 < firsts.count(task) < 140 for task in range(4))


def test_unknown_name_is_refused() -> None:
    """The message lists what there is."""
    expected = r"^unknown strategy 'best'; expected one of round-robin, stay, random, "
    with pytest.raises(UsageError, match=expected):
        make("best", 1)
