"""Which steps race is learned, and strategies act on it."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import pytest

from forkfuzz.engine import (
    Access,
    Machine,
    Strategy,
    Task,
    point,
    reads,
    run_inline,
    writes,
)
from forkfuzz.strategies import Races, make
from forkfuzz.strategies.races import LEARNING
from forkfuzz.strategies.racing import RacingSteps


def standing(index: int, access: Access, label: str = "step") -> Task:
    """Return a task that stands at a step."""

    async def body() -> None:
        """Do nothing: nobody runs it."""

    return Task(index, f"T{index}", "thread", body, label=label, access=access)


def seen(*steps: Task) -> RacingSteps:
    """Return what one run of these steps has taught."""
    racing = RacingSteps()
    racing.begin()
    for task in steps:
        racing.step(task)
    racing.begin()
    return racing


def test_nothing_is_known_until_a_run_has_ended() -> None:
    """Then what nobody else has touched does not race."""
    racing = RacingSteps()
    racing.begin()
    task = standing(0, reads("page"))
    racing.step(task)
    known = [racing.known]
    racing.begin()
    assert [*known, racing.known] == [False, True]
    assert not racing.will_race(task)


@pytest.mark.parametrize(
    ("one", "other", "race"),
    [
        (reads("page"), reads("page"), False),
        (reads("page"), writes("page"), True),
        (writes("page"), reads("page"), True),
        (writes("page"), writes("page"), True),
        (writes("page"), writes("pte"), False),
    ],
)
def test_a_race_takes_two_tasks_one_object_and_a_write(
    one: Access, other: Access, *, race: bool
) -> None:
    """That is when two steps conflict."""
    racing = seen(standing(0, one), standing(1, other))
    assert racing.will_race(standing(0, one)) is race


def test_a_task_does_not_race_with_itself() -> None:
    """However often it touches an object."""
    racing = seen(*[standing(0, writes("page"))] * 3)
    assert not racing.will_race(standing(0, writes("page")))


def test_a_race_is_over_when_the_rival_has_had_its_steps() -> None:
    """None is expected to come in this run; in the next one it is."""
    racing = seen(standing(0, writes("page")), *[standing(1, reads("page"))] * 2)
    mine = standing(0, writes("page"))
    for _ in range(2):
        assert racing.will_race(mine)
        racing.step(standing(1, reads("page")))
    assert not racing.will_race(mine)
    racing.begin()
    assert racing.will_race(mine)


def test_the_longest_run_says_what_to_expect() -> None:
    """A shorter one after it does not make a race less likely."""
    racing = seen(standing(0, writes("page")), *[standing(1, reads("page"))] * 2)
    racing.step(standing(1, reads("page")))
    racing.begin()
    racing.step(standing(1, reads("page")))
    assert racing.will_race(standing(0, writes("page")))


class Log:
    """Writes down who took which step, as another strategy decides."""

    def __init__(self, inner: Strategy) -> None:
        self.inner = inner
        self.steps: list[tuple[str, str]] = []
        self.asked = 0

    def begin(self) -> None:
        """Start the next run."""
        self.steps.clear()
        self.inner.begin()

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose as the inner strategy does."""
        self.asked += 1
        chosen = self.inner.next_task(runnable, stay)
        self.steps.append((runnable[chosen].name, runnable[chosen].label))
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose as the inner strategy does."""
        return self.inner.next_value(label, options)


def run_threads(strategy: Strategy) -> int:
    """Run two threads that add to one word amid much of their own; return the word."""
    strategy.begin()
    machine = Machine(strategy)
    word = [0]

    def spawn(name: str) -> None:
        async def body() -> None:
            for _ in range(10):
                await point("own", writes(f"own:{name}"))
            await point("load", reads("word"))
            value = word[0]
            await point("store", writes("word"))
            word[0] = value + 1
            for _ in range(10):
                await point("own", writes(f"own:{name}"))

        machine.spawn(name, body)

    spawn("T1")
    spawn("T2")
    run_inline(machine)
    return word[0]


def test_every_outcome_is_still_found() -> None:
    """Both sums come up in a few runs: a lost update, and none."""
    strategy = Races(1)
    assert {run_threads(strategy) for _ in range(40)} == {1, 2}


def test_races_learn_by_a_random_walk() -> None:
    """Nobody goes on for long, wherever tasks stand."""
    switches = []
    for seed in range(20):
        strategy = Log(Races(seed))
        run_threads(strategy)
        names = [name for name, _ in strategy.steps]
        switches.append(sum(a != b for a, b in itertools.pairwise(names)))
    assert min(switches) > 10


def test_changes_at_races_alone_lose_more_updates_than_changes_anywhere() -> None:
    """Of 44 steps four race; a change at one of the others is wasted."""
    lost = {
        name: sum(run_threads(strategy) == 1 for _ in range(300))
        for name, strategy in (("races", make("races", 1)), ("pct", make("pct", 1)))
    }
    assert lost["races"] > 2 * lost["pct"] > 0


def stops(steps: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the labels between which tasks were stopped, in the order of the run."""
    found = []
    for i, ((name, label), (other, _)) in enumerate(itertools.pairwise(steps)):
        if other != name:
            later = [after for task, after in steps[i + 1 :] if task == name]
            found += [(label, after) for after in later[:1]]
    return found


def test_tasks_are_stopped_only_where_steps_race() -> None:
    """After a step on the word or before one, never amid a task's own."""
    strategy = Log(Races(3))
    run_threads(strategy)
    stopped = 0
    for _ in range(200):
        run_threads(strategy)
        for before, after in stops(strategy.steps):
            assert {before, after} & {"load", "store"}
            stopped += 1
    assert stopped > 100


def test_every_second_run_has_one_change_at_most() -> None:
    """The task that falls back waits for all others: nobody is stopped twice."""
    strategy = Log(Races(3))
    kinds: Counter[tuple[bool, int]] = Counter()
    for number in range(1, 201):
        run_threads(strategy)
        if number > LEARNING:
            kinds[number % 2 == 0, len(stops(strategy.steps))] += 1
    assert {count for change, count in kinds if change} == {0, 1}
    assert max(count for change, count in kinds if not change) > 1


@pytest.mark.parametrize("name", ["races", "pct", "delays", "preemptions"])
def test_hardware_is_idle_in_some_runs_and_busy_in_others(name: str) -> None:
    """A coin says so of each: both, one of them, none."""
    moods: Counter[tuple[bool, bool]] = Counter()
    strategy = Log(make(name, 5))
    for _ in range(60):
        strategy.begin()
        machine = Machine(strategy)

        async def thread() -> None:
            for _ in range(40):
                await point("step", writes("page"))

        async def hardware() -> None:
            while True:
                await point("evict", writes("tlb"))

        machine.spawn("T1", thread)
        machine.spawn("tlb:cpu0", hardware, kind="hardware", daemon=True)
        machine.spawn("tlb:cpu1", hardware, kind="hardware", daemon=True)
        run_inline(machine)
        names = {name for name, _ in strategy.steps}
        moods["tlb:cpu0" in names, "tlb:cpu1" in names] += 1
    assert len(moods) == 4
