"""A group of commands, each imported when it is asked for, so that help is quick."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import ClassVar

import rich_click as click


class Verbs(click.RichGroup):
    """A group whose commands are named where they are.

    Attributes:
        verbs: Module below `forkfuzz.cli` and name of each command, in the order of
            the help.
    """

    verbs: ClassVar[Mapping[str, str]] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        where = self.verbs.get(cmd_name)
        if where is None:
            return None
        module, _, name = where.partition(":")
        command: click.Command = getattr(
            importlib.import_module(f"forkfuzz.cli.{module}"), name
        )
        return command
