"""``forkfuzz replay --step``: go through a run in a terminal, and leave it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from forkfuzz.checkers import PROPERTIES
from forkfuzz.errors import ForkfuzzError, UsageError
from forkfuzz.harness.points import all_points
from forkfuzz.report import describe, printable, quoted, race_table
from forkfuzz.report.recording.states import Cells
from forkfuzz.stepper import (
    ANY,
    Stops,
    View,
    look,
    path_of,
    preview,
    run_on,
    schedule_of,
)

from .exit import say
from .output import echo

if TYPE_CHECKING:
    from forkfuzz.litmus import LitmusTest

    from .stored import Stored

HELP = """\
  Enter            take the step that the stored run takes, or the first one offered
  NUMBER           take another one
  b [N]            take back one step, or N
  g N              go to the end of step N of the run so far
  r [STRATEGY [SEED]]
                   let a strategy go on to the end, or a stop
  p [POINT]        stop before steps with this label; without, drop all stops
  v [PROPERTY]     stop once it is broken; without, once any is
  w                show the whole state
  t                show the race table of what is broken
  s FILE           save the run so far as a schedule
  q                leave"""

STRATEGY = "stay"
"""Goes on if no other is named."""


class Stepper:
    """Drives one run by lines of text.

    Args:
        stored: The run to begin with.
    """

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._program, self._rules = stored.program, stored.rules
        self._way = path_of(self._program, self._rules, stored.decisions)
        self._stops = Stops(properties=frozenset({ANY}))
        self.view = self._look(())

    def _look(self, path: tuple[int, ...]) -> View:
        return look(self._program, self._rules, path)

    def obey(self, line: str) -> Iterator[str]:
        """Do what a line says; return what to tell of it.

        Raises:
            UsageError: It says nothing that can be done.
        """
        word, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        if not word or _is_number(word):
            yield from self._step(word)
            return
        acts: dict[str, Callable[[str], Iterator[str]]] = {
            "b": self._back,
            "g": self._go,
            "r": self._run,
            "p": self._stop_at_point,
            "v": self._stop_at_property,
            "w": lambda _: self._state(),
            "t": lambda _: self._table(),
            "s": self._save,
            "?": lambda _: iter([HELP]),
        }
        if word not in acts:
            msg = f"{word[:20]!r} is no command, expected one of:\n{HELP}"
            raise UsageError(msg)
        yield from acts[word](rest)

    def where(self) -> Iterator[str]:
        """Tell the last step, and what can be done next."""
        view = self.view
        steps = view.recording.steps
        if steps:
            step = steps[-1]
            yield f"{step.number}  {step.task}  {step.label}"
            yield from (f"      {describe(event)}" for event in step.events)
        if view.question is None:
            yield f"the run is over: {view.recording.result.outcome.value}"
            return
        known = self._known()
        told = preview(self._program, self._rules, view)
        for number, option in enumerate(view.question.options):
            mark = ">" if number == known else " "
            name = f"{option.task}  {option.label}" if option.task else option.label
            if view.question.outcome:
                name = f"outcome of {option.label}"
            effect = f"   {'; '.join(told[number])}" if told[number] else ""
            yield f" {mark}{number:>2}  {name}{effect}"

    def _known(self) -> int:
        """Return what the stored run answers here; the first option if it went apart."""
        taken = len(self.view.path)
        on_its_way = self._way[:taken] == self.view.path
        return self._way[taken] if on_its_way and taken < len(self._way) else 0

    def _step(self, word: str) -> Iterator[str]:
        question = self.view.question
        if question is None:
            msg = "the run is over; b takes a step back"
            raise UsageError(msg)
        answer = _number(word) if word else self._known()
        if answer >= len(question.options):
            msg = f"{word} is not among the {len(question.options)} that are offered"
            raise UsageError(msg)
        self.view = self._look((*self.view.path, answer))
        yield from self.where()

    def _back(self, rest: str) -> Iterator[str]:
        yield from self._to(len(self.view.starts) - _number(rest or "1"))

    def _go(self, rest: str) -> Iterator[str]:
        yield from self._to(_number(rest))

    def _to(self, steps: int) -> Iterator[str]:
        """Go back to where *steps* were taken."""
        starts = (*self.view.starts, len(self.view.path))
        if not 0 <= steps < len(starts):
            msg = f"there is no step {steps} so far"
            raise UsageError(msg)
        self.view = self._look(self.view.path[: starts[steps]])
        yield from self.where()

    def _run(self, rest: str) -> Iterator[str]:
        from forkfuzz.strategies import make

        name, _, seed = (rest or STRATEGY).partition(" ")
        strategy = make(name, _number(seed.strip() or "0"))
        self.view = run_on(
            self._program, self._rules, self.view.path, strategy, self._stops
        )
        yield from self.where()
        yield from self._broken()

    def _broken(self) -> Iterator[str]:
        for violation in self.view.recording.result.violations:
            yield f"VIOLATION {violation.prop}: {violation.message}"

    def _stop_at_point(self, rest: str) -> Iterator[str]:
        if rest:
            _check_point(rest)
        points = self._stops.points | {rest} if rest else frozenset[str]()
        self._stops = attrs.evolve(self._stops, points=points)
        yield f"stops before: {', '.join(sorted(points)) or 'no point'}"

    def _stop_at_property(self, rest: str) -> Iterator[str]:
        if rest not in {"", ANY, *PROPERTIES}:
            expected = ", ".join((ANY, *PROPERTIES))
            msg = f"no property {rest[:40]!r}, expected {expected}"
            raise UsageError(msg)
        self._stops = attrs.evolve(self._stops, properties=frozenset({rest or ANY}))
        yield f"stops once broken: {rest or ANY}"

    def _state(self) -> Iterator[str]:
        cells: Cells = {}
        for moment in self.view.moments:
            cells.update(moment.cells)
        yield from (f"  {key}: {text}" for key, text in cells.items() if text)

    def _table(self) -> Iterator[str]:
        recording = self.view.recording
        yield from race_table(recording) or ["nothing is broken so far"]

    def _save(self, rest: str) -> Iterator[str]:
        from forkfuzz.campaign.atomic import write_file
        from forkfuzz.engine import dumps

        if not rest:
            msg = "s needs the name of a file"
            raise UsageError(msg)
        spec = self._stored.spec or self._program.name
        schedule = schedule_of(self.view, spec)
        if self._stored.test is not None:
            _put_beside(self._stored.test, Path(rest).parent / spec)
        write_file(Path(rest), dumps(schedule).encode())
        yield f"saved: forkfuzz replay {quoted(rest)}"


def _check_point(label: str) -> None:
    """Refuse a label that no point has.

    Raises:
        UsageError: The message lists those of the same function, if there are any.
    """
    points = sorted(all_points())
    if label not in points:
        function, colon, _ = label.partition(":")
        among = [point for point in points if point.startswith(f"{function}{colon}")]
        expected = ", ".join(among) if colon and among else "FUNCTION:WHAT-COMES-NEXT"
        msg = f"no point {label[:60]!r}, expected {expected}"
        raise UsageError(msg)


def _put_beside(test: LitmusTest, copy: Path) -> None:
    """Copy a test to where a schedule of it will look for it.

    Raises:
        UsageError: There is another one, or it cannot be read or written.
    """
    from forkfuzz.campaign.atomic import write_file
    from forkfuzz.campaign.reading import read_limited

    data = read_limited(Path(test.path))
    if not copy.exists():
        write_file(copy, data)
    elif read_limited(copy) != data:
        msg = f"{str(copy)!r} is another test than that of this run"
        raise UsageError(msg)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _number(text: str) -> int:
    if not _is_number(text) or len(text) > len("999999999"):
        msg = f"{text[:20]!r} is no number"
        raise UsageError(msg)
    return int(text)


def step_through(stored: Stored, lines: Iterator[str]) -> View:
    """Obey lines until one says to leave, or there are no more; return where that was."""
    stepper = Stepper(stored)
    for text in (*stepper.where(), "? for help"):
        echo(printable(text))
    for line in lines:
        if line.strip() == "q":
            break
        try:
            for text in stepper.obey(line):
                for part in text.split("\n"):
                    echo(printable(part))
        except ForkfuzzError as error:
            for part in str(error).split("\n"):
                say(printable(part))
    return stepper.view
