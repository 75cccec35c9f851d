"""Forced pairs: make a step see what it has not seen before.

What a run shows is decided by what each step finds where it looks: by which step an
object was changed last. Such a pair of steps, told apart by label and kind of task, is
a *reads-from pair*. In each run this strategy picks one that was never seen, or seldom,
and steers towards it: whoever stands at the second step is held until another task has
taken the first, and then goes at once. The rest is POS.

Source: the idea of Wolff, Zhao, Tang, Mathur and Roychoudhury, "Greybox Fuzzing for
Concurrency Testing", ASPLOS 2024, whose schedules force such pairs.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from forkfuzz.engine import Task

from .chance import Chance
from .pos import Pos

Place = tuple[str, str]
"""A step, by kind of task and label: threads are not told apart."""

MOST_HELD = 200
"""Decisions in a run after which nobody is held any more."""

_SELDOM = 4
"""A pair is picked among so many, drawn at random: the one seen least often."""


@attrs.frozen(slots=True)
class Pair:
    """A step that changes an object, and one by another task that then finds it so."""

    write: Place
    read: Place


class PairCounts:
    """Which pairs there can be, and how often each was seen."""

    def __init__(self) -> None:
        self.seen: dict[Pair, int] = {}
        self._pairs: list[Pair] = []
        self._writes: dict[str, dict[Place, None]] = {}
        self._reads: dict[str, dict[Place, None]] = {}
        self._last: dict[str, tuple[int, Place]] = {}

    def begin(self) -> None:
        """Forget who changed what in the last run."""
        self._last.clear()

    def step(self, task: Task) -> None:
        """Note a step that is about to be taken."""
        obj, place = task.access.obj, (task.kind, task.label)
        if not obj:
            return
        last = self._last.get(obj)
        if last is not None and last[0] != task.index:
            pair = Pair(last[1], place)
            self.seen[pair] = self.seen.get(pair, 0) + 1
        if task.access.write:
            self._last[obj] = (task.index, place)
        self._meet(_sort(obj), place, write=task.access.write)

    def pick(self, chance: Chance) -> Pair | None:
        """Return a pair seen never or seldom; None if there are none at all."""
        pairs = self._pairs
        if not pairs:
            return None
        drawn = [pairs[chance.pick(len(pairs))] for _ in range(_SELDOM)]
        return min(drawn, key=lambda pair: self.seen.get(pair, 0))

    def _meet(self, sort: str, place: Place, *, write: bool) -> None:
        """Add the pairs that a step makes possible with those known so far."""
        reads = self._reads.setdefault(sort, {})
        writes = self._writes.setdefault(sort, {})
        if place not in reads:
            reads[place] = None
            self._pairs.extend(Pair(other, place) for other in writes)
        if write and place not in writes:
            writes[place] = None
            self._pairs.extend(Pair(place, other) for other in reads)


def _sort(obj: str) -> str:
    """Return what sort of object it is: ``pte`` for ``pte:A``."""
    return obj.partition(":")[0]


class ForcedPairs:
    """Steers each run towards one reads-from pair.

    Args:
        seed: Where the stream of random numbers starts.
    """

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed)
        self._pos = Pos(seed)
        self._counts = PairCounts()
        self._pair: Pair | None = None
        self._written: dict[str, int] = {}
        self._held = 0

    def begin(self) -> None:
        """Pick the pair to steer towards; every fourth run is left alone."""
        self._pos.begin()
        self._counts.begin()
        self._written.clear()
        self._held = 0
        alone = self._chance.pick(4) == 0
        self._pair = None if alone else self._counts.pick(self._chance)

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose as POS does among those that are not held back."""
        free = self._free(runnable) if self._pair else range(len(runnable))
        chosen = free[self._pos.next_task([runnable[i] for i in free], -1)]
        self._note(runnable[chosen])
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose any outcome."""
        return self._pos.next_value(label, options)

    def _free(self, runnable: Sequence[Task]) -> Sequence[int]:
        """Return who may go: those at the second step only once the first was taken."""
        everyone = range(len(runnable))
        assert self._pair is not None  # asked only with one
        at_read = [
            i
            for i in everyone
            if (runnable[i].kind, runnable[i].label) == self._pair.read
        ]
        ready = [i for i in at_read if self._finds_it(runnable[i])]
        if ready:
            self._pair = None  # what comes after is up to POS
            return ready
        others = [i for i in everyone if i not in at_read]
        self._held += bool(at_read)
        if not others or self._held > MOST_HELD:
            self._pair = None
            return everyone
        return others

    def _finds_it(self, task: Task) -> bool:
        writer = self._written.get(task.access.obj)
        return writer is not None and writer != task.index

    def _note(self, task: Task) -> None:
        self._counts.step(task)
        if self._pair is not None and task.access.write:
            obj = task.access.obj
            self._written.pop(obj, None)
            if (task.kind, task.label) == self._pair.write:
                self._written[obj] = task.index
