"""All interleavings: depth first over decisions, each state expanded once.

Coroutines cannot be copied, so a branch is taken by running again from the start with
the decisions that lead to it. Two things keep the branches few.

A state seen before is not expanded again, nor is a run made whose last step is known to
lead to one. And where one task's next step conflicts with
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

import contextlib
import gc
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Generic

import attrs

from forkfuzz.counting import counted

from .bounds import Limits
from .branch import UNKNOWN, Branch, Reduced
from .fingerprint import Parts, Symmetry
from .futures import Futures, Locks, Node
from .steps import Steps
from .system import System, T
from .walk import SeenError, Walk

RUNS_BETWEEN_COLLECTIONS = 3000
"""A run is taken apart when it is over; what is left of it in circles is little."""

BYTES_PER_STATE = 400
BYTES_PER_STEP = 700
BYTES_PER_PART = 1500
BYTES_PER_REDUCED = 1200
"""What is kept of a search; measured on the shipped litmus files, rounded up."""


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


@contextlib.contextmanager
def collecting_little() -> Iterator[None]:
    """Keep Python from looking for garbage among all that a search keeps."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


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
        self.limits = limits or Limits()
        self.prune = prune
        self.bound = self.limits.departures
        # A run that was left out may have needed fewer departures than its like.
        self.reduce = reduce and prune and self.bound is None
        self._cut = False
        self._tick = tick
        self.parts = Parts()
        self.symmetry = Symmetry(system.alike())
        self.steps = Steps(self.symmetry)
        self.visited: set[Hashable] = set()
        self.futures = Futures()
        self.reduced: list[Reduced] = []
        self._examined = -1
        self._pending: list[Branch] = [Branch(b"")]

    def run(self) -> Progress:
        """Search until everything was seen, or a limit is reached."""
        with collecting_little():
            return self._run()

    def _run(self) -> Progress:
        while not self.progress.stopped:
            while self._pending and not self.progress.stopped:
                self._follow(self._pending.pop())
                if self.progress.runs % RUNS_BETWEEN_COLLECTIONS == 0:
                    gc.collect(0)
                self._tick(self.progress)
            if not self.reduce or self._examined == self.futures.version:
                break
            self._examined = self.futures.version
            self._examine()
        if self._cut and not self.progress.stopped:
            self.progress.stopped = str(self.limits)
        return self.progress

    def _follow(self, branch: Branch) -> None:
        if self._leads_back(branch):
            return
        run = Walk(self, branch)
        self.progress.runs += 1
        try:
            run.parked.execute()
        except SeenError:
            self._on_end(run.trial, False)  # noqa: FBT003
        else:
            run.covered()
            self._on_end(run.trial, True)  # noqa: FBT003
        self.progress.depth = max(self.progress.depth, len(run.path))
        run.trial.close()
        vars(run.parked).clear()

    def _leads_back(self, branch: Branch) -> bool:
        """Return whether a branch is known to lead to a state seen before."""
        if self.bound is not None or branch.shared == UNKNOWN:
            return False
        after = self.steps.follow(branch)
        return after is not None and self.symmetry.state(*after) in self.visited

    def later(self, branch: Branch) -> None:
        """Leave a branch for later, unless it has too many departures."""
        if self.bound is not None and branch.departures > self.bound:
            self._cut = True
            return
        self.progress.transitions += 1
        self._pending.append(branch)

    def count(self) -> None:
        """Count a state that is about to be expanded; stop at a limit."""
        self.progress.states += 1
        self.progress.stopped = self._over()
        if self.progress.stopped:
            raise SeenError

    def _over(self) -> str:
        """Return which limit has been reached, if one has."""
        limits, states = self.limits, self.progress.states
        if states >= limits.states:
            return counted(limits.states, "state")
        memory = (
            len(self.visited) * BYTES_PER_STATE
            + len(self.steps) * BYTES_PER_STEP
            + len(self.parts) * BYTES_PER_PART
            + len(self.reduced) * BYTES_PER_REDUCED
        )
        return f"{limits.memory >> 20} MiB" if memory > limits.memory else ""

    def _examine(self) -> None:
        """Expand in full what was reduced for reasons that do not hold."""
        held: list[Reduced] = []
        for reduced in self.reduced:
            where = reduced.step, reduced.others, reduced.held
            if self.independent(*where, guess=False):
                held.append(reduced)
            else:
                self._expand(reduced)
        self.reduced = held

    def independent(
        self, step: Node, others: Sequence[Node], held: Locks, *, guess: bool
    ) -> bool:
        """Return whether a step conflicts with nothing that the others may do.

        Args:
            step: Where the task stands that would take it.
            others: Where the others stand.
            held: Locks that they cannot take before.
            guess: What to believe of a task whose future is not known.
        """
        touched = self.futures.next_step(step)
        for other in others:
            future = self.futures.future(other, held)
            if future is None:
                if not guess:
                    return False
            elif touched.conflicts(future):
                return False
        return True

    def _expand(self, reduced: Reduced) -> None:
        for number, option in enumerate(reduced.options):
            if number != reduced.chosen:
                self.later(reduced.here.then(option))
