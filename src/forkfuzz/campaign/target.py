"""How a campaign, and its worker process, find the target that they fuzz."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import cast

from forkfuzz.errors import UsageError
from forkfuzz.harness.target import (
    FEEDBACK_BYTES,
    NAME_PATTERN,
    Feedback,
    Name,
    Target,
    TargetSpec,
)

DEFAULT_OPENER = "forkfuzz.harness:open_target"

Opener = Callable[[TargetSpec], Target]

__all__ = [
    "DEFAULT_OPENER",
    "FEEDBACK_BYTES",
    "NAME_PATTERN",
    "Feedback",
    "Name",
    "Opener",
    "Target",
    "TargetSpec",
    "find_opener",
]


def find_opener(path: str) -> Opener:
    """Import the function that opens targets.

    Args:
        path: ``module:function``. It comes from the program, never from a file: what
            is read from disk chooses scenarios by name and imports nothing.

    Raises:
        UsageError: There is no such function.
    """
    module, _, function = path.partition(":")
    try:
        opener = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        msg = f"no target opener {path!r}: {error}"
        raise UsageError(msg) from error
    return cast("Opener", opener)
