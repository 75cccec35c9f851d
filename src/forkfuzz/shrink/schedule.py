"""Make a schedule plainer: fewer preemptions, then fewer steps, same violation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from forkfuzz.counting import counted
from forkfuzz.engine import Schedule
from forkfuzz.errors import InternalError, ReplayError
from forkfuzz.harness.result import RunResult
from forkfuzz.harness.run import Run
from forkfuzz.rules import Rules, format_rules
from forkfuzz.scenarios.program import Program
from forkfuzz.strategies import Replay

from .attempt import HARDWARE, Attempt, Attempts
from .guide import Turn, turns_of


@attrs.frozen(slots=True)
class Shrunk:
    """A plainer run with the same violation.

    Attributes:
        program: What ran, which may be smaller than what was found.
        result: The run.
        preemptions: How often a task was stopped that could have gone on.
        steps_before: Steps of the run that was shrunk.
        preemptions_before: Its preemptions.
        proved: How many states were looked at to prove that no run of the program
            with fewer preemptions shows the violation; 0 if that is not known.
    """

    program: Program
    result: RunResult
    preemptions: int
    steps_before: int
    preemptions_before: int
    proved: int = 0

    @classmethod
    def of(cls, best: Attempt, found: RunResult, preemptions: int) -> Shrunk:
        """Return what a run with so many preemptions was shrunk to."""
        return cls(
            best.program, best.result, best.preemptions, found.steps, preemptions
        )

    def __str__(self) -> str:
        """Return what shrinking has come to, in the words of a report."""
        text = (
            f"shrunk {self.steps_before} -> {counted(self.result.steps, 'step')}, "
            f"{self.preemptions_before} -> {counted(self.preemptions, 'preemption')}"
        )
        if self.proved and self.preemptions:
            text += f", none with fewer ({counted(self.proved, 'state')})"
        return text


def shrink_schedule(
    program: Program, rules: Rules, result: RunResult, signature: str
) -> Shrunk:
    """Return the plainest run found of the same program that shows the violation.

    Turns are dropped, swapped and shortened as long as that helps.

    Args:
        program: What ran.
        rules: Under which rules.
        result: The run to start from.
        signature: Identity of the violation to keep.

    Raises:
        InternalError: The run does not repeat.
    """
    attempts = Attempts(rules, signature)
    found = first_attempt(program, result, attempts)
    return Shrunk.of(plainer_turns(found, attempts), result, found.preemptions)


def again(
    shrunk: Shrunk, program: Program, rules: Rules, signature: str
) -> Shrunk | None:
    """Return the same run of an equal program whose threads may have other names.

    Returns:
        None if it is not the same there.
    """
    names = [task.name for task in Run(program, rules, Replay(())).machine.tasks]
    result = shrunk.result
    if len(names) != len(result.task_names):
        return None
    decisions = Schedule.of(result.decisions, names).decisions
    try:
        repeated = Run(program, rules, Replay(decisions)).execute()
    except ReplayError:
        return None
    spelled = format_rules(rules)
    if all(v.signature(spelled) != signature for v in repeated.violations):
        return None
    return attrs.evolve(shrunk, program=program, result=repeated)


def first_attempt(program: Program, result: RunResult, attempts: Attempts) -> Attempt:
    """Return the run that there is.

    Raises:
        InternalError: It does not repeat.
    """
    found = attempts.make(program, turns_of(result.decisions, result.task_names))
    if found is None:
        msg = f"forkfuzz bug: the run with {attempts.signature} does not repeat"
        raise InternalError(msg)
    return found


def plainer_turns(best: Attempt, attempts: Attempts) -> Attempt:
    """Take every variant of the turns that is plainer, until none is."""
    improved = True
    while improved and not attempts.spent:
        improved = False
        for variants in PASSES:
            best, better = _descend(best, attempts, variants)
            improved |= better
    return best


def _descend(
    best: Attempt,
    attempts: Attempts,
    variants: Callable[[Sequence[Turn]], list[tuple[Turn, ...]]],
) -> tuple[Attempt, bool]:
    """Take every variant that is plainer, and go on from there."""
    improved = False
    position = 0
    candidates = variants(best.turns)
    while position < len(candidates) and not attempts.spent:
        attempt = attempts.make(best.program, candidates[position])
        if attempt is not None and attempt.cost() < best.cost():
            best, improved = attempt, True
            candidates = variants(best.turns)
        else:
            position += 1
    return best, improved


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


def _undramatic(turns: Sequence[Turn]) -> list[tuple[Turn, ...]]:
    """Let hardware do the ordinary thing, each time that it did the other."""
    return [
        (*turns[:n], attrs.evolve(turn, values=values), *turns[n + 1 :])
        for n, turn in enumerate(turns)
        for position, value in enumerate(turn.values)
        if value
        for values in [(*turn.values[:position], 0, *turn.values[position + 1 :])]
    ]


PASSES = (
    _without_chunks,
    _without_one,
    _undramatic,
    _swapped,
    _shortened,
    _hoisted,
)
"""In this order, over and over, until none of them helps."""
