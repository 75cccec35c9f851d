"""How the time that a run takes grows with the size of the program."""

from __future__ import annotations

import math
import statistics
import time  # noqa: TID251 -- CPU time is what is measured here
from collections.abc import Callable, Sequence

import attrs

from forkfuzz.harness.run import Run
from forkfuzz.rules import Rules
from forkfuzz.scenarios.program import Fork, PageSpec, Program, Store, Thread
from forkfuzz.strategies import Races

Build = Callable[[int], Program]


@attrs.frozen(slots=True)
class Axis:
    """Something that a program can have more of.

    Attributes:
        sizes: How much of it.
        build: Makes the program.
        is_steps: Whether the size is the number of steps that runs really take.
    """

    sizes: tuple[int, ...]
    build: Build
    is_steps: bool = False


def _program(threads: int, pages: int, rounds: int) -> Program:
    """Threads that store to their words around a fork, round after round."""
    names = [f"P{number}" for number in range(pages)]
    specs = tuple(PageSpec(name, words=16) for name in names)
    writers = [
        Thread(
            f"T{t + 1}",
            tuple(Store(names[(t + r) % pages], t, r + 1) for r in range(rounds)),
        )
        for t in range(threads)
    ]
    return Program("growth", specs, (Thread("F", (Fork(),)), *writers))


AXES = {
    "threads": Axis((2, 4, 8, 16), lambda n: _program(n - 1, 4, 8)),
    "pages": Axis((2, 8, 32, 128, 256), lambda n: _program(2, n, 8)),
    "steps": Axis(
        (50, 150, 500, 1500, 5000), lambda n: _program(3, 2, n // 6 + 1), is_steps=True
    ),
}
"""Each with everything else kept the same; one of the threads is the one that forks."""


def measure(axis: Axis, *, runs: int, repeats: int) -> list[tuple[int, float]]:
    """Return (size, CPU seconds of a run): the median of the repeats."""
    programs = [axis.build(size) for size in axis.sizes]
    times: list[list[float]] = [[] for _ in programs]
    sizes = list(axis.sizes)
    for _ in range(repeats):
        for number, program in enumerate(programs):
            seconds, steps = _time(program, runs)
            times[number].append(seconds)
            if axis.is_steps:
                sizes[number] = steps
    return list(zip(sizes, map(statistics.median, times), strict=True))


def _time(program: Program, runs: int) -> tuple[float, int]:
    """Return the CPU seconds and the steps of a run, both in the mean."""
    strategy, steps = Races(1), 0
    began = time.process_time()
    for _ in range(runs):
        strategy.begin()
        steps += Run(program, Rules(), strategy, max_steps=10**6).execute().steps
    return (time.process_time() - began) / runs, steps // runs


def exponent(points: Sequence[tuple[int, float]]) -> float:
    """Return the slope of the line through the points, both axes logarithmic."""
    xs = [math.log(size) for size, _ in points]
    ys = [math.log(seconds) for _, seconds in points]
    return statistics.linear_regression(xs, ys).slope
