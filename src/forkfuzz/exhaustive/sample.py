"""A sample of what can come of a program, where all of it is too much."""

from __future__ import annotations

from typing import TypeVar

from forkfuzz.counting import counted
from forkfuzz.engine import Outcome, Strategy
from forkfuzz.harness.run import Run
from forkfuzz.harness.trial import with_lazy_tlb
from forkfuzz.rules import Rules
from forkfuzz.scenarios.program import Program
from forkfuzz.search import Progress

from .decide import INTERRUPTED, Decided, Observe

Seen = TypeVar("Seen")


def sample(
    program: Program,
    rules: Rules,
    observe: Observe[Seen],
    strategy: Strategy,
    runs: int,
) -> Decided[Seen]:
    """Run a program *runs* times under a strategy.

    What comes of it is among what `forkfuzz.exhaustive.decide` finds. An interrupt from
    the keyboard ends it and keeps what is known.
    """
    decided: Decided[Seen] = Decided(Progress(stopped=counted(runs, "run")), [], [], [])
    lazy = with_lazy_tlb(program)
    try:
        for _ in range(runs):
            strategy.begin()
            run = Run(lazy, rules, strategy)
            _add(decided, run, observe)
    except KeyboardInterrupt:
        decided.progress.stopped = INTERRUPTED
    return decided


def _add(decided: Decided[Seen], run: Run, observe: Observe[Seen]) -> None:
    """Execute a run, and keep what comes of it."""
    result = run.execute()
    decided.progress.runs += 1
    decided.progress.transitions += len(result.decisions)
    decided.add_violations(result.violations)
    if run.machine.outcome is not Outcome.FINISHED:
        if run.machine.outcome not in decided.unfinished:
            decided.unfinished.append(run.machine.outcome)
    elif (seen := observe(run)) not in decided.ends:
        decided.ends.append(seen)
