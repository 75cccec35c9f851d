"""Processes that another one started: which they are, and whether they end."""

from __future__ import annotations

import os
import select
from pathlib import Path

PATIENCE = 10.0
"""Seconds after which a process counts as one that does not end."""


def children(pid: int) -> list[int]:
    """Return the children of a process."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(word) for word in text.split()]


def watch(pid: int) -> _Descriptor:
    """Return a descriptor that tells when a process ends."""
    return _Descriptor(os.pidfd_open(pid))


class _Descriptor:
    """A descriptor that is closed at the end of a block."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __enter__(self) -> int:
        return self._fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def has_ended(pidfd: int) -> bool:
    """Wait for the end of a process, and return whether it came."""
    return bool(select.select([pidfd], [], [], PATIENCE)[0])
