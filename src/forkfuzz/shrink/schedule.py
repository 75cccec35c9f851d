"""Make a schedule plainer: fewer preemptions, then fewer steps, same violation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from forkfuzz.errors import InternalError
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
class Shrunk:
    """A plainer run with the same violation.

    Attributes:
        result: The run.
        preemptions: How often a task was stopped that could have gone on.
        steps_before: Steps of the run that was shrunk.
        preemptions_before: Its preemptions.
    """

    result: RunResult
    preemptions: int
    steps_before: int
    preemptions_before: int

    def __str__(self) -> str:
        """Return what shrinking has come to, in the words of a report."""
        return (
            f"shrunk {self.steps_before} -> {self.result.steps} steps, "
            f"{self.preemptions_before} -> {self.preemptions} preemptions"
        )


@attrs.frozen(slots=True)
class _Attempt:
    turns: tuple[Turn, ...]
    result: RunResult
    preemptions: int

    def cost(self) -> tuple[int, int, int]:
        """Return what is to become less, in order of weight.

        A preemption, or a fill or eviction at a chosen moment, is what a reader has
        to believe; a step what he has to read; a turn is a change of column.
        """
        events = sum(label == SPECULATION for _, label, _, _ in self.result.decisions)
        return self.preemptions + events, self.result.steps, len(self.turns)


def shrink_schedule(
    program: Program, rules: Rules, result: RunResult, signature: str
) -> Shrunk:
    """Return the plainest run found that shows the violation with *signature*.

    Turns are dropped, swapped and shortened as long as that helps.

    Args:
        program: What ran.
        rules: Under which rules.
        result: The run to start from.
        signature: Identity of the violation to keep.
    """
    search = _Search(program, rules, signature)
    return search.run(result)


class _Search:
    def __init__(self, program: Program, rules: Rules, signature: str) -> None:
        self._program = program
        self._rules = rules
        self._rules_text = format_rules(rules)
        self._signature = signature
        self._runs = 0

    def run(self, result: RunResult) -> Shrunk:
        best = self._attempt(turns_of(result.decisions, result.task_names))
        if best is None:
            msg = f"forkfuzz bug: the run with {self._signature} does not repeat"
            raise InternalError(msg)
        before = best.preemptions
        improved = True
        while improved and self._runs < MAX_RUNS:
            improved = False
            for variants in PASSES:
                best, better = self._descend(best, variants)
                improved |= better
        return Shrunk(best.result, best.preemptions, result.steps, before)

    def _descend(
        self,
        best: _Attempt,
        variants: Callable[[Sequence[Turn]], list[tuple[Turn, ...]]],
    ) -> tuple[_Attempt, bool]:
        """Take every variant that is plainer, and go on from there."""
        improved = False
        position = 0
        candidates = variants(best.turns)
        while position < len(candidates) and self._runs < MAX_RUNS:
            attempt = self._attempt(candidates[position])
            if attempt is not None and attempt.cost() < best.cost():
                best, improved = attempt, True
                candidates = variants(best.turns)
            else:
                position += 1
        return best, improved

    def _attempt(self, turns: Sequence[Turn]) -> _Attempt | None:
        """Run the turns; None unless the violation is there."""
        self._runs += 1
        guide = Guide(turns)
        result = Run(self._program, self._rules, guide).execute()
        for violation in result.violations:
            if violation.signature(self._rules_text) == self._signature:
                taken = turns_of(result.decisions, result.task_names)
                return _Attempt(taken, result, guide.preemptions)
        return None


def _without_chunks(turns: Sequence[Turn]) -> list[tuple[Turn, ...]]:
    """Leave out many turns at once: halves, quarters, eighths."""
    count = len(turns)
    return [
        (*turns[:start], *turns[start + size :])
        for parts in (2, 4, 8)
        for size in [max(count // parts, 1)]
        for start in range(0, count, size)
    ]


def _without_one(turns: Sequence[Turn]) -> list[tuple[Turn, ...]]:
    return [(*turns[:n], *turns[n + 1 :]) for n in range(len(turns))]


def _swapped(turns: Sequence[Turn]) -> list[tuple[Turn, ...]]:
    """Let each turn change places with the next; its task's turns may then join."""
    return [
        (*turns[:n], turns[n + 1], turns[n], *turns[n + 2 :])
        for n in range(len(turns) - 1)
    ]


def _shortened(turns: Sequence[Turn]) -> list[tuple[Turn, ...]]:
    """Move a turn's last step, or all but its first, to the task's next turn."""
    variants = []
    for n, turn in enumerate(turns):
        if turn.steps > 1:
            variants += [
                (*turns[:n], attrs.evolve(turn, steps=steps), *turns[n + 1 :])
                for steps in (1, turn.steps // 2, turn.steps - 1)
            ]
    return variants


def _hoisted(turns: Sequence[Turn]) -> list[tuple[Turn, ...]]:
    """Let each turn come earlier, in the middle of the one before it.

    Without the fills and evictions: what they made possible may be possible there by
    itself.
    """
    plain = [turn for turn in turns if not turn.task.startswith(HARDWARE)]
    return [
        (
            *plain[: n - 1],
            attrs.evolve(plain[n - 1], steps=steps),
            plain[n],
            attrs.evolve(plain[n - 1], steps=plain[n - 1].steps - steps, values=()),
            *plain[n + 1 :],
        )
        for n in range(1, len(plain))
        for steps in range(1, plain[n - 1].steps)
    ]


PASSES = (_without_chunks, _without_one, _swapped, _shortened, _hoisted)
"""In this order, over and over, until none of them helps."""
