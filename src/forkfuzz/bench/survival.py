"""Statistics of searches, some of which gave up: medians and tests that know of it.

A search that gave up after n runs has not taken n runs, but more. To leave it out, or to
count it as n, favours whoever gives up often. Kaplan and Meier's estimate and the
log-rank test are for such data.

Needs scipy: ``pip install '.[stats]'``.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import attrs

from forkfuzz.errors import UsageError

from .finding import Sample

CONFIDENCE = 0.95


@attrs.frozen(slots=True)
class Summary:
    """What a number of searches say together.

    Attributes:
        median: Runs after which half of all searches have found the bug, by Kaplan and
            Meier; None if fewer ever did.
        low: The same for the lower end of the confidence interval of the curve.
        high: For the upper end.
        found: How many searches found it.
        searches: How many there were.
    """

    median: int | None
    low: int | None
    high: int | None
    found: int
    searches: int

    def told(self, limit: int) -> str:
        """Return the median and its interval, as in ``12 (8 to 40)``.

        Args:
            limit: After how many runs a search gave up.
        """
        if self.median is None:
            return f"more than {limit}"
        if self.low is None or self.low == self.high:
            return str(self.median)
        high = f"more than {limit}" if self.high is None else self.high
        return f"{self.median} ({self.low} to {high})"


def summarize(samples: Sequence[Sample]) -> Summary:
    """Return the median number of runs, and where it lies with 95 % confidence."""
    stats = _stats()  # whether or not they are needed here
    found = sum(sample.found for sample in samples)
    if not found:
        return Summary(None, None, None, 0, len(samples))
    curve = stats.ecdf(_censored(samples)).sf
    with warnings.catch_warnings():
        # Where all searches have found it, there is nothing to say an interval of.
        warnings.simplefilter("ignore", RuntimeWarning)
        band = curve.confidence_interval(CONFIDENCE, method="log-log")
    return Summary(
        _half(curve.quantiles, curve.probabilities),
        _half(band.low.quantiles, band.low.probabilities),
        _half(band.high.quantiles, band.high.probabilities),
        found,
        len(samples),
    )


def p_value(one: Sequence[Sample], other: Sequence[Sample]) -> float:
    """Return how likely such a difference would be if there were none (log-rank)."""
    if not any(sample.found for sample in (*one, *other)):
        return 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nothing varies at all
        p = float(_stats().logrank(_censored(one), _censored(other)).pvalue)
    return 1.0 if math.isnan(p) else p


def curve(samples: Sequence[Sample]) -> tuple[list[float], list[float]]:
    """Return after how many runs what share of the searches has found the bug."""
    estimate = _stats().ecdf(_censored(samples)).cdf
    return list(map(float, estimate.quantiles)), list(
        map(float, estimate.probabilities)
    )


def _half(runs: Sequence[float], share: Sequence[float]) -> int | None:
    """Return the first number of runs at which at most half have not found it."""
    return next(
        (int(r) for r, s in zip(runs, share, strict=True) if s <= 0.5),
        None,
    )


def _censored(samples: Sequence[Sample]) -> Any:
    runs = [sample.runs for sample in samples]
    return _stats().CensoredData.right_censored(runs, [not s.found for s in samples])


def _stats() -> Any:
    try:
        from scipy import stats
    except ImportError:
        msg = "statistics need scipy: in a clone, pip install '.[stats]'"
        raise UsageError(msg) from None
    return stats
