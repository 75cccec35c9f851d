"""One run of a search: along a branch, and on from its end to a state seen before."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Generic

from forkfuzz.engine import Task

from .branch import UNKNOWN, Branch, Reduced
from .fingerprint import Fingerprints
from .futures import Node
from .parked import ParkedRun
from .steps import Step
from .system import T

if TYPE_CHECKING:
    from .explore import Search

MOST_ALONE = 200
"""Steps in a row without a look at other orders, or at whether the state is new."""


class SeenError(BaseException):
    """The run has come to a state that was expanded before, or has to stop."""


class Walk(Generic[T]):
    """One execution: decides by a branch at first, then looks around."""

    def __init__(self, search: Search[T], branch: Branch) -> None:
        self.search = search
        self.path = bytearray(branch.path)
        self.trial = search.system.begin(self)
        self.parked = ParkedRun(self.trial.machine, self._known(), self._stepped)
        self._branch = branch
        self._prints = Fingerprints(
            search.parts, self.trial, self.parked, branch.places
        )
        self._places: Mapping[int, int] = branch.places
        self._shared = branch.shared
        self._step: Step | None = None
        self._passed: list[Hashable] = []
        self._departures = branch.departures
        self._last = -1
        self._alone = 0
        self._at = 0
        self._step_at = branch.step
        self._looking = False
        self._has_split = False
        self._label = ""

    def begin(self) -> None:
        """Satisfy `forkfuzz.engine.Strategy`; a run is made for each branch."""

    def _known(self) -> Iterator[int]:
        """Yield the tasks that step along the branch; watch the last step."""
        while self._at < self._branch.step:
            yield self._next()
        if self._at < len(self.path):
            task = self.trial.machine.tasks[self.path[self._at]]
            self._look_around()
            self._attend(task)
            yield self._next()
            self._stepped(task)

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Look at the state, and go on from it."""
        if not self._looking:
            self._look_around()
        self._step_at = self._at
        chosen = self._explore(runnable, stay)
        self._attend(runnable[chosen])
        return chosen

    def _attend(self, task: Task) -> None:
        """Forget what was touched before the step that *task* is about to take."""
        self._label = task.label
        self._last = task.index
        self._has_split = False
        if self.search.reduce:
            self.trial.watch()
            self.trial.accesses()

    def next_value(self, label: str, options: int) -> int:
        """Follow the branch; after its end, take the first outcome."""
        if self._at < len(self.path):
            return self._next()
        self._has_split = True
        here = self._here(self._step_at)
        for other in range(1, options):
            self.search.later(here.then(other))
        self._append(0)
        return 0

    def _next(self) -> int:
        chosen = self.path[self._at]
        self._at += 1
        return chosen

    def _look_around(self) -> None:
        """Begin to watch, before the last step of the branch."""
        self._looking = True
        self._prints.look()
        if self.search.reduce:
            self.trial.watch()
            for task in self.trial.machine.tasks:
                if not task.done:
                    self._ask(task)

    def _explore(self, runnable: Sequence[Task], stay: int) -> int:
        """Expand a new state; return what to do first."""
        search = self.search
        first = search.limits.first(runnable, stay, self._last)
        state = self._arrive(stay) if search.prune else None
        if search.reduce and self._alone < MOST_ALONE:
            chosen = self._choose_alone(runnable, first)
            if chosen is not None:
                self._alone += 1
                self._passed.append(state)
                self._append(runnable[chosen].index)
                return chosen
        self._alone = 0
        self._passed.append(state)
        self.covered()
        search.count()
        here = self._here(self._at)
        for number, task in enumerate(runnable):
            if number != first:
                cost = search.limits.cost(number, first, len(runnable), stay)
                search.later(here.then(task.index, cost))
        self._append(runnable[first].index)
        return first

    def _arrive(self, stay: int) -> Hashable:
        """Return the state that the run has come to; leave one that was seen before."""
        search = self.search
        self._places = dict(self._prints.places)
        shared = self._prints.shared()
        if self._step is not None and self._shared != UNKNOWN:
            search.steps.learn(self._shared, self._step, self._places, shared)
        self._shared = shared
        state: Hashable = search.symmetry.state(self._places, shared)
        if search.bound is not None:
            last = stay if search.limits.delays is None else self._last
            state = (state, last, self._departures)
        if state in search.visited:
            self.covered()
            raise SeenError
        return state

    def covered(self) -> None:
        """Note that what follows the states passed is explored, or will be."""
        self.search.visited.update(self._passed)
        self._passed.clear()

    def _choose_alone(self, runnable: Sequence[Task], stay: int) -> int | None:
        """Return which task can go first without any other order being lost."""
        search = self.search
        nodes = {
            task.index: self._ask(task)
            for task in self.trial.machine.tasks
            if not task.done
        }
        for task in runnable:
            search.futures.can_go_on(nodes[task.index])
        if len(runnable) == 1:
            return 0
        for chosen in [stay, *(i for i in range(len(runnable)) if i != stay)]:
            index = runnable[chosen].index
            step = nodes[index]
            others = [node for other, node in nodes.items() if other != index]
            held = self.trial.held(runnable[chosen])
            if search.independent(step, others, held, guess=True):
                options = bytes(task.index for task in runnable)
                here = self._here(self._at)
                search.reduced.append(
                    Reduced(here, options, chosen, step, others, held)
                )
                return chosen
        return None

    def _append(self, chosen: int) -> None:
        self.search.progress.transitions += 1
        self.path.append(chosen)
        self._at += 1

    def _here(self, step: int) -> Branch:
        """Return the way so far, about to decide about the step at position *step*."""
        path = bytes(self.path)
        return Branch(path, step, self._places, self._shared, self._departures)

    def _ask(self, task: Task) -> Node:
        """Find out what a task looks at while it waits; return where it stands."""
        node = self._node(task)
        if task.when is not None:
            self.trial.accesses()
            task.when()
            self.search.futures.touch(node, self.trial.accesses())
        return node

    def _where(self, task: Task) -> Node:
        return self.search.symmetry.node(task.index, self._prints.places[task.index])

    def _node(self, task: Task) -> Node:
        node = self._where(task)
        self.search.futures.arrive(node, task.access.obj if task.when else "")
        return node

    def _stepped(self, task: Task) -> None:
        """Learn from a step: what it touched, and where it led."""
        left = self._where(task)
        self._prints.moved(task)
        outcomes = bytes(self.path[self._step_at + 1 :])
        self._step = None if self._has_split else Step(task.index, left, outcomes)
        if self.search.reduce:
            futures = self.search.futures
            futures.touch(left, self.trial.accesses(self._label))
            futures.step(left, None if task.done else self._ask(task))
