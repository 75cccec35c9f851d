"""A campaign in this process: the loop around a runner."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from .clock import Stopwatch, Ticker
from .config import CampaignConfig
from .events import Event, Finding, Finished, Reason
from .interrupt import Interrupts
from .pace import Pace
from .runner import Runner
from .tally import Tally
from .target import Target
from .verify import execute_again

Keep = Callable[[Sequence[bytes], Sequence[bytes]], None]
"""Puts inputs that reached something new where the next campaign finds them.

And takes others away that it has put there, as shorter ones reach the same.
"""


def fuzz_here(
    config: CampaignConfig,
    target: Target,
    *,
    runner: Runner,
    keep: Keep,
    interrupts: Interrupts,
) -> Iterator[Event]:
    """Run until a budget is spent, something is found or the user asks to stop."""
    watch, ticker, pace = Stopwatch(), Ticker(), Pace()
    tally = Tally(config.spec.rules)
    reason: Reason | None = None
    while reason is None:
        data, result = runner.run()
        signature = tally.note(result)
        elapsed = watch.elapsed()
        if signature is not None:
            again = execute_again(target, data, result.digest())
            yield Finding(signature, data, again, tally.runs, elapsed)
        reason = _reason(config, tally, elapsed, interrupts)
        if reason is not None or ticker.is_due(elapsed):
            keep(runner.take_new(), ())
            yield pace.progress(elapsed, tally, runner.features, runner.corpus)
    yield Finished(reason, tally.runs, tally.reached, tally.reach)


def _reason(
    config: CampaignConfig, tally: Tally, elapsed: float, interrupts: Interrupts
) -> Reason | None:
    if interrupts.requested:
        return "interrupted"
    if tally.visible and not config.keep_going:
        return "finding"
    return config.spent(tally.runs, elapsed)
