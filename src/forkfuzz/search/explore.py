"""All interleavings: depth first over decisions, each state expanded once.

Coroutines cannot be copied, so a branch is taken by running again from the start with
the decisions that lead to it. Two things keep the branches few.

A state seen before is not expanded again. And where one task's next step conflicts with
nothing that the others may do before it, no other order needs to be looked at: that
task goes first, and the state is expanded by its step alone (a persistent set of one).
What others may do is learned while searching, so such a choice can turn out wrong when
more is known. Each is therefore noted, and when nothing is left to expand, all are
examined again with what is known by then; those that do not hold are expanded in full.
The search has ended when all hold. So that nobody is passed over for ever, no more than
`MOST_ALONE` such steps are taken one after the other.

P. Godefroid, Partial-Order Methods for the Verification of Concurrent Systems, 1996.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Generic

import attrs

from forkfuzz.engine import Task

from .fingerprint import Fingerprints, Parts
from .futures import Futures, Locks, Node
from .parked import ParkedRun
from .system import System, T


class _SeenError(BaseException):
    """The run has come to a state that was expanded before, or has to stop."""


@attrs.frozen(slots=True)
class Limits:
    """When to give up.

    Attributes:
        states: After so many different states.
        memory: In bytes, for what is kept of them; estimated.
        preemptions: How often, in a run, a task that could go on may be stopped; as
            often as there is occasion if None.
    """

    states: int = 1_000_000
    memory: int = 8 << 30
    preemptions: int | None = None


MOST_ALONE = 200
"""Steps in a row without a look at other orders, or at whether the state is new."""

BYTES_PER_STATE = 400
BYTES_PER_PART = 1500
"""Measured on the shipped litmus files, rounded up."""


@attrs.define(slots=True)
class Progress:
    """How far a search has come.

    Attributes:
        states: Different states expanded.
        runs: Executions from the start.
        transitions: Steps and outcomes that led from these states.
        depth: Most decisions in a run.
        stopped: Which limit ended the search; empty if none did.
    """

    states: int = 0
    runs: int = 0
    transitions: int = 0
    depth: int = 0
    stopped: str = ""

    @property
    def exhaustive(self) -> bool:
        """Return whether everything there is was looked at."""
        return not self.stopped


@attrs.frozen(slots=True)
class _Branch:
    """Decisions that have not been followed to their end yet.

    Attributes:
        path: The decisions, the last one being the new one.
        step: Position in *path* of the last decision that chose a task.
        places: Where the tasks stand before that step.
        preemptions: How many there are in *path*.
    """

    path: bytes
    step: int = 0
    places: Mapping[int, int] = attrs.Factory(dict)
    preemptions: int = 0


@attrs.define(slots=True)
class _Reduced:
    """A state from which only one task's step was taken.

    Attributes:
        path: How it is reached.
        places: Where the tasks stand.
        options: Which tasks could run.
        chosen: Which of them did.
        step: Where it stood.
        others: Where the others stood.
        held: Locks that the chosen one held.
    """

    path: bytes
    places: Mapping[int, int]
    options: Sequence[int]
    chosen: int
    step: Node
    others: list[Node]
    held: Locks


OnEnd = Callable[[T, bool], None]
"""Called with each run that has ended, and whether it came to its own end."""


class Search(Generic[T]):
    """Explores everything that a system can do.

    Args:
        system: What to run.
        on_end: Told of each run.
        limits: When to give up.
        prune: Whether a state seen before is left alone.
        reduce: Whether steps that conflict with nothing go first.
        tick: Called after each run; may raise KeyboardInterrupt.
    """

    def __init__(
        self,
        system: System[T],
        on_end: OnEnd[T],
        limits: Limits | None = None,
        *,
        prune: bool = True,
        reduce: bool = True,
        tick: Callable[[Progress], None] = lambda _progress: None,
    ) -> None:
        self.progress = Progress()
        self.system = system
        self._on_end = on_end
        self._limits = limits or Limits()
        self.prune = prune
        self.bound = self._limits.preemptions
        # A run that was left out may have needed fewer preemptions than its like.
        self.reduce = reduce and prune and self.bound is None
        self._cut = False
        self._tick = tick
        self.parts = Parts()
        self.visited: set[Hashable] = set()
        self.futures = Futures()
        self.reduced: list[_Reduced] = []
        self._examined = -1
        self._pending: list[_Branch] = [_Branch(b"")]

    def run(self) -> Progress:
        """Search until everything was seen, or a limit is reached."""
        while not self.progress.stopped:
            while self._pending and not self.progress.stopped:
                self._follow(self._pending.pop())
                self._tick(self.progress)
            if not self.reduce or self._examined == self.futures.version:
                break
            self._examined = self.futures.version
            self._examine()
        if self._cut and not self.progress.stopped:
            self.progress.stopped = f"{self.bound} preemptions"
        return self.progress

    def _follow(self, branch: _Branch) -> None:
        run = _Run(self, branch)
        self.progress.runs += 1
        try:
            run.parked.execute()
        except _SeenError:
            self._on_end(run.trial, False)  # noqa: FBT003
        else:
            self._on_end(run.trial, True)  # noqa: FBT003
        self.progress.depth = max(self.progress.depth, len(run.path))

    def later(self, branch: _Branch) -> None:
        """Leave a branch for later, unless it has too many preemptions."""
        if self.bound is not None and branch.preemptions > self.bound:
            self._cut = True
            return
        self.progress.transitions += 1
        self._pending.append(branch)

    def count(self) -> None:
        """Count a state that is about to be expanded; stop at a limit."""
        self.progress.states += 1
        self.progress.stopped = self._over()
        if self.progress.stopped:
            raise _SeenError

    def _over(self) -> str:
        """Return which limit has been reached, if one has."""
        limits, states = self._limits, self.progress.states
        if states >= limits.states:
            return f"{limits.states} states"
        memory = states * BYTES_PER_STATE + len(self.parts) * BYTES_PER_PART
        return f"{limits.memory >> 20} MiB" if memory > limits.memory else ""

    def _examine(self) -> None:
        """Expand in full what was reduced for reasons that do not hold."""
        held: list[_Reduced] = []
        for reduced in self.reduced:
            if self.independent(reduced, guess=False):
                held.append(reduced)
            else:
                self._expand(reduced)
        self.reduced = held

    def independent(self, reduced: _Reduced, *, guess: bool) -> bool:
        """Return whether the step conflicts with nothing that the others may do.

        Args:
            guess: What to believe of a task whose future is not known.
        """
        step = self.futures.next_step(reduced.step)
        for other in reduced.others:
            future = self.futures.future(other, reduced.held)
            if future is None:
                if not guess:
                    return False
            elif step.conflicts(future):
                return False
        return True

    def _expand(self, reduced: _Reduced) -> None:
        at = len(reduced.path)
        for number, option in enumerate(reduced.options):
            if number != reduced.chosen:
                path = reduced.path + bytes([option])
                self.later(_Branch(path, at, reduced.places))


class _Run(Generic[T]):
    """One execution: decides by a branch at first, then looks around."""

    def __init__(self, search: Search[T], branch: _Branch) -> None:
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
                raise _SeenError
            search.visited.add(state)
        search.count()
        self._split([task.index for task in runnable], first, stay >= 0)
        return first

    def _choose_alone(self, runnable: Sequence[Task], stay: int) -> int | None:
        """Return which task can go first without any other order being lost."""
        for task in self.trial.machine.tasks:
            if not task.done:
                self._ask(task)
        for task in runnable:
            self.search.futures.can_go_on(self._node(task))
        if len(runnable) == 1:
            return 0
        reduced = self._reduction(runnable, stay)
        if reduced is None:
            return None
        self.search.reduced.append(reduced)
        return reduced.chosen

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
                    _Branch(more, self._step_at, self._places, preemptions)
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

    def _reduction(self, runnable: Sequence[Task], stay: int) -> _Reduced | None:
        """Find a task whose step conflicts with nothing that others may do."""
        tasks = [task for task in self.trial.machine.tasks if not task.done]
        for chosen in [stay, *(i for i in range(len(runnable)) if i != stay)]:
            task = runnable[chosen]
            reduced = _Reduced(
                bytes(self.path),
                self._places,
                [option.index for option in runnable],
                chosen,
                self._node(task),
                [self._node(other) for other in tasks if other is not task],
                self.trial.held(task),
            )
            if self.search.independent(reduced, guess=True):
                return reduced
        return None

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
