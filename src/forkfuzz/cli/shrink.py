"""``forkfuzz shrink``: make a stored run plainer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from forkfuzz.errors import UsageError

from .exit import EXIT_CODES, Exit
from .fuzz import dir_option
from .output import echo, json_option, put_json
from .types import Folder

if TYPE_CHECKING:
    from .minimal import Minimal
    from .stored import Stored

SCHEDULE = "minimal.schedule"


@click.command(epilog=EXIT_CODES)
@click.argument("what", metavar="SIG|FILE")
@dir_option
@click.option(
    "--to",
    "folder",
    metavar="DIR",
    type=Folder(),
    help="Where to write the result.  [default: of SIG where it is, of FILE .]",
)
@json_option
def shrink(*, what: str, directory: Path, folder: Path | None, as_json: bool) -> int:
    """Make a stored run plainer, and keep its violation.

    Threads, statements, pages and words are left out, then preemptions and steps. The
    result is a litmus test, where the language can say it, and a schedule, written to
    DIR. Without --to, what SIG of the campaign's directory was shrunk to is replaced.
    A FILE is a schedule or a record. Exit code 1: the violation is in what was written.
    """
    from forkfuzz.report import printable

    from .stored import open_stored

    stored = open_stored(what, directory, original=True)
    minimal, prop, signature = _minimize(stored)
    header = _header(stored, minimal, prop, signature)
    target = _write(stored, minimal, header, directory, folder, signature)
    shrunk = minimal.shrunk
    if as_json:
        put_json(
            {
                "signature": signature,
                "schedule": str(target),
                "steps": shrunk.result.steps,
                "preemptions": shrunk.preemptions,
                "proved": shrunk.proved,
                "test": minimal.test,
            }
        )
        return Exit.VIOLATION
    if minimal.test:
        echo(minimal.test)
    echo(f"{printable(stored.name)}: {prop} {shrunk}")
    echo(f"  written to {printable(str(target))}")
    return Exit.VIOLATION


def _minimize(stored: Stored) -> tuple[Minimal, str, str]:
    """Return the run made plainer, its property and its signature."""
    from forkfuzz.harness import Run
    from forkfuzz.strategies import Replay

    from .minimal import minimize

    result = Run(stored.program, stored.rules, Replay(stored.decisions)).execute()
    stored.check_used(result)
    violation = stored.violation(result)
    if violation is None:
        msg = f"{stored.name!r} has no violation to keep"
        raise UsageError(msg)
    signature = violation.signature(_rules(stored))
    minimal = minimize(
        stored.program, stored.rules, result, prop=violation.prop, signature=signature
    )
    return minimal, violation.prop, signature


def _header(
    stored: Stored, minimal: Minimal, prop: str, signature: str
) -> dict[str, str]:
    from .minimal import title_of

    rules = _rules(stored)
    header = {"rules": rules, "violates": prop, "signature": signature}
    for violation in minimal.shrunk.result.violations:
        if violation.signature(rules) == signature:
            header["title"] = title_of(violation.message)
    return header


def _rules(stored: Stored) -> str:
    from forkfuzz.rules import format_rules

    return format_rules(stored.rules)


def _write(
    stored: Stored,
    minimal: Minimal,
    header: dict[str, str],
    directory: Path,
    folder: Path | None,
    signature: str,
) -> Path:
    """Write the run, and its test if there is one; return where the run is."""
    from forkfuzz.campaign import Campaign
    from forkfuzz.campaign.atomic import write_file
    from forkfuzz.engine import dumps

    from .minimal import TEST
    from .witnesses import make_folder

    if folder is None:
        in_campaign = stored.record is not None and stored.name == signature
        campaign = Campaign(directory)
        folder = campaign.crash_folder(signature) if in_campaign else Path()
    make_folder(folder)
    spec = stored.spec or stored.program.name
    schedule = minimal.schedule({"scenario": spec, **header})
    if minimal.test:
        write_file(folder / TEST, minimal.test.encode())
    write_file(folder / SCHEDULE, dumps(schedule).encode())
    return folder / SCHEDULE
