"""One attempt at something plainer: run it, and see whether the violation is there."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from forkfuzz.harness.result import RunResult
from forkfuzz.harness.run import Run
from forkfuzz.rules import Rules, format_rules
from forkfuzz.scenarios.program import Program

from .guide import Guide, Turn, turns_of

SPECULATION = "mmu:fill_or_evict"
HARDWARE = "tlb:"
"""How the names of the tasks that fill and evict begin."""

MAX_RUNS = 3000
"""How many runs a shrink may take; a few seconds."""


@attrs.frozen(slots=True)
class Attempt:
    """A run with the violation.

    Attributes:
        program: What ran.
        turns: Its turns, as it took them.
        result: The run.
        preemptions: How often a task was stopped that could have gone on.
    """

    program: Program
    turns: tuple[Turn, ...]
    result: RunResult
    preemptions: int

    def cost(self) -> tuple[int, int, int]:
        """Return what is to become less, in order of weight.

        A preemption, or a fill or eviction at a chosen moment, is what a reader has
        to believe; a step what he has to read; a turn is a change of column.
        """
        events = sum(
            label == SPECULATION or value != 0
            for _, label, _, value in self.result.decisions
        )
        return self.preemptions + events, self.result.steps, len(self.turns)


class Attempts:
    """Makes attempts under some rules, as many as there may be.

    Args:
        rules: Under which all runs are.
        signature: Identity of the violation to keep.

    Attributes:
        runs: How many there were.
    """

    def __init__(self, rules: Rules, signature: str) -> None:
        self.rules = rules
        self.signature = signature
        self.runs = 0
        self._spelled = format_rules(rules)

    @property
    def spent(self) -> bool:
        """Return whether there may be no more."""
        return self.runs >= MAX_RUNS

    def make(self, program: Program, turns: Sequence[Turn]) -> Attempt | None:
        """Run the turns; None unless the violation is there."""
        self.runs += 1
        guide = Guide(turns)
        result = Run(program, self.rules, guide).execute()
        for violation in result.violations:
            if violation.signature(self._spelled) == self.signature:
                taken = turns_of(result.decisions, result.task_names)
                return Attempt(program, taken, result, guide.preemptions)
        return None
