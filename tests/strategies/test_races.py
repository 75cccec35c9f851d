"""In three of five runs of `races` one task falls back; the others deal turns."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import pytest

from forkfuzz.engine import (
    NOTHING,
    Machine,
    Strategy,
    Task,
    point,
    reads,
    run_inline,
    writes,
)
from forkfuzz.strategies import Races, make
from forkfuzz.strategies.chance import Chance
from forkfuzz.strategies.dealt_turns import DEALT, DealtTurns
from forkfuzz.strategies.held_back import HeldBack


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


NAMELESS = NOTHING


def run_threads(strategy: Strategy, *, named: bool = True) -> int:
    """Run two threads that add to one word amid much of their own; return the word.

    Args:
        named: Whether steps say which object they touch.
    """
    strategy.begin()
    machine = Machine(strategy)
    word = [0]

    def spawn(name: str) -> None:
        own = writes(f"own:{name}") if named else NAMELESS

        async def body() -> None:
            for _ in range(10):
                await point("own", own)
            await point("load", reads("word") if named else NAMELESS)
            value = word[0]
            await point("store", writes("word") if named else NAMELESS)
            word[0] = value + 1
            for _ in range(10):
                await point("own", own)

        machine.spawn(name, body)

    spawn("T1")
    spawn("T2")
    run_inline(machine)
    return word[0]


def run_beside_hardware(strategy: Strategy, cpus: int) -> int:
    """Run a thread and the TLBs of so many CPUs; return what hardware chose for it."""
    strategy.begin()
    machine = Machine(strategy)
    chosen = [0]

    async def thread() -> None:
        for _ in range(40):
            await point("step", writes("page"))
        chosen[0] = machine.choose("outcome", 2)

    async def hardware() -> None:
        while True:
            await point("evict", writes("tlb"))

    machine.spawn("T1", thread)
    for cpu in range(cpus):
        machine.spawn(f"tlb:cpu{cpu}", hardware, kind="hardware", daemon=True)
    run_inline(machine)
    return chosen[0]


def stops(steps: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the labels between which tasks were stopped, in the order of the run."""
    found = []
    for i, ((name, label), (other, _)) in enumerate(itertools.pairwise(steps)):
        if other != name:
            later = [after for task, after in steps[i + 1 :] if task == name]
            found += [(label, after) for after in later[:1]]
    return found


@pytest.mark.parametrize("named", [True, False])
def test_every_outcome_is_still_found(*, named: bool) -> None:
    """Both sums come up in a few runs: a lost update, and none."""
    strategy = Races(1)
    assert {run_threads(strategy, named=named) for _ in range(60)} == {1, 2}


def test_nobody_is_stopped_in_the_first_run() -> None:
    """It shows what is wrong without any race."""
    for seed in range(20):
        strategy = Log(Races(seed))
        run_threads(strategy)
        assert not stops(strategy.steps)


def test_a_task_goes_on_in_the_first_run_until_it_waits_and_then_the_next() -> None:
    """One that can go on again waits for its turn, though it was created earlier."""
    strategy = Log(HeldBack(Chance(1)))
    strategy.begin()
    machine = Machine(strategy)
    steps = [0]

    def spawn(name: str, waits_for: int) -> None:
        async def body() -> None:
            await point("wait", writes("word"), when=lambda: steps[0] >= waits_for)
            for _ in range(3):
                await point("step", writes("word"))
                steps[0] += 1

        machine.spawn(name, body)

    spawn("T1", 1)
    spawn("T2", 0)
    spawn("T3", 0)
    run_inline(machine)
    order = [name for name, _ in itertools.groupby(name for name, _ in strategy.steps)]
    assert order == ["T2", "T3", "T1"]


def test_all_hardware_does_a_little_in_the_first_run() -> None:
    """A tenth of the steps, and none of it is idle; later it is idle or busy."""
    shares, both = [], []
    for seed in range(100):
        strategy = Log(HeldBack(Chance(seed)))
        run_beside_hardware(strategy, 2)
        names = [name for name, _ in strategy.steps]
        shares.append(1 - names.count("T1") / len(names))
        both.append({"tlb:cpu0", "tlb:cpu1"} <= set(names))
    assert 0.07 < sum(shares) / len(shares) < 0.13
    assert sum(both) > 60


def test_nobody_goes_on_for_long_in_the_second_run() -> None:
    """Wherever tasks stand."""
    switches = []
    for seed in range(20):
        strategy = Log(Races(seed))
        for _ in range(2):
            run_threads(strategy)
        names = [name for name, _ in strategy.steps]
        switches.append(sum(a != b for a, b in itertools.pairwise(names)))
    assert min(switches) > 10


def run_unequal(strategy: Strategy) -> None:
    """Run a thread of 30 steps and one of three."""
    strategy.begin()
    machine = Machine(strategy)

    def spawn(name: str, steps: int) -> None:
        async def body() -> None:
            for _ in range(steps):
                await point("step", writes("word"))

        machine.spawn(name, body)

    spawn("T1", 30)
    spawn("T2", 3)
    run_inline(machine)


def test_in_the_second_run_every_interleaving_is_as_likely() -> None:
    """A task goes in proportion to its steps, which the first run has shown."""
    first: Counter[str] = Counter()
    for seed in range(1000):
        strategy = Log(Races(seed))
        for _ in range(2):
            run_unequal(strategy)
        first[strategy.steps[0][0]] += 1
    assert abs(first["T2"] - 1000 * 3 / 33) < 46  # five sigma


def test_who_goes_on_falls_back_now_and_then_where_turns_are_not_dealt() -> None:
    """Else long tasks, each at work on its own, would come one after the other."""
    strategy = Log(DealtTurns(Chance(1)))
    stopped = []
    for _ in range(30):
        strategy.begin()
        machine = Machine(strategy)

        def spawn(machine: Machine, name: str) -> None:
            async def body() -> None:
                await point("met", writes("word"))
                for _ in range(500):
                    await point("own", writes(f"own:{name}"))

            machine.spawn(name, body)

        spawn(machine, "T1")
        spawn(machine, "T2")
        run_inline(machine)
        stopped.append(len([s for s in stops(strategy.steps) if s == ("own", "own")]))
    assert 3 < sum(stopped[1:]) / 29 < 12


def run_storing(strategy: Strategy, rounds: int) -> None:
    """Run two threads that store to the same word again and again."""
    strategy.begin()
    machine = Machine(strategy)

    async def body() -> None:
        for _ in range(rounds):
            await point("store", writes("word"))

    machine.spawn("T1", body)
    machine.spawn("T2", body)
    run_inline(machine)


def test_a_long_run_has_more_delays() -> None:
    """One for every hundred racing steps, but one at least."""
    delays = []
    for rounds in (10, 140, 400, 1000):
        strategy = Log(HeldBack(Chance(2)))
        run_storing(strategy, rounds)
        run_storing(strategy, rounds)
        delays.append(len(stops(strategy.steps)))
    assert delays[:2] == [1, 1]
    assert 1 < delays[2] < delays[3] < 20


def test_changes_at_races_alone_lose_more_updates_than_changes_anywhere() -> None:
    """Of 44 steps four race; a change at one of the others is wasted."""
    lost = {
        name: sum(run_threads(strategy) == 1 for _ in range(300))
        for name, strategy in (("races", make("races", 1)), ("pct", make("pct", 1)))
    }
    assert lost["races"] > 2 * lost["pct"] > 0


def test_a_task_is_held_back_only_where_steps_race() -> None:
    """After a step on the word or before one, never amid a task's own."""
    strategy = Log(HeldBack(Chance(3)))
    run_threads(strategy)
    stopped = 0
    for _ in range(200):
        run_threads(strategy)
        for before, after in stops(strategy.steps):
            assert {before, after} & {"load", "store"}
            stopped += 1
    assert stopped > 100


def test_in_three_of_five_runs_one_task_is_stopped_at_most() -> None:
    """The task that falls back waits for all others: nobody is stopped twice."""
    strategy = Log(Races(3))
    kinds: Counter[tuple[bool, int]] = Counter()
    for number in range(1, 201):
        run_threads(strategy)
        if number > 4:
            kinds[(number - 5) % 5 in {0, 2, 4}, len(stops(strategy.steps))] += 1
    assert {count for held_back, count in kinds if held_back} == {1}
    assert max(count for held_back, count in kinds if not held_back) > 1


def test_each_racing_step_is_drawn_before_any_comes_again() -> None:
    """Already in the second run, though in the first nothing is known of races.

    Undisturbed, only the load and the store of the thread in front race, so there is no
    run without a stop: what the other does while the first is held back adds nothing.
    """
    for seed in range(10):
        strategy = Log(HeldBack(Chance(seed)))
        run_threads(strategy)
        for _ in range(10):
            after = []
            for _ in range(2):
                run_threads(strategy)
                after += [label for label, _ in stops(strategy.steps)]
            assert sorted(after) == ["load", "store"]


def test_a_task_falls_back_after_any_racing_step_that_it_takes_undisturbed() -> None:
    """Each of the two is drawn, and no other."""
    strategy = Log(HeldBack(Chance(1)))
    after: Counter[str] = Counter()
    for _ in range(200):
        run_threads(strategy)
        after.update(label for label, _ in stops(strategy.steps))
    assert set(after) == {"load", "store"}
    assert min(after.values()) > 20


def test_where_no_step_names_an_object_a_task_falls_back_after_any() -> None:
    """Nothing says that a step cannot race."""
    strategy = Log(HeldBack(Chance(1)))
    places = set()
    for _ in range(200):
        run_threads(strategy, named=False)
        names = [name for name, _ in strategy.steps]
        places |= {i for i, (a, b) in enumerate(itertools.pairwise(names)) if a != b}
    assert places > set(range(20))


def test_where_no_step_names_an_object_turns_are_not_dealt() -> None:
    """It stays a random walk."""
    strategy = Log(DealtTurns(Chance(1)))
    for _ in range(10):
        run_threads(strategy, named=False)
        assert len(stops(strategy.steps)) > 5


def run_at_two_objects(strategy: Strategy) -> None:
    """Run two threads with three steps at one object, and then three at another."""
    strategy.begin()
    machine = Machine(strategy)

    async def body() -> None:
        for obj in "aaabbb":
            await point(obj, writes(obj))

    machine.spawn("T1", body)
    machine.spawn("T2", body)
    run_inline(machine)


def test_dealt_turns_order_steps_at_some_objects_in_every_way() -> None:
    """All twenty orders at either; at those not dealt whoever is in front goes."""
    strategy = Log(DealtTurns(Chance(2)))
    run_at_two_objects(strategy)
    orders: dict[str, Counter[str]] = {"a": Counter(), "b": Counter()}
    for _ in range(2000):
        run_at_two_objects(strategy)
        for obj, seen in orders.items():
            steps = [name[1] for name, label in strategy.steps if label == obj]
            seen["".join(steps)] += 1
    assert {len(seen) for seen in orders.values()} == {20}
    for seen in orders.values():
        apart = seen["111222"] + seen["222111"]
        expected = 2000 * (1 - DEALT + DEALT * 2 / 20)
        assert abs(apart - expected) < 90  # four sigma


@pytest.mark.parametrize("name", ["races", "pct", "delays", "preemptions"])
def test_hardware_is_idle_in_some_runs_and_busy_in_others(name: str) -> None:
    """A coin says so of each: both, one of them, none."""
    moods: Counter[tuple[bool, bool]] = Counter()
    strategy = Log(make(name, 5))
    for _ in range(60):
        run_beside_hardware(strategy, 2)
        names = {name for name, _ in strategy.steps}
        moods["tlb:cpu0" in names, "tlb:cpu1" in names] += 1
    assert len(moods) == 4
