"""Coverage-guided search in plain Python: where atheris has no wheel, and for tests.

It does what libFuzzer does with the same buffer, mutator and flags, which is little:
keep the inputs that reached something new, vary one of them, prefer the latest.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from math import isqrt

import attrs

from forkfuzz.harness.coverage import DEFAULT_KINDS, Kind
from forkfuzz.harness.result import RunResult
from forkfuzz.strategies import Bytes
from forkfuzz.strategies.mutator import crossover, mutate

from .target import FEEDBACK_BYTES, Target

_ZEROS = bytes(FEEDBACK_BYTES)


@attrs.define(eq=False)
class PlainFeedback:
    """A feedback buffer in ordinary memory."""

    kinds: tuple[Kind, ...] = DEFAULT_KINDS
    buffer: bytearray = attrs.field(factory=lambda: bytearray(FEEDBACK_BYTES))


class Guided:
    """Runs that learn from feedback.

    Args:
        target: What to run.
        inputs: Where to start; may be empty.
        seed: Equal seeds and inputs give equal campaigns.
        max_len: Longest input.
        kinds: Kinds of feedback.
    """

    def __init__(
        self,
        target: Target,
        inputs: Sequence[bytes],
        *,
        seed: int,
        max_len: int,
        kinds: tuple[Kind, ...] = DEFAULT_KINDS,
    ) -> None:
        self._target = target
        self._waiting = deque([b"", *inputs])
        self._max_len = max_len
        self._random = random.Random(seed)
        self._strategy = Bytes()
        self._feedback = PlainFeedback(kinds)
        self._seen = bytearray(FEEDBACK_BYTES)
        self._corpus: list[bytes] = []
        self._new: list[bytes] = []
        self.features = 0

    @property
    def corpus(self) -> int:
        """How many inputs are kept."""
        return len(self._corpus)

    def run(self) -> tuple[bytes, RunResult]:
        """Run once more; return the input and what came of it."""
        given = bool(self._waiting)
        data = self._waiting.popleft() if given else self._vary()
        strategy = self._strategy
        strategy.rewind(data)
        self._feedback.buffer[:] = _ZEROS
        result = self._target.run(strategy, self._feedback)
        # What the run did not read would only dilute the mutations.
        data = data[: strategy.used]
        if self._count_new():
            self._corpus.append(data)
            if not given:
                self._new.append(data)
        return data, result

    def take_new(self) -> list[bytes]:
        """Return the inputs kept since the last call, except those it began with."""
        new, self._new = self._new, []
        return new

    def _vary(self) -> bytes:
        parent = self._pick()
        # libFuzzer, given a crossover, asks for it as often as for a mutation.
        if self._random.random() < 0.5:
            return mutate(parent, self._max_len, self._random)
        return crossover(parent, self._pick(), self._max_len, self._random)

    def _pick(self) -> bytes:
        """Pick the i-th input kept (from 1) with a weight of i, as libFuzzer does."""
        count = len(self._corpus)
        if not count:
            return b""
        ticket = int(self._random.random() * (count * (count + 1) // 2))
        return self._corpus[(isqrt(8 * ticket + 1) - 1) // 2]

    def _count_new(self) -> int:
        buffer, seen, new = self._feedback.buffer, self._seen, 0
        index = buffer.find(1)
        while index >= 0:
            if not seen[index]:
                seen[index] = 1
                new += 1
            index = buffer.find(1, index + 1)
        self.features += new
        return new
