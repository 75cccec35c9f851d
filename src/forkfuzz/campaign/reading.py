"""Reading what a campaign's directory holds, as if an enemy had put it there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path

from forkfuzz.errors import FormatError

from .atomic import TEMPORARY
from .record import MAX_BYTES

HASH_DIGITS = 16


def input_name(data: bytes) -> str:
    """Return the file name of an input: the start of its SHA-256."""
    return hashlib.sha256(data).hexdigest()[:HASH_DIGITS]


def read_inputs(folder: Path, max_len: int) -> list[bytes]:
    """Return the inputs in *folder*, smallest first; none if there is no such folder.

    The order does not depend on the file system, so campaigns repeat elsewhere.

    Args:
        folder: Only regular files in it are read.
        max_len: Longer inputs are cut: the rest of a schedule decides nothing there.
    """
    inputs = set()
    for name in list_names(folder):
        with contextlib.suppress(FormatError):
            inputs.add(read_limited(folder / name)[:max_len])
    return sorted(inputs, key=lambda data: (len(data), data))


def read_limited(path: Path, limit: int = MAX_BYTES) -> bytes:
    """Return the contents of a regular file of at most *limit* bytes.

    Raises:
        FormatError: It is missing, something else, or larger.
    """
    try:
        # O_NONBLOCK, because opening a pipe would wait for its writer forever.
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb") as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                msg = f"{str(path)!r} is not a regular file"
                raise FormatError(msg)
            data = file.read(limit + 1)
    except OSError as error:
        msg = f"cannot read {str(path)!r}: {error.strerror or error}"
        raise FormatError(msg) from error
    if len(data) > limit:
        msg = f"{str(path)!r} is larger than {limit} bytes"
        raise FormatError(msg)
    return data


def list_names(folder: Path) -> list[str]:
    """Return the sorted names in *folder*, without temporaries; none if it is missing.

    Raises:
        FormatError: It cannot be read.
    """
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        msg = f"cannot read {str(folder)!r}: {error.strerror or error}"
        raise FormatError(msg) from error
    return sorted(name for name in names if not name.startswith(TEMPORARY))
