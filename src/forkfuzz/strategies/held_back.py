"""One task held back: a delay after a step that will race, and in long runs some more.

Tasks go on as far as they can, those created earlier in front. After one of the steps
that will race the task in front falls back behind all others. Many of a run's steps
cannot race, so that it makes no difference who takes them: a delay there would be
wasted. So would most delays be where a lock is taken again and again: first an object
is drawn, then one of the racing steps there. Neither is drawn again before all others
were. Where no step names an object, any step may race.

A single delay is all that most bugs need, but in a run that is ten times as long the
right one is ten times as hard to draw. So the delays of a run grow with its length.

Which steps race, and how many there are, is learned from the runs before. In the first
nobody is stopped: a task goes on until it waits, then the next one in order. Hardware
does little in it, but all of it does. Of the other runs only what came before the last
delay counts: what came after it needs those very delays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from forkfuzz.engine import Task

from .bag import Bag
from .chance import Chance
from .foremost import workers
from .racing import Place, RacingSteps, place_of

FIRST_DAEMON_SHARE = 0.1
"""How many of the first run's steps daemons take.

Few, so that what nobody needs to be stopped for is found at once; but with none at all
no CPU would ever hold an entry that it does not use, and with many every entry is gone
before it is old.
"""

STEPS_PER_DELAY = 100
"""How many racing steps a run has for each delay."""


class HeldBack:
    """Holds one task back after a step that will race; see the module.

    Args:
        chance: Where the draws come from.
    """

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._racing = RacingSteps()
        self._most: dict[str, int] = {}
        self._now: Counter[str] = Counter()
        self._unjudged: list[Place] = []
        self._objects = Bag(chance)
        self._numbers: dict[str, Bag] = {}
        self._is_first = True
        self._goes_on = 0
        self._delays: set[tuple[str, int]] = set()
        self._held_back: list[int] = []

    def begin(self) -> None:
        """Draw the steps after which the task in front falls back."""
        self._learn()
        self._is_first = not self._racing.known and not self._most
        if self._is_first:
            self._chance.begin(idle=0.0, daemon_share=FIRST_DAEMON_SHARE)
        else:
            self._chance.begin()
        self._delays = self._draw_delays()
        self._held_back = []

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose the task in front, or at times a daemon."""
        chosen = self._chance.daemon(runnable)
        if chosen < 0:
            chosen = self._choose(runnable)
            if self._delays or not self._held_back:
                self._count(runnable[chosen])
        self._racing.step(runnable[chosen])
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose any outcome."""
        return self._chance.pick(options)

    def _learn(self) -> None:
        """Take note of how many racing steps the last run had at each object."""
        self._racing.begin()
        if self._racing.known and self._unjudged:
            self._now = Counter(self._racing.raced(self._unjudged))
        for obj, count in self._now.items():
            self._most[obj] = max(count, self._most.get(obj, 0))
        self._now.clear()
        self._unjudged.clear()

    def _draw_delays(self) -> set[tuple[str, int]]:
        steps = sum(self._most.values())
        if not steps:
            return set()
        count = max(round(steps / STEPS_PER_DELAY), 1)
        return {self._draw() for _ in range(count)}

    def _draw(self) -> tuple[str, int]:
        """Return an object, and which of the racing steps there."""
        obj = list(self._most)[self._objects.draw(len(self._most))]
        numbers = self._numbers.get(obj)
        if numbers is None:
            numbers = self._numbers[obj] = Bag(self._chance)
        return obj, numbers.draw(self._most[obj])

    def _choose(self, runnable: Sequence[Task]) -> int:
        return (self._in_turn if self._is_first else self._in_front)(runnable)

    def _in_turn(self, runnable: Sequence[Task]) -> int:
        """Return the place of the task that goes on, or else of the next in order."""
        going = self._goes_on
        place, task = min(
            workers(runnable), key=lambda at: (at[1].index < going, at[1].index)
        )
        self._goes_on = task.index
        return place

    def _in_front(self, runnable: Sequence[Task]) -> int:
        """Return the place of the first task not held back, or else of the longest."""
        places = {}
        for place, task in workers(runnable):
            if task.index not in self._held_back:
                return place
            places[task.index] = place
        return next(places[index] for index in self._held_back if index in places)

    def _count(self, task: Task) -> None:
        """Count racing steps; after one that was drawn the task falls back."""
        if not self._racing.known:
            self._unjudged.append(place_of(task))
        elif not self._racing.will_race(task):
            return
        obj = task.access.obj
        number = self._now[obj]
        self._now[obj] = number + 1
        if (obj, number) in self._delays:
            self._delays.remove((obj, number))
            self._fall_back(task.index)

    def _fall_back(self, index: int) -> None:
        if index in self._held_back:
            self._held_back.remove(index)
        self._held_back.append(index)
