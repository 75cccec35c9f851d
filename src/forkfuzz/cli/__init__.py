"""The command line: ``forkfuzz VERB``.

Each verb is a module of its own and imports what it needs when it runs, so that help
is quick.
"""

from __future__ import annotations

import os
import sys

import rich_click as click

from forkfuzz import __version__

from .exit import EXIT_CODES, Exit, code_for

VERBS = {
    "demo": "demo:demo",
    "fuzz": "fuzz:fuzz",
    "replay": "replay:replay",
    "show": "show:show",
    "scenarios": "listing:scenarios",
    "rules": "listing:rules",
    "bench": "bench:bench",
}
"""Where each verb is: module and name of the command, in the order of the help."""


class _Verbs(click.RichGroup):
    """A group that imports a verb when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        where = VERBS.get(cmd_name)
        if where is None:
            return None
        import importlib

        module, _, name = where.partition(":")
        command: click.Command = getattr(
            importlib.import_module(f"forkfuzz.cli.{module}"), name
        )
        return command


@click.group(
    cls=_Verbs,
    help="Find the interleaving that breaks fork()'s memory snapshot, and replay it.\n"
    + EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="forkfuzz", message="%(prog)s %(version)s")
def cli() -> None:
    """Hold the verbs."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with one of `Exit`."""
    try:
        code = cli.main(arguments, prog_name="forkfuzz", standalone_mode=False)
    except BrokenPipeError:
        # Whoever read us has seen enough. Python would complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = Exit.CLEAN
    except BaseException as error:
        code = error.code if isinstance(error, SystemExit) else code_for(error)
    sys.exit(code)
