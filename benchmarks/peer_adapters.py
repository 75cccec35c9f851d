"""One side of what `peers.py` compares: rmw under one tester, measured, as JSON.

``python peer_adapters.py SIDE TASKS INCREMENTS rate SECONDS``
``python peer_adapters.py SIDE TASKS INCREMENTS first SEEDS LIMIT WORST``

The first counts schedules per CPU-second. The second counts, for each of so many seeds,
schedules up to the first whose sum is at most WORST, or null after LIMIT.

The program is the same everywhere: so many tasks that each increment one integer so
often, by a read and a write, with one scheduling point before each access. Where the
start of a task is a decision of the tester, it is the point before the first read.
Every tester draws uniformly at random, as far as it can, and is called as its
documentation says; what it does only for reports is left out where it can be.

This runs in an environment where forkfuzz is just one of several, so it imports
nothing but the tester that it was asked for.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import json
import platform
import sys
import time
from collections.abc import Callable
from typing import Any

BATCH = 100
"""Schedules between two looks at the clock."""


@dataclasses.dataclass(frozen=True)
class Rmw:
    """What to explore, and from which sum on it is no bug."""

    tasks: int
    increments: int
    worst: int = -1


@dataclasses.dataclass(frozen=True)
class Searched:
    """How many schedules were run, and whether the last was the bug.

    Of *deadlocks* the program has none, but one tester says so.
    """

    schedules: int
    found: bool = False
    deadlocks: int = 0


Side = Callable[[Rmw, int, int], Searched]
"""Given (program, at most so many schedules, seed), stops at the first bug."""


def forkfuzz(program: Rmw, schedules: int, seed: int) -> Searched:
    """A point is ``await point(...)``; where a task begins is its first one."""
    from forkfuzz.engine import run_inline

    return _forkfuzz(run_inline, program, schedules, seed)


def forkfuzz_trio(program: Rmw, schedules: int, seed: int) -> Searched:
    """As above, every task being a Trio task."""
    from forkfuzz.engine.trio_driver import TrioHost

    with TrioHost() as host:
        return _forkfuzz(host.run, program, schedules, seed)


def _forkfuzz(
    run: Callable[[Any], None], program: Rmw, schedules: int, seed: int
) -> Searched:
    from forkfuzz.bench import rmw
    from forkfuzz.strategies import RandomWalk

    strategy = RandomWalk(seed)
    begin = rmw.Rmw(program.tasks, program.increments).begin
    for number in range(1, schedules + 1):
        strategy.begin()
        trial = begin(strategy)
        run(trial.machine)
        if trial.value <= program.worst:
            return Searched(number, found=True)
    return Searched(schedules)


async def _increments(program: Rmw) -> None:
    """Do it under asyncio, on the loop of one of the testers below."""
    total = 0

    async def add() -> None:
        nonlocal total
        for number in range(program.increments):
            if number:
                await asyncio.sleep(0)
            seen = total
            await asyncio.sleep(0)
            total = seen + 1

    await asyncio.gather(*(add() for _ in range(program.tasks)))
    assert total > program.worst


def detangle(program: Rmw, schedules: int, seed: int) -> Searched:
    """A point is an ``await`` that suspends, and the start of a task.

    The callbacks that tell ``gather`` of a task's end are one more runnable.
    """
    import detangle as tester

    try:
        tester.explore(
            lambda: _increments(program),
            runs=schedules,
            strategy="random",
            seed=seed,
            shrink=False,
            database=False,
            seed_random=False,  # the program draws nothing
        )
    except tester.BugFound as bug:
        return Searched(bug.report.runs, found=True)
    return Searched(schedules)


def simloom(program: Rmw, schedules: int, seed: int) -> Searched:
    """A point is an ``await`` that suspends, a task's start, and every callback.

    Each run ends with a collection of garbage.
    """
    import simloom as tester

    found = tester.explore(
        lambda: _increments(program),
        runs=schedules,
        start_seed=seed * 1_000_003,
        world=False,  # hosts and networks
    )
    return Searched(found.runs, found=found.failed)


def simloop(program: Rmw, schedules: int, seed: int) -> Searched:
    """A point is an ``await`` that suspends, a task's start, and every callback.

    Each run ends with a collection of garbage.
    """
    import simloop as tester

    start = seed * 1_000_003
    seeds = range(start, start + schedules)
    report = tester.explore(lambda: _increments(program), seeds)
    if report is None:
        return Searched(schedules)
    return Searched(report.seeds_passed + 1, found=True)


def frontrun(program: Rmw, schedules: int, seed: int) -> Searched:
    """A point is an ``await`` of a task, and its start.

    Its ``random`` draws who goes next in bursts, in rounds that are fair to all. With
    three tasks it takes some schedules for a deadlock, with which a search ends; then
    the next search goes on.
    """
    import frontrun as tester

    class State:
        total = 0

    async def add(state: State) -> None:
        for number in range(program.increments):
            if number:
                await asyncio.sleep(0)
            seen = state.total
            await asyncio.sleep(0)
            state.total = seen + 1

    done, deadlocks = 0, 0
    while done < schedules:
        result = asyncio.run(
            tester.explore(
                setup=State,
                workers=add,
                count=program.tasks,
                invariant=lambda state: state.total > program.worst,
                strategy="random",
                max_attempts=schedules - done,
                seed=seed * 1_000_003 + deadlocks,
                patch_sleep=False,  # nobody sleeps
            )
        )
        done += result.num_explored
        told = str(result.explanation)
        if result.property_holds is False and "eadlock" not in told:
            return Searched(done, found=True)
        deadlocks += result.property_holds is False
    return Searched(done, deadlocks=deadlocks)


def interleave_test(program: Rmw, schedules: int, seed: int) -> Searched:
    """A point is a ``time.sleep`` in a thread, and where threads start, join and end.

    By default it is every instruction of this file, which is excluded for that reason.
    """
    import interleave_test as tester

    def model() -> None:
        total = 0

        def add() -> None:
            nonlocal total
            for number in range(program.increments):
                if number:
                    time.sleep(0)
                seen = total
                time.sleep(0)
                total = seen + 1

        threads = [tester.spawn(add) for _ in range(program.tasks)]
        for thread in threads:
            thread.join()
        assert total > program.worst

    result = tester.explore(
        model,
        iterations=schedules,
        seed=seed,
        strategy="random",
        exclude=[__file__],
        raise_on_failure=False,
    )
    return Searched(result.schedules_run, found=not result.ok)


SIDES: dict[str, Side] = {
    "forkfuzz": forkfuzz,
    "forkfuzz, Trio": forkfuzz_trio,
    "detangle": detangle,
    "frontrun": frontrun,
    "simloom": simloom,
    "simloop": simloop,
    "interleave-test": interleave_test,
}
"""By the name of the package, the first two apart."""


def warm_up(side: Side, program: Rmw) -> None:
    """Run one batch, and take what has been imported by then from the collector.

    Two testers collect garbage after every run. That is most of their time, but how
    much depends on how much else there is in the process.
    """
    side(program, BATCH, 0)
    gc.freeze()


def rate(side: Side, program: Rmw, seconds: float) -> dict[str, Any]:
    """Return how many schedules took how much CPU time."""
    warm_up(side, program)
    schedules, deadlocks, batches = 0, 0, 0
    began = time.process_time()
    while (spent := time.process_time() - began) < seconds:
        batches += 1
        searched = side(program, BATCH, batches)
        schedules += searched.schedules
        deadlocks += searched.deadlocks
    return {"schedules": schedules, "seconds": spent, "deadlocks": deadlocks}


def first(side: Side, program: Rmw, seeds: int, limit: int) -> dict[str, Any]:
    """Return for each seed how many schedules it took to the bug, None for too many."""
    warm_up(side, program)
    found = [side(program, limit, seed) for seed in range(1, seeds + 1)]
    return {"first": [one.schedules if one.found else None for one in found]}


def main(arguments: list[str]) -> None:
    """Measure what the command line says, and print it."""
    name, tasks, increments, what, *numbers = arguments
    side = SIDES[name]
    if what == "rate":
        measured = rate(side, Rmw(int(tasks), int(increments)), float(numbers[0]))
    else:
        seeds, limit, worst = map(int, numbers)
        measured = first(side, Rmw(int(tasks), int(increments), worst), seeds, limit)
    measured["python"] = platform.python_version()
    print(json.dumps(measured))


if __name__ == "__main__":
    main(sys.argv[1:])
