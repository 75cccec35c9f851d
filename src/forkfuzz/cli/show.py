"""``forkfuzz show``: a stored run in other forms."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from .exit import EXIT_CODES, Exit
from .fuzz import dir_option
from .output import echo

if TYPE_CHECKING:
    from forkfuzz.checkers import Violation
    from forkfuzz.report import Recording

    from .stored import Stored

FORMS = (
    "race",
    "steps",
    "html",
    "pytest",
    "litmus",
    "mermaid",
    "json",
    "schedule",
)


@click.command(epilog=EXIT_CODES)
@click.argument("what", metavar="SIG|FILE")
@click.option(
    "--as",
    "form",
    type=click.Choice(FORMS),
    default="race",
    show_default=True,
    help="In which form.",
)
@dir_option
@click.option("--original", is_flag=True, help="The run as found, before shrinking.")
def show(*, what: str, form: str, directory: Path, original: bool) -> int:
    """Show a stored run: SIG of the campaign's directory, or a schedule or record.

    race: the table for a commit message. steps: every step with what it changed.
    html: a page to step through it. pytest: a test that passes once it is fixed.
    litmus: the program as a litmus test. mermaid: a sequence diagram. json: one record
    for each step and violation. schedule: the decisions; that of a test replays beside
    the test.
    """
    from forkfuzz.report import record

    from .stored import open_stored

    stored = open_stored(what, directory, original=original)
    if form == "schedule":
        echo(_schedule(stored).rstrip("\n"))
        return Exit.CLEAN
    recording = record(stored.program, stored.rules, stored.decisions)
    stored.check_used(recording.result)
    violation = stored.violation(recording.result)
    for line in _lines(form, stored, recording, violation):
        echo(line.rstrip("\n"))
    return Exit.CLEAN


def _lines(
    form: str, stored: Stored, recording: Recording, violation: Violation | None
) -> Iterable[str]:
    """Return the run in a form, line by line or as a whole."""
    from forkfuzz.report import html_page, json_lines, step_list, violation_text

    from .forms import litmus_form, mermaid_form, pytest_form

    match form:
        case "race":
            return [violation_text(recording, violation, named=stored.name)]
        case "steps":
            return [step_list(recording)]
        case "html":
            return [html_page(recording, violation)]
        case "pytest":
            return [pytest_form(stored, recording, violation)]
        case "litmus":
            return [litmus_form(stored)]
        case "mermaid":
            return [mermaid_form(recording, violation)]
        case _:
            return json_lines(recording)


def _schedule(stored: Stored) -> str:
    from forkfuzz.engine import Schedule, dumps
    from forkfuzz.rules import format_rules

    header = {
        "scenario": stored.spec or stored.program.name,
        "rules": format_rules(stored.rules),
        "violates": stored.violates,
        "signature": stored.signature,
    }
    return dumps(Schedule(stored.decisions, {k: v for k, v in header.items() if v}))
