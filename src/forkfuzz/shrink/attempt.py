"""One attempt at something plainer: run it, and see whether the violation is there."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from forkfuzz.engine import Strategy
from forkfuzz.harness.result import RunResult
from forkfuzz.harness.run import Run
from forkfuzz.rules import Rules, format_rules
from forkfuzz.scenarios.program import Program
from forkfuzz.strategies import Races

from .guide import Guide, Turn, turns_of

SPECULATION = "mmu:fill_or_evict"
HARDWARE = "tlb:"
"""How the names of the tasks that fill and evict begin."""

MAX_RUNS = 3000
MAX_STEPS = 1_500_000
"""How many runs and steps a shrink may take: some fifteen seconds."""

SEARCH_RUNS = 20
"""How many runs a search for the violation in another program may take."""


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


class _Search(Races):
    """Races, with hardware that does the ordinary thing in every other run.

    A program without tasks for fills and evictions asks at each access whether the
    translation is gone. In a long run an entry would never become old.
    """

    def __init__(self) -> None:
        super().__init__(seed=0)
        self._is_ordinary = False

    def begin(self) -> None:
        """Begin the next run."""
        super().begin()
        self._is_ordinary = not self._is_ordinary

    def next_value(self, label: str, options: int) -> int:
        """Choose the ordinary outcome, or any."""
        return 0 if self._is_ordinary else super().next_value(label, options)


class Attempts:
    """Makes attempts under some rules, as many as there may be.

    Args:
        rules: Under which all runs are.
        signature: Identity of the violation to keep.

    Attributes:
        runs: How many there were.
        steps: How many steps these had.
    """

    def __init__(self, rules: Rules, signature: str) -> None:
        self.rules = rules
        self.signature = signature
        self.runs = 0
        self.steps = 0
        self._spelled = format_rules(rules)

    @property
    def spent(self) -> bool:
        """Return whether there may be no more."""
        return self.runs >= MAX_RUNS or self.steps >= MAX_STEPS

    def make(self, program: Program, turns: Sequence[Turn]) -> Attempt | None:
        """Run the turns; None unless the violation is there."""
        guide = Guide(turns)
        result = self._run(program, guide)
        if result is None:
            return None
        taken = turns_of(result.decisions, result.task_names)
        return Attempt(program, taken, result, guide.preemptions)

    def search(self, program: Program) -> Attempt | None:
        """Look for a run with the violation, as a campaign would but not for long."""
        strategy = _Search()
        for _ in range(SEARCH_RUNS):
            if self.spent:
                break
            strategy.begin()
            result = self._run(program, strategy)
            if result is not None:
                turns = turns_of(result.decisions, result.task_names)
                return self.make(program, turns)
        return None

    def _run(self, program: Program, strategy: Strategy) -> RunResult | None:
        """Run once; None unless the violation is there."""
        result = Run(program, self.rules, strategy).execute()
        self.runs += 1
        self.steps += result.steps
        for violation in result.violations:
            if violation.signature(self._spelled) == self.signature:
                return result
        return None
