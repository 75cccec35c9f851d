"""Coverage-guided search in plain Python: where atheris has no wheel, and for tests.

It does what libFuzzer does with the same buffer, mutator and flags, which is little:
keep the inputs that reached something new, vary one of them, prefer the latest.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from math import isqrt

from forkfuzz.harness.coverage import DEFAULT_KINDS, Kind
from forkfuzz.harness.result import RunResult
from forkfuzz.strategies import Bytes, Encoder
from forkfuzz.strategies.mutator import Points, crossover, mutate

from .novelty import Novelty, PlainFeedback
from .portfolio import COVERAGE, Portfolio
from .target import Target


class Guided:
    """Runs that learn from feedback.

    Args:
        target: What to run.
        inputs: Where to start; may be empty.
        seed: Equal seeds and inputs give equal campaigns.
        max_len: Longest input.
        kinds: Kinds of feedback.
        portfolio: Says which runs other strategies decide; without it, none.
    """

    def __init__(
        self,
        target: Target,
        inputs: Sequence[bytes],
        *,
        seed: int,
        max_len: int,
        kinds: tuple[Kind, ...] = DEFAULT_KINDS,
        portfolio: Portfolio | None = None,
    ) -> None:
        self._target = target
        # A portfolio begins with an undisturbed run of its own.
        self._waiting = deque(inputs if portfolio else [b"", *inputs])
        self._max_len = max_len
        self._random = random.Random(seed)
        self._strategy = Bytes()
        self._feedback = PlainFeedback(kinds)
        self._novelty = Novelty()
        self._portfolio = portfolio
        self._points = Points()
        self._corpus: list[bytes] = []
        self._new: list[bytes] = []

    @property
    def features(self) -> int:
        """How many different things the runs have reached."""
        return self._novelty.features

    @property
    def corpus(self) -> int:
        """How many inputs are kept."""
        return len(self._corpus)

    def run(self) -> tuple[bytes, RunResult]:
        """Run once more; return the input and what came of it."""
        portfolio = self._portfolio
        if self._waiting or portfolio is None:
            return self._run_bytes()[:2]
        arm = portfolio.choose()
        if arm == COVERAGE:
            data, result, new = self._run_bytes()
        else:
            data, result, new = self._run_encoded(portfolio.strategy(arm))
        portfolio.paid(arm, new)
        return data, result

    def take_new(self) -> list[bytes]:
        """Return the inputs kept since the last call, except those it began with."""
        new, self._new = self._new, []
        return new

    def _run_bytes(self) -> tuple[bytes, RunResult, int]:
        given = bool(self._waiting)
        data = self._waiting.popleft() if given else self._vary()
        strategy = self._strategy
        strategy.rewind(data)
        self._feedback.clear()
        result = self._target.run(strategy, self._feedback)
        # What the run did not read would only dilute the mutations.
        data = data[: strategy.used]
        return data, result, self._keep(data, result, given=given)

    def _run_encoded(self, strategy: Encoder) -> tuple[bytes, RunResult, int]:
        self._feedback.clear()
        result = self._target.run(strategy, self._feedback)
        data = strategy.data()
        return data, result, self._keep(data, result, given=False)

    def _keep(self, data: bytes, result: RunResult, *, given: bool) -> int:
        """Keep an input that reached something new; return how much."""
        new = self._novelty.note(self._feedback.buffer)
        if new:
            kept = data[: self._max_len]
            self._points.learn(kept, result.decisions)
            self._corpus.append(kept)
            if not given:
                self._new.append(kept)
        return new

    def _vary(self) -> bytes:
        parent = self._pick()
        # libFuzzer, given a crossover, asks for it as often as for a mutation.
        if self._random.random() < 0.5:
            return mutate(parent, self._max_len, self._random)
        other = self._pick()
        return crossover(parent, other, self._max_len, self._random, self._points)

    def _pick(self) -> bytes:
        """Pick the i-th input kept (from 1) with a weight of i, as libFuzzer does."""
        count = len(self._corpus)
        if not count:
            return b""
        ticket = int(self._random.random() * (count * (count + 1) // 2))
        return self._corpus[(isqrt(8 * ticket + 1) - 1) // 2]
