"""What the verbs that decide programs share: limits, progress, where witnesses go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import rich_click as click

from .exit import say

if TYPE_CHECKING:
    from forkfuzz.search import Limits, Progress

MIB = 1 << 20


def limit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--max-states``, ``--max-memory`` and ``--preemptions``."""
    for option in (
        click.option(
            "--preemptions",
            type=click.IntRange(0),
            metavar="N",
            help="Look only at runs with at most N preemptions.",
        ),
        click.option(
            "--max-memory",
            type=click.IntRange(1),
            default=8192,
            show_default=True,
            metavar="MIB",
            help="Give up when the states seen take more memory.",
        ),
        click.option(
            "--max-states",
            type=click.IntRange(1),
            default=1_000_000,
            show_default=True,
            metavar="N",
            help="Give up after so many states.",
        ),
    ):
        command = option(command)
    return command


def limits(how: Mapping[str, Any]) -> Limits:
    """Return the limits that these options ask for."""
    from forkfuzz.search import Limits

    return Limits(how["max_states"], how["max_memory"] * MIB, how["preemptions"])


class Ticks:
    """Writes a line about a long search now and then.

    Args:
        name: What is searched.
    """

    def __init__(self, name: str) -> None:
        from forkfuzz.campaign.clock import Stopwatch, Ticker

        from .progress import PLAIN_SECONDS

        self._name = name
        self._watch = Stopwatch()
        self._ticker = Ticker(PLAIN_SECONDS)

    @property
    def seconds(self) -> float:
        """Return how long it has taken."""
        return self._watch.elapsed()

    def __call__(self, progress: Progress) -> None:
        """Write a line, if the last one is old enough."""
        seconds = self.seconds
        if self._ticker.is_due(seconds):
            rate = progress.states / seconds
            say(
                f"{self._name}: {seconds:.0f}s, states {progress.states} "
                f"({rate:.0f}/s), runs {progress.runs}, depth {progress.depth}"
            )
