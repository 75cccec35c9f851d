"""A run that is not guided: a strategy decides it, and it is written down as bytes."""

from __future__ import annotations

from typing import Protocol

from forkfuzz.harness.result import RunResult
from forkfuzz.strategies import Encoder, make

from .target import Target

SEEDS_OF_EACH = 20
"""How many runs of each kind a campaign without a corpus begins with."""


class Runner(Protocol):
    """Makes one run after the other, each from an input that repeats it."""

    @property
    def features(self) -> int:
        """How many different things the runs have reached."""
        ...

    @property
    def corpus(self) -> int:
        """How many inputs are kept."""
        ...

    def run(self) -> tuple[bytes, RunResult]:
        """Run once more; return the input and what came of it."""
        ...

    def take_new(self) -> list[bytes]:
        """Return the inputs kept since the last call."""
        ...


class Unguided:
    """Runs of one strategy.

    Args:
        target: What to run.
        strategy: Name of the strategy.
        seed: Where its randomness starts.
    """

    features = 0
    corpus = 0

    def __init__(self, target: Target, strategy: str, seed: int) -> None:
        self._target = target
        self._strategy = Encoder(make(strategy, seed))

    def run(self) -> tuple[bytes, RunResult]:
        """Run once more; return the input and what came of it."""
        result = self._target.run(self._strategy, None)
        return self._strategy.data(), result

    def take_new(self) -> list[bytes]:
        """Return nothing: without feedback nothing is new."""
        return []


def first_inputs(target: Target, seed: int, max_len: int) -> list[bytes]:
    """Return schedules of several strategies, for a campaign that has no corpus yet.

    Guided search is weak at long delays, which PCT finds at once; a random walk is a
    strong start for everything shallow.
    """
    inputs: dict[bytes, None] = {}
    for strategy in ("pct", "random"):
        runner = Unguided(target, strategy, seed)
        for _ in range(SEEDS_OF_EACH):
            data, _result = runner.run()
            inputs[data[:max_len]] = None
    return list(inputs)
