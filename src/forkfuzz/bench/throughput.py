"""Runs per second, always as medians of paired measurements.

A machine's speed drifts. So the two sides of a comparison are measured in turn, on the
same inputs, and what is reported of them is the median of the ratios of the pairs.
"""

from __future__ import annotations

import itertools
import random
import statistics
import time  # noqa: TID251 -- CPU time is what is measured here
from collections.abc import Callable, Sequence

import attrs

from forkfuzz.engine import Strategy
from forkfuzz.harness import Feedback, RunResult, Target, TargetSpec, open_target
from forkfuzz.harness.coverage import DEFAULT_KINDS, FEEDBACK_BYTES, Kind
from forkfuzz.harness.target import DriverName
from forkfuzz.strategies import Bytes
from forkfuzz.strategies.mutator import mutate
from forkfuzz.strategies.stored_bytes import SWITCH

INPUT_BYTES = 256

SWITCH_RATES = (0.0, 0.05, 0.2, 0.5, 1.0)
"""Shares of the decisions at which an input asks for another task."""


@attrs.frozen(slots=True)
class Comparison:
    """Two ways to do the same runs.

    Attributes:
        names: Of the two.
        rates: Median runs per CPU-second of each.
        ratio: Median over the pairs of the first's rate through the second's.
        spread: Smallest and largest of those ratios.
        runs: How many runs each measurement took.
        pairs: How many pairs.
        switch_rate: Share of the steps that were another task's than the step before.
        steps: Mean steps of a run.
    """

    names: tuple[str, str]
    rates: tuple[float, float]
    ratio: float
    spread: tuple[float, float]
    runs: int
    pairs: int
    switch_rate: float
    steps: float


@attrs.define(eq=False, slots=True)
class _Buffer:
    kinds: tuple[Kind, ...] = DEFAULT_KINDS
    buffer: bytearray = attrs.Factory(lambda: bytearray(FEEDBACK_BYTES))


def compare_drivers(
    scenario: str, rules: str, *, runs: int, pairs: int, seed: int
) -> Comparison:
    """Compare a campaign's runs under Trio with the same runs inline."""
    return _compare_drivers(scenario, rules, _inputs(runs, seed), pairs)


def compare_switching(
    scenario: str, rules: str, *, runs: int, pairs: int, seed: int
) -> list[Comparison]:
    """Compare the drivers on inputs that switch never, seldom, often and always."""
    return [
        _compare_drivers(scenario, rules, _switching(runs, rate, seed), pairs)
        for rate in SWITCH_RATES
    ]


def _compare_drivers(
    scenario: str, rules: str, inputs: Sequence[bytes], pairs: int
) -> Comparison:
    trio = open_target(TargetSpec(scenario, {}, rules, "trio"))
    inline = open_target(TargetSpec(scenario, {}, rules, "inline"))
    try:
        return _compare(
            ("trio", "inline"),
            lambda: _run_all(trio, inputs, _Buffer()),
            lambda: _run_all(inline, inputs, _Buffer()),
            inputs,
            pairs,
        )
    finally:
        trio.close()
        inline.close()


def compare_feedback(
    scenario: str,
    rules: str,
    *,
    runs: int,
    pairs: int,
    seed: int,
    kinds: tuple[Kind, ...] = DEFAULT_KINDS,
    driver: DriverName = "trio",
) -> Comparison:
    """Compare runs with kinds of feedback with the same runs without any."""
    inputs = _inputs(runs, seed)
    target = open_target(TargetSpec(scenario, {}, rules, driver))
    try:
        return _compare(
            ("counters", "without"),
            lambda: _run_all(target, inputs, _Buffer(kinds)),
            lambda: _run_all(target, inputs, None),
            inputs,
            pairs,
        )
    finally:
        target.close()


def _inputs(count: int, seed: int) -> list[bytes]:
    """Return inputs as a campaign makes them: mutants of mutants."""
    rng = random.Random(seed)
    inputs = [b""]
    while len(inputs) < count:
        parent = inputs[int(rng.random() * len(inputs))]
        inputs.append(mutate(parent, INPUT_BYTES, rng))
    return inputs


def _switching(count: int, rate: float, seed: int) -> list[bytes]:
    """Return inputs of which that share of the bytes asks for another task."""
    rng = random.Random(seed)
    others = 256 - SWITCH
    return [
        bytes(
            SWITCH + int(rng.random() * others) if rng.random() < rate else 0
            for _ in range(INPUT_BYTES)
        )
        for _ in range(count)
    ]


def _run_all(
    target: Target, inputs: Sequence[bytes], feedback: Feedback | None
) -> tuple[float, list[RunResult]]:
    """Return the CPU seconds that the inputs took, and their results."""
    strategy = Bytes()
    results = []
    start = time.process_time()
    for data in inputs:
        strategy.rewind(data)
        results.append(_once(target, strategy, feedback))
    return time.process_time() - start, results


def _once(target: Target, strategy: Strategy, feedback: Feedback | None) -> RunResult:
    if feedback is not None:
        # As the fuzzing engine does before each run.
        feedback.buffer[:] = bytes(FEEDBACK_BYTES)
    return target.run(strategy, feedback)


Measure = Callable[[], tuple[float, list[RunResult]]]


def _compare(
    names: tuple[str, str],
    first: Measure,
    second: Measure,
    inputs: Sequence[bytes],
    pairs: int,
) -> Comparison:
    first(), second()  # warm up
    seconds: list[tuple[float, float]] = []
    results: list[RunResult] = []
    for _ in range(pairs):
        one, results = first()
        other, _same = second()
        seconds.append((one, other))
    ratios = [other / one for one, other in seconds]
    steps = sum(result.steps for result in results)
    return Comparison(
        names,
        (
            len(inputs) / statistics.median(one for one, _ in seconds),
            len(inputs) / statistics.median(other for _, other in seconds),
        ),
        statistics.median(ratios),
        (min(ratios), max(ratios)),
        len(inputs),
        pairs,
        sum(map(_switches, results)) / steps,
        steps / len(results),
    )


def _switches(result: RunResult) -> int:
    tasks = [task for task, *_ in result.decisions if task >= 0]
    return sum(a != b for a, b in itertools.pairwise(tasks))
