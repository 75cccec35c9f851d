"""The plainest way to something: fewest preemptions, then fewest steps.

Every state is reached by the best way there is before anything behind it counts, so when
the goal is found, everything with fewer preemptions has been looked at: that it cannot
be had for less is part of the answer.

A preemption is a switch away from a task that could have gone on.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import Generic

import attrs

from forkfuzz.engine import RawDecision, Task

from .fingerprint import Fingerprint, Fingerprints, Parts, Symmetry
from .parked import ParkedRun
from .system import System, T

Cost = tuple[int, int]
"""(preemptions, steps)."""

Goal = Callable[[T, bool], bool]
"""Returns whether a run is there; told whether it has come to its own end."""


@attrs.frozen(slots=True)
class Witness:
    """A run that reaches a goal, none being plainer.

    Attributes:
        decisions: The whole run.
        steps: How many steps it takes to the goal.
        preemptions: How many preemptions.
        states: How many states were looked at to be sure of it.
        task_names: By the index that *decisions* use.
    """

    decisions: list[RawDecision]
    steps: int
    preemptions: int
    states: int
    task_names: list[str] = attrs.Factory(list)


class _GivenUpError(BaseException):
    """The way leads to nothing that is not known better."""


class ShortestSearch(Generic[T]):
    """Finds the plainest run that reaches a goal.

    Args:
        system: What to run.
        goal: What to look for.
        max_states: How many states to look at, at most.
    """

    def __init__(
        self, system: System[T], goal: Goal[T], max_states: int = 200_000
    ) -> None:
        self.system = system
        self.goal = goal
        self.max_states = max_states
        self.parts = Parts()
        self.symmetry = Symmetry(system.alike())
        self.best: dict[tuple[Fingerprint, int], Cost] = {}
        self.found: Witness | None = None
        self.cheapest: Cost = (1 << 30, 0)
        self._left: list[tuple[Cost, bytes]] = [((0, 0), b"")]

    def run(self) -> Witness | None:
        """Search; None if the goal cannot be reached, or not within *max_states*."""
        while self._left and self._left[0][0] < self.cheapest:
            if len(self.best) > self.max_states:
                return None
            _, path = heapq.heappop(self._left)
            self._go(_Way(self, path))
        if self.found is None:
            return None
        return attrs.evolve(self.found, states=len(self.best))

    def _go(self, way: _Way[T]) -> None:
        try:
            way.parked.execute()
        except _GivenUpError:
            pass
        else:
            way.arrived(ended=True)
        way.trial.close()
        vars(way.parked).clear()

    def later(self, cost: Cost, path: bytes) -> None:
        """Leave a way for later."""
        if cost < self.cheapest:
            heapq.heappush(self._left, (cost, path))


class _Way(Generic[T]):
    """One run: along a path, and on from its end without preemptions."""

    def __init__(self, search: ShortestSearch[T], path: bytes) -> None:
        self.search = search
        self.path = bytearray(path)
        self.trial = search.system.begin(self)
        self.parked = ParkedRun(self.trial.machine, (), self._stepped)
        self._prints = Fingerprints(search.parts, self.trial, self.parked, {})
        self._prefix = len(path)
        self._at = 0
        self._preemptions = 0
        self._there: Cost | None = None

    def begin(self) -> None:
        """Satisfy `forkfuzz.engine.Strategy`; a way is gone once."""

    def _stepped(self, task: Task) -> None:
        if self._at >= self._prefix and self._prints.places:
            self._prints.moved(task)

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Follow the path; after it, go on if the state is worth it."""
        if self._at < self._prefix:
            chosen = self.path[self._at]
        else:
            chosen = self._go_on(runnable, stay)
            self.path.append(chosen)
        self._at += 1
        self._preemptions += stay >= 0 and chosen != stay
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Follow the path; after it, take the first outcome, the others later."""
        if self._at < self._prefix:
            chosen = self.path[self._at]
        else:
            chosen = 0
            if self._there is None:
                cost = (self._preemptions, self.trial.machine.steps)
                for other in range(1, options):
                    self.search.later(cost, bytes(self.path) + bytes([other]))
            self.path.append(chosen)
        self._at += 1
        return chosen

    def _go_on(self, runnable: Sequence[Task], stay: int) -> int:
        steps = self.trial.machine.steps
        first = max(stay, 0)
        if self._there is not None:
            return first  # only the rest of the run
        cost = (self._preemptions, steps)
        if self.arrived(ended=False):
            return first
        self._prints.look()
        last = runnable[stay].index if stay >= 0 else -1
        search = self.search
        where = search.symmetry.state(self._prints.places, self._prints.shared())
        state = (where, last)
        if cost >= search.cheapest or cost >= search.best.get(state, (1 << 30, 0)):
            raise _GivenUpError
        search.best[state] = cost
        for other in range(len(runnable)):
            if other != first:
                more = self._preemptions + (stay >= 0)
                search.later((more, steps + 1), bytes(self.path) + bytes([other]))
        return first

    def arrived(self, *, ended: bool) -> bool:
        """Return whether the goal is reached; at the end of the run, keep the witness."""
        search, machine = self.search, self.trial.machine
        cost = (self._preemptions, machine.steps)
        if (
            self._there is None
            and cost < search.cheapest
            and search.goal(self.trial, ended)
        ):
            self._there = search.cheapest = cost
        if ended and self._there is not None and self._there == search.cheapest:
            preemptions, steps = self._there
            names = [task.name for task in machine.tasks]
            search.found = Witness(machine.decisions, steps, preemptions, 0, names)
        return self._there is not None
