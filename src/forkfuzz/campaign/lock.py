"""One writer for a campaign's directory.

The kernel drops the lock when its holder dies, so there is no stale lock to break: the
number in the file only says whom to blame.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from forkfuzz.errors import UsageError


@contextlib.contextmanager
def sole_writer(path: Path) -> Iterator[None]:
    """Hold the lock file *path*, or fail at once.

    Raises:
        UsageError: Another process holds it, or it cannot be made.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        msg = f"{str(path.parent)!r} is in use by {_holder(path)}"
        raise UsageError(msg) from error
    except OSError as error:
        msg = f"cannot lock {str(path)!r}: {error.strerror or error}"
        raise UsageError(msg) from error
    try:
        _sign(path)
        yield
    finally:
        lock.release()


def _sign(path: Path) -> None:
    # In place, because the lock belongs to the inode. Nothing is lost if this fails:
    # the file may be unreadable, but it is still locked.
    with contextlib.suppress(OSError):
        path.write_text(f"{os.getpid()}\n", encoding="ascii")


def _holder(path: Path) -> str:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    if text.isdecimal():
        return f"process {text}; wait for it, or choose another directory"
    return "another process; wait for it, or choose another directory"
