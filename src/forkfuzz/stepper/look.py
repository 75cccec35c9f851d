"""Where a path leads: the run so far, its states, and what is asked next."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from forkfuzz.engine import Decision, Schedule, Strategy, Task
from forkfuzz.harness.result import RunResult
from forkfuzz.report import Camera, Moment, Recording, Tape, describe, printable
from forkfuzz.rules import Rules, format_rules
from forkfuzz.scenarios.program import Program
from forkfuzz.strategies import Replay

from .answers import Answers, Ask, AskedError, Stops, Until


@attrs.frozen(slots=True)
class Option:
    """One answer that can be given.

    Attributes:
        task: Who would take a step; empty for an outcome.
        label: The step, or what the outcome is about.
        obj: What the step touches; empty for nothing shared.
        stays: Whether it is the task that took the last step.
    """

    task: str
    label: str
    obj: str = ""
    stays: bool = False


@attrs.frozen(slots=True)
class Question:
    """What a run asks.

    Attributes:
        outcome: Whether it asks for what hardware does in the midst of a step, not for
            who goes next. Outcome 0 is the undramatic one.
        options: The answers, in order.
    """

    outcome: bool
    options: tuple[Option, ...]


@attrs.frozen(slots=True)
class View:
    """Where a path leads.

    Attributes:
        path: All answers up to here.
        starts: Where in them the one is that chose each step.
        recording: The run up to here.
        moments: What each step has changed, of those that were asked for.
        question: What is asked next; None if the run is over.
    """

    path: tuple[int, ...]
    starts: tuple[int, ...]
    recording: Recording
    moments: tuple[Moment, ...]
    question: Question | None


Then = Callable[[Ask, Callable[[], Sequence[str]]], Strategy]
"""Makes who answers what comes after a path, from who asks and what is broken."""


def look(
    program: Program, rules: Rules, path: Sequence[int], *, since: int = 0
) -> View:
    """Go a path and look where it leads.

    Args:
        program: What to run.
        rules: Under which rules.
        path: The answers; the end of the run may come before their end.
        since: Steps of which no moments are wanted.

    Raises:
        UsageError: A question has no such answer.
    """
    return _Tour(program, rules, path, since).go(lambda ask, _broken: ask)


def run_on(
    program: Program,
    rules: Rules,
    path: Sequence[int],
    strategy: Strategy,
    stops: Stops,
    *,
    since: int = 0,
) -> View:
    """Go a path, then let *strategy* decide until one of *stops*, or the end.

    Raises:
        UsageError: A question has no such answer.
    """
    return _Tour(program, rules, path, since).go(
        lambda ask, broken: Until(strategy, stops, broken, ask)
    )


def path_of(
    program: Program, rules: Rules, decisions: Sequence[Decision]
) -> tuple[int, ...]:
    """Return the path of a stored schedule, to the end of its run.

    Raises:
        ReplayError: The model does not offer what a decision asks for.
    """
    view = _Tour(program, rules, (), 0).go(lambda _ask, _broken: Replay(decisions))
    return view.path


def preview(program: Program, rules: Rules, view: View) -> list[list[str]]:
    """Return, for each option of a view's question, what its step would do."""
    if view.question is None:
        return []
    done = len(view.starts) - view.question.outcome
    told = []
    for answer in range(len(view.question.options)):
        there = look(program, rules, (*view.path, answer), since=done + 1)
        step = there.recording.steps[done]
        told.append([describe(event) for event in step.events])
    return told


def schedule_of(view: View, spec: str) -> Schedule:
    """Return a view's path as a schedule that can be stored and replayed.

    Args:
        view: Where the path leads.
        spec: How a schedule says which program it is for.
    """
    result = view.recording.result
    rules = format_rules(view.recording.rules)
    header = {"scenario": spec, "rules": rules}
    violation = result.headline()
    if violation is not None:
        header["violates"] = violation.prop
        header["signature"] = violation.signature(rules)
    return Schedule.of(result.decisions, result.task_names, header)


class _Tour:
    """One run along a path."""

    def __init__(
        self, program: Program, rules: Rules, path: Sequence[int], since: int
    ) -> None:
        self._program, self._rules, self._path = program, rules, path
        self._camera = Camera(since)
        self._tape: Tape
        self._answers: Answers
        self._view: View | None = None

    def go(self, then: Then) -> View:
        """Run, and return what there is to see where it stops."""
        ask = Ask(self._who_next, self._which_outcome)
        self._answers = Answers(self._path, then(ask, self._broken))
        self._answers.begin()
        self._tape = Tape(
            self._program, self._rules, self._answers, camera=self._camera
        )
        try:
            result = self._tape.run.execute()
        except AskedError:
            assert self._view is not None
            return self._view
        return self._look(result, None)

    def _broken(self) -> Sequence[str]:
        return [violation.prop for violation in self._tape.run.violations()]

    def _who_next(self, runnable: Sequence[Task], stay: int) -> None:
        options = tuple(
            Option(
                printable(task.name),
                printable(task.label),
                printable(task.access.obj),
                stays=i == stay,
            )
            for i, task in enumerate(runnable)
        )
        self._stop(Question(outcome=False, options=options))

    def _which_outcome(self, label: str, options: int) -> None:
        self._stop(Question(outcome=True, options=(Option("", label),) * options))

    def _stop(self, question: Question) -> None:
        # Before the tasks unwind, which may change what is to be seen.
        self._view = self._look(self._tape.run.result(), question)

    def _look(self, result: RunResult, question: Question | None) -> View:
        self._camera.take(result.steps)
        return View(
            tuple(self._answers.given),
            tuple(self._answers.starts),
            self._tape.recording(result),
            tuple(self._camera.moments),
            question,
        )
