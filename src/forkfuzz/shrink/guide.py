"""A schedule as turns, and a strategy that follows them as far as the run allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from forkfuzz.engine import CHOICE, Decision, RawDecision, Task


@attrs.frozen(slots=True)
class Turn:
    """Some steps of one task in a row.

    Attributes:
        task: Who.
        steps: How many.
        values: Outcomes chosen meanwhile, in order; 0 for those beyond.
    """

    task: str
    steps: int
    values: tuple[int, ...] = ()


def turns_of(
    decisions: Iterable[RawDecision], task_names: Sequence[str]
) -> tuple[Turn, ...]:
    """Return the turns of a run; those of one task in a row are one."""
    return _turns(
        ("" if task == CHOICE else task_names[task], value)
        for task, _label, _options, value in decisions
    )


def turns_of_decisions(decisions: Iterable[Decision]) -> tuple[Turn, ...]:
    """Return the turns of a stored schedule."""
    return _turns((decision.task, decision.value) for decision in decisions)


def _turns(decisions: Iterable[tuple[str, int]]) -> tuple[Turn, ...]:
    """Join (task name, 0) and ("", value of a choice) to turns."""
    turns: list[Turn] = []
    for task, value in decisions:
        last = turns[-1] if turns else Turn("", 0)
        if not task:
            turns[-1:] = [attrs.evolve(last, values=(*last.values, value))]
        elif task == last.task:
            turns[-1] = attrs.evolve(last, steps=last.steps + 1)
        else:
            turns.append(Turn(task, 1))
    return tuple(turns)


class Guide:
    """Follows turns; where a turn's task cannot go on, the next turn begins.

    After the last turn, and where none fits, the run goes on without preemption.

    Attributes:
        preemptions: How often a task was stopped that could have gone on.
    """

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._turns = turns
        self.begin()

    def begin(self) -> None:
        """Start over."""
        self._position = 0
        self._left = self._turns[0].steps if self._turns else 0
        self._values = list(self._turns[0].values) if self._turns else []
        self.preemptions = 0

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose the task of the present turn, or of the next one that can run."""
        chosen = self._follow(runnable)
        if chosen < 0:
            chosen = stay if stay >= 0 else _forced(runnable)
        if 0 <= stay != chosen:
            self.preemptions += 1
        return chosen

    def _follow(self, runnable: Sequence[Task]) -> int:
        while self._position < len(self._turns):
            turn = self._turns[self._position]
            if self._left:
                for index, task in enumerate(runnable):
                    if task.name == turn.task:
                        self._left -= 1
                        return index
            self._position += 1
            if self._position < len(self._turns):
                following = self._turns[self._position]
                self._left, self._values = following.steps, list(following.values)
        self._values = []
        return -1

    def next_value(self, label: str, options: int) -> int:
        """Choose what the turn chose here, as far as it fits."""
        value = self._values.pop(0) if self._values else 0
        return value if value < options else 0


def _forced(runnable: Sequence[Task]) -> int:
    """Choose who goes on when the last one cannot: acknowledgements, then threads."""
    for wanted in ("irq", "thread"):
        for index, task in enumerate(runnable):
            if (task.kind == "irq") == (wanted == "irq") and task.kind != "hardware":
                return index
    return 0
