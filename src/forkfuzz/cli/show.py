"""``forkfuzz show``: a stored run in other forms."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from .exit import EXIT_CODES, Exit
from .fuzz import dir_option
from .output import echo, output_option, put_bytes, put_file

FORMS = (
    "race",
    "steps",
    "html",
    "pytest",
    "litmus",
    "mermaid",
    "svg",
    "perfetto",
    "junit",
    "sarif",
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
@click.option("--full", is_flag=True, help="race: everything that any task did.")
@output_option
@dir_option
@click.option("--original", is_flag=True, help="The run as found, before shrinking.")
def show(
    *,
    what: str,
    form: str,
    full: bool,
    target: Path | None,
    directory: Path,
    original: bool,
) -> int:
    """Show a stored run: SIG of the campaign's directory, or FILE, a schedule or record.

    race: the table for a commit message. steps: every step with what it changed.
    html: a page to step through it. pytest: a test that passes once it is fixed.
    litmus: the program as a litmus test. mermaid: a sequence diagram. svg: a picture.
    perfetto: a trace for ui.perfetto.dev. junit, sarif: for continuous integration.
    json: one record for each step and violation. schedule: the decisions; that of a
    test replays beside the test.
    """
    from .forms import render
    from .stored import open_stored

    if full and form != "race":
        msg = f"--full is for the table: --as race, not --as {form}"
        raise click.UsageError(msg)
    stored = open_stored(what, directory, original=original)
    document = render(form, stored, full=full)
    _put(document, form, target)
    return Exit.CLEAN


def _put(document: str | bytes, form: str, target: Path | None) -> None:
    """Write a document to a file, or to stdout."""
    if target is not None:
        data = document if isinstance(document, bytes) else f"{document}\n".encode()
        put_file(target, data)
    elif isinstance(document, str):
        echo(document)
    else:
        put_bytes(document, f"a {form.title()} trace")
