"""``forkfuzz show``: a stored run in other forms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from .exit import EXIT_CODES, Exit
from .fuzz import dir_option
from .output import echo

if TYPE_CHECKING:
    from .stored import Stored

FORMS = ("race", "steps", "html", "litmus", "json", "schedule")


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
    html: a page to step through it. litmus: the program as a litmus test. json: one record for each step and violation.
    schedule: the decisions; that of a test replays beside the test.
    """
    from forkfuzz.engine import Schedule, dumps
    from forkfuzz.report import html_page, json_lines, record, step_list, violation_text
    from forkfuzz.rules import format_rules

    from .stored import open_stored

    stored = open_stored(what, directory, original=original)
    if form == "schedule":
        header = {
            "scenario": stored.spec or stored.program.name,
            "rules": format_rules(stored.rules),
            "violates": stored.violates,
            "signature": stored.signature,
        }
        schedule = Schedule(stored.decisions, {k: v for k, v in header.items() if v})
        echo(dumps(schedule).rstrip("\n"))
        return Exit.CLEAN
    if form == "litmus":
        echo(_as_test(stored).rstrip("\n"))
        return Exit.CLEAN
    recording = record(stored.program, stored.rules, stored.decisions)
    stored.check_used(recording.result)
    if form == "race":
        violation = stored.violation(recording.result)
        echo(violation_text(recording, violation, named=stored.name))
    elif form == "steps":
        echo(step_list(recording))
    elif form == "html":
        echo(html_page(recording, stored.violation(recording.result)).rstrip("\n"))
    else:
        for line in json_lines(recording):
            echo(line)
    return Exit.CLEAN


def _as_test(stored: Stored) -> str:
    """Return the program as a litmus test that claims what the run shows."""
    from forkfuzz.litmus import format_test
    from forkfuzz.rules import format_rules

    name = stored.test.name if stored.test else stored.program.name.split()[0]
    claims = [f"violates {stored.violates}"] if stored.violates else []
    return format_test(
        name, stored.program, format_rules(stored.rules), assertions=claims
    )
