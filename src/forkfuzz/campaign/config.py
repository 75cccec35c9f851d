"""What a campaign is told: plain values, so that a worker process can be told too."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from forkfuzz.errors import UsageError
from forkfuzz.harness.coverage import DEFAULT_KINDS, Kind
from forkfuzz.strategies import NAMES

from .portfolio import COVERAGE, Portfolio
from .target import DEFAULT_OPENER, TargetSpec

PORTFOLIO = "portfolio"
"""Name of the strategy that spreads runs over several, by what pays."""

GUIDED = (PORTFOLIO, COVERAGE, "bytes")
"""Names of strategies that learn from feedback; the last is the second's other one."""

Positive = Annotated[int, msgspec.Meta(ge=1)]


class CampaignConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to fuzz, how, and for how long.

    Attributes:
        spec: The target.
        engine: Who drives a guided campaign; the other strategies need no engine.
        strategy: One of `GUIDED`, or a strategy's name.
        feedback: Kinds of feedback for a strategy that learns.
        seed: Equal seeds and run budgets give equal campaigns.
        runs: Stop after so many runs.
        seconds: Stop after so much time.
        max_len: Longest input, in bytes; one byte for each decision with a choice.
        keep_going: Whether to go on after the first violation that a program can
            see. One that only breaks the contract never ends a campaign.
        opener: ``module:function`` that opens targets, in every process.
    """

    spec: TargetSpec
    engine: Literal["atheris", "builtin"] = "atheris"
    strategy: str = PORTFOLIO
    feedback: tuple[Kind, ...] = DEFAULT_KINDS
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    runs: Positive | None = None
    seconds: Annotated[float, msgspec.Meta(gt=0)] | None = None
    max_len: Positive = 4096
    keep_going: bool = False
    opener: str = DEFAULT_OPENER

    @property
    def guided(self) -> bool:
        """Whether the strategy learns from feedback."""
        return self.strategy in GUIDED

    def portfolio(self) -> Portfolio | None:
        """Return what spreads the runs, if they are to be spread."""
        return Portfolio(self.seed) if self.strategy == PORTFOLIO else None

    def check(self) -> None:
        """Refuse values that make no sense.

        Raises:
            UsageError: One of them does not.
        """
        if not self.guided and self.strategy not in NAMES:
            known = ", ".join((*GUIDED[:2], *NAMES))
            msg = f"unknown strategy {self.strategy!r}; expected one of {known}"
            raise UsageError(msg)
        try:
            msgspec.convert(msgspec.to_builtins(self), CampaignConfig)
        except msgspec.ValidationError as error:
            msg = f"campaign cannot start: {error}"
            raise UsageError(msg) from error

    def spent(self, runs: int, elapsed: float) -> Literal["runs", "time"] | None:
        """Return which budget is used up, if one is."""
        if self.runs is not None and runs >= self.runs:
            return "runs"
        if self.seconds is not None and elapsed >= self.seconds:
            return "time"
        return None
