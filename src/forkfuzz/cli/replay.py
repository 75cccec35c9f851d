"""``forkfuzz replay``: run a stored schedule again."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from forkfuzz.counting import counted
from forkfuzz.errors import UsageError

from .exit import EXIT_CODES, Exit
from .exploring import echo_wrapped
from .fuzz import dir_option, driver_option
from .output import echo, json_option, put_json

if TYPE_CHECKING:
    from forkfuzz.harness import Run, RunResult
    from forkfuzz.litmus import Observation

    from .stored import Stored


@click.command(epilog=EXIT_CODES)
@click.argument("what", metavar="SIG|FILE")
@dir_option
@driver_option
@click.option(
    "--rules",
    metavar="R",
    help="Try the schedule under other rules, as far as it fits there.",
)
@click.option("--original", is_flag=True, help="The run as found, before shrinking.")
@click.option(
    "--step", "by_step", is_flag=True, help="Go through it step by step, and leave it."
)
@json_option
def replay(
    *,
    what: str,
    directory: Path,
    driver: Any,
    rules: str | None,
    original: bool,
    by_step: bool,
    as_json: bool,
) -> int:
    """Run a stored schedule again, and say whether the violation is still there.

    SIG is the signature of a crash in the campaign's directory, FILE a schedule or a
    record. A schedule that no longer fits the model is an error (2) that names
    the step; with --rules it is followed as far as it goes. Of a litmus test the end
    of the run is shown too. With --step, which reads commands from the standard input,
    a person can take any other step; exit code 1: the run left behind is broken.
    """
    from .stored import open_stored

    if by_step and (as_json or rules is not None):
        msg = "--step goes with neither --json nor --rules"
        raise UsageError(msg)
    stored = open_stored(what, directory, original=original)
    if by_step:
        return _by_step(stored)
    run, result = _execute(stored, driver, rules)
    end = _end(stored, run)
    reproduces = _matches(stored, result, rules)
    if as_json:
        put_json(
            {
                "reproduces": reproduces,
                "outcome": result.outcome.value,
                "steps": result.steps,
                "digest": result.digest(),
                "violations": [
                    {"property": v.prop, "message": v.message, "step": v.step}
                    for v in result.violations
                ],
                "end": end and _values(end),
            }
        )
    else:
        _tell(stored, result, rules, reproduces=reproduces)
        if end is not None:
            echo_wrapped(f"  ends in: {end}")
    return Exit.VIOLATION if reproduces else Exit.CLEAN


def _by_step(stored: Stored) -> int:
    from .stepping import step_through

    view = step_through(stored, iter(sys.stdin.readline, ""))
    return Exit.VIOLATION if view.recording.result.violations else Exit.CLEAN


def _end(stored: Stored, run: Run) -> Observation | None:
    """Return what a run of a litmus test came to, as far as the test looks at it."""
    from forkfuzz.engine import Outcome
    from forkfuzz.litmus import observables, observe

    if stored.test is None or run.machine.outcome is not Outcome.FINISHED:
        return None
    return observe(run, observables(stored.test)) if observables(stored.test) else None


def _values(end: Observation) -> dict[str, Any]:
    places = zip(end.places, end.values, strict=True)
    return {place.text: value for place, value in places}


def _execute(stored: Stored, driver: Any, rules: str | None) -> tuple[Run, RunResult]:
    from forkfuzz.harness import Run
    from forkfuzz.harness.target import open_driver
    from forkfuzz.rules import parse_rules
    from forkfuzz.shrink import Guide, turns_of_decisions
    from forkfuzz.strategies import Replay

    with contextlib.ExitStack() as stack:
        drive = open_driver(driver, stack)
        if rules is None:
            strategy: Any = Replay(stored.decisions)
            under = stored.rules
        else:
            strategy = Guide(turns_of_decisions(stored.decisions))
            under = parse_rules(rules)
        strategy.begin()
        run = Run(stored.program, under, strategy)
        result = run.execute(drive)
    if rules is None:
        stored.check_used(result)
    return run, result


def _matches(stored: Stored, result: RunResult, rules: str | None) -> bool:
    """Return whether the stored violation is there.

    Under other rules it cannot have the same signature; the property must do.
    """
    if rules is None or not stored.violates:
        return stored.violation(result) is not None
    return any(violation.prop == stored.violates for violation in result.violations)


def _tell(
    stored: Stored, result: RunResult, rules: str | None, *, reproduces: bool
) -> None:
    from forkfuzz.report import printable, record, violation_text

    name, what = printable(stored.name), printable(stored.violates)
    steps = f"({counted(result.steps, 'step')})"
    if not reproduces:
        under = f" under {printable(rules)}" if rules else ""
        said = f"{what} does not reproduce" if what else "no violation"
        echo(f"{name}: {said}{under} {steps}")
        for violation in result.violations:
            echo(f"  but: {violation.prop}: {violation.message}")
        return
    if rules is None:
        recording = record(stored.program, stored.rules, stored.decisions)
        found = stored.violation(recording.result)
        echo(violation_text(recording, found, named=stored.words))
        echo()
    headline = result.headline()
    what = what or (headline.prop if headline else "")
    echo(f"{name}: {what} reproduces {steps}")
