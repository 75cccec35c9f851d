"""Values of options that click has no type for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import rich_click as click

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


class Whole(click.ParamType[int]):
    """A whole number in a range.

    Args:
        least: The smallest one.
        most: The largest one.
    """

    name = "whole number"

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Read a number."""
        text = str(value)
        number = int(text) if re.fullmatch(r"[0-9]{1,20}", text) else -1
        if not self._least <= number <= self._most:
            expected = f"a whole number from {self._least} to {self._most}"
            self.fail(f"{text[:40]!r}, expected {expected}")
        return number


class Duration(click.ParamType[float]):
    """A number of seconds: ``90``, ``90s``, ``1.5m``, ``2h``."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Read a duration."""
        text = str(value)
        found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smh]?)", text)
        if found is None or not float(found[1]):
            self.fail(f"{text[:40]!r}, expected a duration: 90, 90s, 1.5m or 2h")
        return float(found[1]) * _SECONDS[found[2]]


class Folder(click.Path):
    """A folder, there or not; an empty name is none, and not the current one."""

    def __init__(self, *, exists: bool = False) -> None:
        super().__init__(exists=exists, file_okay=False, path_type=Path)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Read the name of a folder."""
        if not str(value):
            self.fail("'', expected the name of a folder", param, ctx)
        return super().convert(value, param, ctx)
