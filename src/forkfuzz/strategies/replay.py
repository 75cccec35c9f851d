"""Replay: what a stored schedule says, as long as the model still agrees with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from forkfuzz.engine import Decision, Strategy, Task
from forkfuzz.errors import ReplayError

_CHANGED = "the model has changed since the schedule was recorded"


class Replay:
    """Obeys stored decisions, then another strategy.

    Each decision is checked before it is obeyed: the task must be runnable and stand
    at the stored label, and there must be as many answers as there were.

    Args:
        decisions: The prefix to obey.
        then: Who decides afterwards. Without it, the current task goes on while it
            can, then the first runnable one, and outcomes are 0.
    """

    def __init__(
        self, decisions: Sequence[Decision], then: Strategy | None = None
    ) -> None:
        self._decisions = tuple(decisions)
        self._then = then
        self._position = 0

    @property
    def remaining(self) -> int:
        """How many stored decisions the run has not asked for."""
        return len(self._decisions) - self._position

    def begin(self) -> None:
        """Start again with the first decision."""
        self._position = 0
        if self._then is not None:
            self._then.begin()

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose the task that the schedule names.

        Raises:
            ReplayError: It cannot run, or the run differs from the recorded one.
        """
        if not self.remaining:
            if self._then is not None:
                return self._then.next_task(runnable, stay)
            return max(stay, 0)
        wanted = self._decisions[self._position]
        names = ", ".join(task.name for task in runnable)
        if not wanted.task:
            self._refuse(f"the run asks who is next of {names}")
        found = [i for i, task in enumerate(runnable) if task.name == wanted.task]
        if not found:
            self._refuse(f"only {names} can run")
        index = found[0]
        label = runnable[index].label
        if label != wanted.label:
            self._refuse(f"{wanted.task} stands at {label}")
        if len(runnable) != wanted.options:
            among = f" as one of {wanted.options}"
            self._refuse(f"{len(runnable)} can run: {names}", among)
        self._position += 1
        return index

    def next_value(self, label: str, options: int) -> int:
        """Choose the outcome that the schedule names.

        Raises:
            ReplayError: The run asks for something else than the recorded one.
        """
        if not self.remaining:
            return 0 if self._then is None else self._then.next_value(label, options)
        wanted = self._decisions[self._position]
        if wanted.task or (wanted.label, wanted.options) != (label, options):
            self._refuse(f"the run asks for one of {options} outcomes of {label}")
        self._position += 1
        return wanted.value

    def _refuse(self, found: str, among: str = "") -> NoReturn:
        step = self._position
        wanted = self._decisions[step]
        if wanted.task:
            what = f"{wanted.task} at {wanted.label}{among}"
        else:
            what = f"outcome {wanted.value} of {wanted.options} of {wanted.label}"
        msg = f"schedule step {step} wants {what}, but {found}; {_CHANGED}"
        raise ReplayError(msg, step=step)
