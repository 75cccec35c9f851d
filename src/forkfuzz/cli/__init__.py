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

from .exit import EXIT_CODES, Exit, code_for, terminable
from .output import flush, whole_writes
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
    _replace_closed_streams()
    with terminable() as terminated, whole_writes():
        code = _flushed(_run(arguments))
    if terminated and code == Exit.INTERRUPTED:
        code = Exit.TERMINATED
    sys.exit(code)


def _replace_closed_streams() -> None:
    """Give a file to each standard stream that was closed, so that no other takes its place.

    Writing to the standard output then fails; messages that nobody wants are lost.
    """
    for name, mode, flag in (
        ("stdin", "r", os.O_RDONLY),
        ("stdout", "w", os.O_RDONLY),
        ("stderr", "w", os.O_WRONLY),
    ):
        if getattr(sys, name) is None:
            fd = os.open(os.devnull, flag)
            setattr(sys, name, os.fdopen(fd, mode, encoding="utf-8", closefd=False))


def _run(arguments: list[str] | None) -> int:
    try:
        code = cli.main(arguments, prog_name="forkfuzz", standalone_mode=False)
    except BaseException as error:
        return _code_of_exit(error)
    return code or Exit.CLEAN


def _code_of_exit(error: BaseException) -> int | Exit:
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        # Click makes 1 of a reader that has left, which stands for a violation here.
        left = isinstance(error.__context__, BrokenPipeError)
        return Exit.UNREAD if left else error.code
    return code_for(error)


def _flushed(code: int) -> int:
    """Write out what is buffered; return *code*, or what went wrong meanwhile."""
    error = flush(sys.stdout)
    told = code not in {Exit.CLEAN, Exit.VIOLATION}
    if error is not None and not told:
        # Also of a reader that left: when it did, and how much is written at a time,
        # must not decide.
        code = code_for(error)
    flush(sys.stderr)
    return code
