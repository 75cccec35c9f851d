"""Everything that can come of a program, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

import attrs

from forkfuzz.checkers import Violation
from forkfuzz.engine import Outcome
from forkfuzz.harness.run import Run
from forkfuzz.harness.trial import ProgramSystem, ProgramTrial
from forkfuzz.rules import Rules
from forkfuzz.scenarios.program import Program
from forkfuzz.search import Limits, Progress, Search

Seen = TypeVar("Seen")
"""What is kept of an end; hashable."""

Observe = Callable[[Run], Seen]
"""Says what matters of a run that has come to its end."""

Tick = Callable[[Progress], None]

INTERRUPTED = "interrupted"
"""What `Progress.stopped` says after Ctrl-C."""


@attrs.define(slots=True)
class Decided(Generic[Seen]):
    """What can come of a program.

    Attributes:
        progress: How much was looked at, and whether that was all.
        ends: What was seen at the end of runs: each once, in order of first sight.
        violations: One violation of each property that was broken, and of each place
            in the code that broke it.
        unfinished: How runs ended that did not come to the end of the program.
    """

    progress: Progress
    ends: list[Seen]
    violations: list[Violation]
    unfinished: list[Outcome]

    def add_violations(self, violations: Iterable[Violation]) -> None:
        """Keep those whose like is not there yet."""
        for new in violations:
            known = [(old.prop, old.points) for old in self.violations]
            if (new.prop, new.points) not in known:
                self.violations.append(new)

    @property
    def properties(self) -> list[str]:
        """Return the names of the properties broken, sorted."""
        return sorted({violation.prop for violation in self.violations})


def decide(
    program: Program,
    rules: Rules,
    observe: Observe[Seen],
    limits: Limits | None = None,
    *,
    reduce: bool = True,
    prune: bool = True,
    tick: Tick = lambda _progress: None,
) -> Decided[Seen]:
    """Run a program in every way there is.

    An interrupt from the keyboard ends the search and keeps what is known.

    Args:
        program: What to run; its TLBs fill and evict lazily.
        rules: Under which rules.
        observe: What to keep of each end.
        limits: When to give up.
        reduce: Whether to leave out orders that make no difference.
        prune: Whether to leave alone what follows a state seen before.
        tick: Told of the progress after each run.
    """
    ends: dict[Seen, None] = {}
    decided: Decided[Seen] = Decided(Progress(), [], [], [])

    def look(trial: ProgramTrial, ended: bool) -> None:  # noqa: FBT001
        run = trial.run
        decided.add_violations(run.result().violations if ended else run.violations())
        if ended and run.machine.outcome is Outcome.FINISHED:
            ends.setdefault(observe(run))
        elif ended and run.machine.outcome not in decided.unfinished:
            decided.unfinished.append(run.machine.outcome)

    system = ProgramSystem(program, rules)
    search = Search(system, look, limits, reduce=reduce, prune=prune, tick=tick)
    decided.progress = search.progress
    try:
        search.run()
    except KeyboardInterrupt:
        search.progress.stopped = INTERRUPTED
    decided.ends = list(ends)
    return decided
