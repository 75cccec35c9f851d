"""PCT finds what needs long delays, and adapts to the length of runs."""

from __future__ import annotations

from forkfuzz.engine import Machine, Outcome, Strategy, point, run_inline
from forkfuzz.strategies import Pct, RandomWalk


def delayed(strategy: Strategy, steps: int) -> bool:
    """Run two walkers; return whether the first took no step before the other ended."""
    strategy.begin()
    machine = Machine(strategy)

    async def body() -> None:
        for _ in range(steps):
            await point("walk:on")

    machine.spawn("T1", body)
    machine.spawn("T2", body)
    run_inline(machine)
    order = [decision[0] for decision in machine.decisions]
    return order == [1] * steps + [0] * steps


def preempted_once(strategy: Strategy, at: int) -> bool:
    """Run two walkers; return whether T2 ran whole between two given steps of T1."""
    strategy.begin()
    machine = Machine(strategy)

    async def body() -> None:
        for _ in range(10):
            await point("walk:on")

    machine.spawn("T1", body)
    machine.spawn("T2", body)
    run_inline(machine)
    order = [decision[0] for decision in machine.decisions]
    return order == [0] * at + [1] * 10 + [0] * (10 - at)


def test_long_delay_is_found_at_once() -> None:
    """A task that has to be delayed for thirty steps is no harder than for one."""
    # Depth 1: the priorities alone decide, so P(found in one run) = 1/2, and
    # P(never in 40 runs) = 2**-40. A random walk needs 30 times heads in a row.
    pct = Pct(1, depth=1)
    assert 8 <= sum(delayed(pct, 30) for _ in range(40)) <= 32
    walk = RandomWalk(1)
    assert not any(delayed(walk, 30) for _ in range(200))  # P(found) < 200 * 2**-30


def test_one_preemption_is_found_in_time() -> None:
    """A change of priority at one exact step comes up as often as it should."""
    # Depth 2, length 20: P = 1/2 (T1 first) * 1/20 (change at that step), and in 1000
    # runs 25 on average. A random walk: 2**-15 (ten steps of T2 and five before it).
    pct = Pct(2, depth=2, length=20)
    assert 10 <= sum(preempted_once(pct, 5) for _ in range(1000)) <= 45
    walk = RandomWalk(2)
    # P(found at all) = 1000 * 2**-15 = 3 %, and the seed is fixed.
    assert sum(preempted_once(walk, 5) for _ in range(1000)) == 0


def test_length_grows_to_the_longest_run_seen() -> None:
    """Changes are spread over as many steps as runs have turned out to take."""
    pct = Pct(3, length=5)
    assert pct.length == 5
    delayed(pct, 2)
    assert pct.length == 5
    delayed(pct, 20)
    assert pct.length == 40
    delayed(pct, 3)
    assert pct.length == 40


def test_changes_come_in_any_order_of_priority() -> None:
    """With three tasks, one that fell back can overtake one that fell back later."""
    pct = Pct(4, depth=3, length=4)
    starts = set()
    for _ in range(300):
        pct.begin()
        machine = Machine(pct)

        async def body() -> None:
            for _ in range(3):
                await point("walk:on")

        for name in ("T1", "T2"):
            machine.spawn(name, body)
        run_inline(machine)
        starts.add(tuple(decision[0] for decision in machine.decisions[:4]))
    # T1 first, falls back, T2 falls back too: T1 goes on only if its value is higher.
    # P in one run >= 1/2 * 2/16 * 1/2 = 1/32; P(never in 300) < 1e-4.
    assert (0, 1, 0, 0) in starts
    assert (0, 0, 0, 1) in starts


def test_daemons_take_a_share_of_the_steps_but_never_all() -> None:
    """Hardware that may always act neither starves the threads nor is forgotten."""
    pct = Pct(5)
    shares = []
    for _ in range(60):
        pct.begin()
        machine = Machine(pct, max_steps=1000)

        async def body() -> None:
            for _ in range(20):
                await point("walk:on")

        async def evict() -> None:
            while True:
                await point("tlb:evict")

        machine.spawn("T1", body)
        machine.spawn("tlb", evict, daemon=True)
        run_inline(machine)
        assert machine.outcome is Outcome.FINISHED
        shares.append(machine.steps - 20)
    # A third of the runs has no daemon step, and a third one in four, which misses 20
    # steps with chance 0.75**20 = 0.3 %.
    assert 8 < shares.count(0) < 45
    assert max(shares) > 3
