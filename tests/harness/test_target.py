"""A target runs its program again and again, as a campaign asks it to."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import attrs
import pytest

from forkfuzz.harness import Feedback, Target, TargetSpec, open_target
from forkfuzz.harness.coverage import DEFAULT_KINDS, FEEDBACK_BYTES, Kind
from forkfuzz.strategies import RandomWalk

RUNS = 20
"""Of which some show the violation, with the seed below."""


@attrs.define(eq=False)
class Counters:
    """What a campaign gives to a target."""

    kinds: tuple[Kind, ...] = DEFAULT_KINDS
    buffer: bytearray = attrs.Factory(lambda: bytearray(FEEDBACK_BYTES))


@pytest.fixture(name="target", params=["inline", "trio"])
def _target(request: pytest.FixtureRequest) -> Iterator[Target]:
    target = open_target(TargetSpec("mp", {}, "mainline", request.param))
    yield target
    target.close()


@pytest.mark.parametrize("feedback", [None, Counters()])
def test_runs_leave_nothing_to_the_garbage_collector(
    target: Target, feedback: Feedback | None
) -> None:
    """A campaign makes millions of runs; none is in a cycle when it is dropped."""
    strategy = RandomWalk(8)
    target.run(strategy, feedback)
    gc.collect()
    gc.disable()
    try:
        results = [target.run(strategy, feedback) for _ in range(RUNS)]
        assert gc.collect() == 0
    finally:
        gc.enable()
    assert any(result.violations for result in results)
