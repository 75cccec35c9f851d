"""``forkfuzz explore``: drive a run by hand, in a browser."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from forkfuzz.errors import UsageError

from .exit import EXIT_CODES, Exit, say
from .fuzz import dir_option
from .output import echo
from .types import Whole


@click.command(epilog=EXIT_CODES)
@click.argument("what", metavar="SCENARIO|SIG|FILE")
@click.option(
    "--rules",
    metavar="R",
    help="For a scenario or a litmus test; by default seed, or those of the test.",
)
@dir_option
@click.option("--original", is_flag=True, help="The run as found, before shrinking.")
@click.option(
    "--port",
    type=Whole(0, 65535),
    default=0,
    metavar="N",
    help="On the loopback interface; by default any that is free.",
)
def explore(
    *, what: str, rules: str | None, directory: Path, original: bool, port: int
) -> int:
    """Serve a page to this machine on which a person decides who goes next.

    SCENARIO is such as mp or mp:pages=3; FILE is a litmus test, or, as SIG is, a stored
    run, whose steps are there to go along and to leave. The page takes steps back, lets
    a strategy go on until a point or a violation, and saves a schedule for forkfuzz
    replay. Ctrl-C ends it.
    """
    from .subject import open_subject

    stored = open_subject(what, directory, rules, original=original)
    try:
        from forkfuzz.stepper.server import serve_site
        from forkfuzz.stepper.site import Subject
    except ImportError as error:
        msg = f"explore needs {error.name}: in a clone, pip install '.[web]'"
        raise UsageError(msg) from error
    from forkfuzz.stepper import path_of

    path: tuple[int, ...] = ()
    if stored.decisions:
        path = path_of(stored.program, stored.rules, stored.decisions)
    spec = stored.spec or stored.program.name
    subject = Subject(stored.program, stored.rules, path, spec)
    try:
        serve_site(subject, port, _tell)
    except BrokenPipeError:  # nobody reads the address
        raise
    except OSError as error:
        msg = f"cannot serve on port {port}: {error.strerror or error}"
        raise UsageError(msg) from error
    say("explore: ended")
    return Exit.CLEAN


def _tell(address: str) -> None:
    """Write the address; whoever waits for it must see it at once."""
    echo(address, flush=True)
    say("explore: open this address in a browser; Ctrl-C ends")
