"""``forkfuzz replay``: run a stored schedule again."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from .exit import EXIT_CODES, Exit
from .fuzz import dir_option, driver_option
from .output import echo, json_option, put_json

if TYPE_CHECKING:
    from forkfuzz.harness import RunResult

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
@json_option
def replay(
    *,
    what: str,
    directory: Path,
    driver: Any,
    rules: str | None,
    original: bool,
    as_json: bool,
) -> int:
    """Run a stored schedule again, and say whether the violation is still there.

    WHAT is the signature of a crash in the campaign's directory, or a file: a schedule
    or a record. A schedule that no longer fits the model is an error (2) that names
    the step; with --rules it is followed as far as it goes.
    """
    from .stored import open_stored

    stored = open_stored(what, directory, original=original)
    result = _execute(stored, driver, rules)
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
            }
        )
        return Exit.VIOLATION if reproduces else Exit.CLEAN
    return _tell(stored, result, rules, reproduces=reproduces)


def _execute(stored: Stored, driver: Any, rules: str | None) -> RunResult:
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
        result = Run(stored.program, under, strategy).execute(drive)
    if rules is None:
        stored.check_used(result)
    return result


def _matches(stored: Stored, result: RunResult, rules: str | None) -> bool:
    """Return whether the stored violation is there.

    Under other rules it cannot have the same signature; the property must do.
    """
    if rules is None or not stored.violates:
        return stored.violation(result) is not None
    return any(violation.prop == stored.violates for violation in result.violations)


def _tell(
    stored: Stored, result: RunResult, rules: str | None, *, reproduces: bool
) -> int:
    from forkfuzz.report import printable, record, violation_text

    name, what = printable(stored.name), printable(stored.violates) or "a violation"
    if not reproduces:
        under = f" under {printable(rules)}" if rules else ""
        echo(f"{name}: {what} does not reproduce{under} ({result.steps} steps)")
        for violation in result.violations:
            echo(f"  but: {violation.prop}: {violation.message}")
        return Exit.CLEAN
    if rules is None:
        recording = record(stored.program, stored.rules, stored.decisions)
        echo(violation_text(recording, stored.violation(recording.result)))
        echo()
    echo(f"{name}: {what} reproduces ({result.steps} steps)")
    return Exit.VIOLATION
