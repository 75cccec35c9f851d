"""A portfolio: runs spread over several strategies, by what pays.

No strategy is good at everything, and which one a program needs is not known before. So
each has a share of the runs. A strategy whose runs reach new things more often than the
others' gets more, and the longer a campaign goes on, the more go to variations of what
was reached: what chance finds it finds early.

What any of them reaches first becomes an input, which the others' mutations go on from.
"""

from __future__ import annotations

from collections.abc import Mapping

from forkfuzz.strategies import Encoder, make

COVERAGE = "coverage"
"""The strategy that varies inputs which reached something new."""

SHARES: Mapping[str, float] = {"races": 0.98, COVERAGE: 0.02}
"""Shares to begin with; see the page on strategies for where they come from."""

FORGETTING = 0.99
"""What a run counts, with each later run of the same strategy, less."""

MOST = 3.0
"""No strategy gets more than so many times its share, or less than one such part."""

MORE_COVERAGE = 45.0
RUNS_FOR_IT = 24
"""What a random strategy has not found by now, it will not find soon: the share of
`COVERAGE` grows by itself with every so many runs, up to so many times.
"""


class Portfolio:
    """Chooses whose turn it is: that of the strategy which is owed most.

    Args:
        seed: Where the strategies' streams of random numbers start.
        shares: Of the runs, by strategy.
    """

    def __init__(self, seed: int, shares: Mapping[str, float] = SHARES) -> None:
        self._turns = 0
        self._arms = list(shares)
        self._owed = dict.fromkeys(shares, 0.0)
        self._shares = shares
        self._runs = dict.fromkeys(shares, 0.0)
        self._paid = dict.fromkeys(shares, 0.0)
        self._strategies = {
            arm: Encoder(make(arm, seed)) for arm in shares if arm != COVERAGE
        }

    def choose(self) -> str:
        """Return who decides the next run: a strategy's name, or `COVERAGE`."""
        weights = {arm: self._shares[arm] * self._factor(arm) for arm in self._arms}
        if COVERAGE in weights:
            weights[COVERAGE] *= min(1 + self._turns / RUNS_FOR_IT, MORE_COVERAGE)
        self._turns += 1
        whole = sum(weights.values())
        for arm, weight in weights.items():
            self._owed[arm] += weight / whole
        chosen = max(self._arms, key=self._owed.__getitem__)
        self._owed[chosen] -= 1
        return chosen

    def strategy(self, arm: str) -> Encoder:
        """Return a strategy, which writes down what it decides."""
        return self._strategies[arm]

    def paid(self, arm: str, new: int) -> None:
        """Take note of how much that was new a run has reached."""
        self._runs[arm] = self._runs[arm] * FORGETTING + 1
        self._paid[arm] = self._paid[arm] * FORGETTING + bool(new)

    def _factor(self, arm: str) -> float:
        mean = sum(map(self._rate, self._arms)) / len(self._arms)
        return min(max(self._rate(arm) / mean, 1 / MOST), MOST)

    def _rate(self, arm: str) -> float:
        """Return how many of the arm's runs pay, as if a few more had been seen."""
        return (self._paid[arm] + 1) / (self._runs[arm] + 10)
