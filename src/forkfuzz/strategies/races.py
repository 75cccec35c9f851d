"""Races: holds a task back in three of five runs, and deals turns in the others.

No one kind of run is good at everything. Dealt turns find what needs tasks to move
along together; a task held back finds what needs the others to go on undisturbed for
long. Each learns from its own runs; but in the first of all nobody is stopped, and both
learn from that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, cycle

from forkfuzz.engine import Strategy, Task

from .chance import Chance
from .dealt_turns import DealtTurns
from .held_back import HeldBack


class Races:
    """Has two strategies by turns; see the module.

    Args:
        seed: Where the stream of random numbers starts.
    """

    def __init__(self, seed: int) -> None:
        chance = Chance(seed)
        held_back, dealt = HeldBack(chance), DealtTurns(chance)
        self._dealt = dealt
        self._runs = 0
        self._order: Iterator[Strategy] = chain(
            (held_back, dealt, dealt, dealt),
            cycle((held_back, dealt, held_back, dealt, held_back)),
        )
        self._now: Strategy = held_back

    def begin(self) -> None:
        """Say whose run the next one is."""
        self._runs += 1
        self._now = next(self._order)
        self._now.begin()

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose as the one does whose run it is."""
        chosen = self._now.next_task(runnable, stay)
        if self._runs == 1:
            self._dealt.watch(runnable[chosen])
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose as the one does whose run it is."""
        return self._now.next_value(label, options)
