"""One run of a search: along a branch, and on from its end to a state seen before."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Generic

from forkfuzz.engine import Task

from .branch import Branch, Reduced
from .fingerprint import Fingerprints
from .futures import Node
from .parked import ParkedRun
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
        self.parked = ParkedRun(self.trial.machine, self._stepped, self._again)
        self._branch = branch
        self._prints = Fingerprints(
            search.parts, self.trial, self.parked, branch.places
        )
        self._places: Mapping[int, int] = branch.places
        self._preemptions = branch.preemptions
        self._alone = 0
        self._at = 0
        self._step_at = branch.step
        self._looking = False
        self._label = ""

    def begin(self) -> None:
        """Satisfy `forkfuzz.engine.Strategy`; a run is made for each branch."""

    def _again(self) -> int:
        """Follow the branch; watch its last step."""
        if self._at >= len(self.path):
            return -1
        if self._at >= self._branch.step:
            self._look_around()
            self._attend(self.trial.machine.tasks[self.path[self._at]])
        return self._next()

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
        if self.search.reduce:
            self.trial.watch()
            self.trial.accesses()

    def next_value(self, label: str, options: int) -> int:
        """Follow the branch; after its end, take the first outcome."""
        if self._at < len(self.path):
            return self._next()
        self._split(range(options), 0)
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
        if search.prune:
            self._places = dict(self._prints.places)
        if search.reduce and self._alone < MOST_ALONE:
            chosen = self._choose_alone(runnable, max(stay, 0))
            if chosen is not None:
                self._alone += 1
                self._append(runnable[chosen].index)
                return chosen
        self._alone = 0
        first = max(stay, 0)
        if search.prune:
            state: Hashable = self._prints.take()
            if search.bound is not None:
                last = runnable[stay].index if stay >= 0 else -1
                state = (state, last, self._preemptions)
            if state in search.visited:
                raise SeenError
            search.visited.add(state)
        search.count()
        self._split([task.index for task in runnable], first, stay >= 0)
        return first

    def _choose_alone(self, runnable: Sequence[Task], stay: int) -> int | None:
        """Return which task can go first without any other order being lost."""
        search = self.search
        tasks = [task for task in self.trial.machine.tasks if not task.done]
        nodes = [self._ask(task) for task in tasks]
        by_index = {node[0]: node for node in nodes}
        for task in runnable:
            search.futures.can_go_on(by_index[task.index])
        if len(runnable) == 1:
            return 0
        for chosen in [stay, *(i for i in range(len(runnable)) if i != stay)]:
            step = by_index[runnable[chosen].index]
            others = [node for node in nodes if node is not step]
            held = self.trial.held(runnable[chosen])
            if search.independent(step, others, held, guess=True):
                options = bytes(task.index for task in runnable)
                path = bytes(self.path)
                search.reduced.append(
                    Reduced(path, self._places, options, chosen, step, others, held)
                )
                return chosen
        return None

    def _append(self, chosen: int) -> None:
        self.search.progress.transitions += 1
        self.path.append(chosen)
        self._at += 1

    def _split(
        self,
        options: Sequence[int],
        first: int,
        preempting: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        """Go on with one of the options, and leave the others for later."""
        path = bytes(self.path)
        preemptions = self._preemptions + preempting
        for number, option in enumerate(options):
            if number != first:
                more = path + bytes([option])
                self.search.later(
                    Branch(more, self._step_at, self._places, preemptions)
                )
        self._append(options[first])

    def _ask(self, task: Task) -> Node:
        """Find out what a task looks at while it waits; return where it stands."""
        node = self._node(task)
        if task.when is not None:
            self.trial.accesses()
            task.when()
            self.search.futures.touch(node, self.trial.accesses())
        return node

    def _node(self, task: Task) -> Node:
        node = (task.index, self._prints.places[task.index])
        self.search.futures.arrive(node, task.access.obj if task.when else "")
        return node

    def _stepped(self, task: Task) -> None:
        """Learn from a step: what it touched, and where it led."""
        if not self._looking:
            return
        left = (task.index, self._prints.places[task.index])
        self._prints.moved(task)
        if self.search.reduce:
            futures = self.search.futures
            futures.touch(left, self.trial.accesses(self._label))
            futures.step(left, None if task.done else self._ask(task))
