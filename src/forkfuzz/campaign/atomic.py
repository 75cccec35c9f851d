"""Files that appear whole or not at all, whatever is killed and whatever is full.

Everything is first written under a temporary name in the same folder, flushed to the
disk, then renamed; the folder is flushed last. A crash of the machine or of the process
leaves at most a temporary, which `sweep` removes at the next start.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from forkfuzz.errors import UsageError

TEMPORARY = ".tmp-"
"""How the name of a temporary starts; no other file's name does."""

NOTHING = r"(?!)"
"""Pattern of no name."""


def write_file(path: Path, data: bytes) -> None:
    """Put *data* into the file *path*, replacing what it held.

    Raises:
        UsageError: The system refused; *path* is as it was, or already new.
    """
    with _explain(path):
        _write(path.parent, {path.name: data})


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put *files* into *folder*, each whole or not at all; flush the folder once.

    Raises:
        UsageError: The system refused; each file is as it was, or already new.
    """
    with _explain(folder):
        _write(folder, files)


def write_tree(path: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder *path* with *files* in it; it must not exist, or be empty.

    Raises:
        UsageError: The system refused; the folder is not there, or already whole.
    """
    temporary = _temporary_for(path)
    with _explain(path), _removing(temporary):
        os.mkdir(temporary)
        for name, data in files.items():
            _write_new(temporary / name, data)
        _flush_folder(temporary)
        os.rename(temporary, path)
        _flush_folder(path.parent)


def append_line(path: Path, line: bytes) -> None:
    """Add *line* and a newline to the file *path*, all of it or nothing.

    Raises:
        UsageError: The system refused; *path* ends where it did.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    with _explain(path):
        fd = os.open(path, flags, 0o666)
        try:
            size = os.fstat(fd).st_size
            try:
                _write_all(fd, line + b"\n")
                os.fsync(fd)
            except BaseException:
                # If this fails too, `drop_torn_line` does it at the next start.
                with contextlib.suppress(OSError):
                    os.ftruncate(fd, size)
                raise
        finally:
            os.close(fd)


def drop_torn_line(path: Path) -> None:
    """Cut off what stands after the last newline of *path*: a killed writer's rest.

    Raises:
        UsageError: The system refused.
    """
    with _explain(path):
        if path.is_symlink() or not path.exists():
            return  # what a link points to is not ours to cut
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(path, whole)


def sweep(folder: Path, *, files: str = NOTHING, trees: str = NOTHING) -> None:
    """Remove the temporaries that a killed writer left in *folder*.

    Only the owner of the lock may do this: they might be another writer's.

    Args:
        folder: Where.
        files: Pattern of the names of the files that are written there.
        trees: Pattern of the names of the folders that are made there.

    Raises:
        UsageError: The system refused.
    """
    with _explain(folder):
        for entry in sorted(folder.iterdir()):
            if entry.is_symlink():
                continue
            names = trees if entry.is_dir() else files
            ours = rf"{re.escape(TEMPORARY)}(?:{names})\.[0-9]+"
            if re.fullmatch(ours, entry.name):
                _remove(entry)


def suffix() -> str:
    """Return how the name of a temporary of this process ends."""
    return f".{os.getpid()}"


def _temporary_for(path: Path) -> Path:
    return path.with_name(f"{TEMPORARY}{path.name}{suffix()}")


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        temporary = _temporary_for(path)
        with _removing(temporary):
            _write_new(temporary, data)
            os.replace(temporary, path)
    _flush_folder(folder)


def _write_new(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(path, flags, 0o666)
    try:
        _write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _flush_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


@contextlib.contextmanager
def _removing(temporary: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # If even this fails, the next start sweeps; the first error matters more.
        with contextlib.suppress(OSError):
            _remove(temporary)
        raise


@contextlib.contextmanager
def _explain(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"cannot write {str(path)!r}: {error.strerror or error}"
        raise UsageError(msg) from error
