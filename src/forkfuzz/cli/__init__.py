"""The command line: ``forkfuzz VERB``.

Each verb is a module of its own and imports what it needs when it runs, so that help
is quick.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from typing import ClassVar

import rich_click as click

from forkfuzz import __version__

from .exit import EXIT_CODES, Exit, code_for, say, terminable
from .verbs import Verbs

VERBS = {
    "demo": "demo:demo",
    "fuzz": "fuzz:fuzz",
    "replay": "replay:replay",
    "show": "show:show",
    "diff": "diff:diff",
    "explore": "explore:explore",
    "report": "report:report",
    "shrink": "shrink:shrink",
    "check": "check:check",
    "litmus": "litmus:litmus",
    "bisect": "bisect:bisect",
    "scenarios": "listing:scenarios",
    "rules": "listing:rules",
    "bench": "bench:bench",
}
"""Where each verb is: module and name of the command, in the order of the help."""


class _Verbs(Verbs):
    """All verbs."""

    verbs: ClassVar[Mapping[str, str]] = VERBS


@click.group(
    cls=_Verbs,
    epilog=EXIT_CODES,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="forkfuzz", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> int | None:
    """Find the interleaving that breaks fork()'s memory snapshot, and replay it."""
    if ctx.invoked_subcommand is not None:
        return None
    with contextlib.redirect_stdout(sys.stderr):  # nobody asked for a document
        click.echo(ctx.get_help())
    return Exit.USAGE


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with one of `Exit`."""
    if os.environ.get("NO_COLOR"):
        # Rich would keep bold and underlined text.
        click.rich_click.COLOR_SYSTEM = None
    with terminable() as terminated:
        code = _flushed(_run(arguments))
    if terminated and code == Exit.INTERRUPTED:
        code = Exit.TERMINATED
    sys.exit(code)


def _run(arguments: list[str] | None) -> int:
    try:
        code = cli.main(arguments, prog_name="forkfuzz", standalone_mode=False)
    except BrokenPipeError:
        return Exit.CLEAN  # whoever read us has seen enough
    except BaseException as error:
        return _code_of_exit(error)
    return code or Exit.CLEAN


def _code_of_exit(error: BaseException) -> int | Exit:
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code
    return code_for(error)


def _flushed(code: int) -> int:
    """Write out what is buffered; return *code*, or what went wrong meanwhile."""
    try:
        sys.stdout.flush()
    except OSError as error:
        # What could not be written would be tried again, loudly, at the very end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        told = code not in {Exit.CLEAN, Exit.VIOLATION}
        if not (told or isinstance(error, BrokenPipeError)):
            say(f"forkfuzz: cannot write the output: {error.strerror}")
            return Exit.USAGE
    return code
