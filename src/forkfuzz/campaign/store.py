"""A campaign's directory: what it holds, who may write it, and under which names.

::

    campaign.toml               configuration and versions
    lock                        one writer
    corpus/<scenario>/<hash>    inputs that reached something new
    crashes/<sig>/              one folder for each bug
    stats.ndjson                progress, one line at a time

Names come from signatures, hashes and scenario names that were checked, never from the
contents of a file. Nothing read from here is executed.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from forkfuzz.errors import FormatError, UsageError

from .atomic import (
    append_line,
    drop_torn_line,
    sweep,
    write_file,
    write_files,
    write_tree,
)
from .lock import sole_writer
from .reading import HASH_DIGITS, input_name, list_names, read_limited
from .record import Record, decode, encode
from .target import NAME_PATTERN

SIGNATURE = "[0-9a-f]{8}"
SIGNATURE_PATTERN = rf"^{SIGNATURE}\Z"
INPUT = f"[0-9a-f]{{{HASH_DIGITS}}}"
SCRATCH = "worker-[a-z0-9_]{8}"
CONFIG = "campaign.toml"
CRASH_FILES = frozenset(
    {
        "record.json",
        "input.bin",
        "minimal.schedule",
        "minimal.litmus",
        "race.txt",
        "README.md",
        "seen.txt",
    }
)


class Campaign:
    """A campaign's directory, to read; it may be in use by a writer meanwhile.

    Args:
        path: The directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def config(self) -> dict[str, Any]:
        """Return what ``campaign.toml`` says.

        Raises:
            FormatError: It is missing or not TOML.
        """
        path = self.path / CONFIG
        try:
            return msgspec.toml.decode(read_limited(path), type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            msg = f"{str(path)!r} is not a campaign's configuration: {error}"
            raise FormatError(msg) from error

    def signatures(self) -> list[str]:
        """Return the signatures of all bugs found, sorted."""
        return [
            name for name in list_names(self.path / "crashes") if is_signature(name)
        ]

    def record(self, signature: str) -> Record:
        """Return the record of one bug.

        Raises:
            UsageError: There is no such bug here.
            FormatError: Its record is damaged; the message names the file.
        """
        data = self.crash_file(signature, "record.json")
        try:
            return decode(data)
        except FormatError as error:
            msg = f"{str(self._crash(signature) / 'record.json')!r}: {error}"
            raise FormatError(msg) from error

    def crash_file(self, signature: str, name: str) -> bytes:
        """Return the contents of one file of a bug's folder.

        Raises:
            UsageError: There is no such bug or file here.
        """
        path = self._crash(signature) / _checked_file(name)
        if not path.parent.is_dir():
            msg = f"no crash {signature!r} in {str(self.path)!r}"
            raise UsageError(msg)
        return read_limited(path)

    def crash_folder(self, signature: str) -> Path:
        """Return where the files of a bug are, whether it is there or not."""
        return self._crash(signature)

    def corpus_folder(self, scenario: str) -> Path:
        """Return where the inputs of *scenario* are kept.

        Raises:
            UsageError: *scenario* is not a scenario's name.
        """
        if not re.match(NAME_PATTERN, scenario):
            msg = f"{scenario!r} is not a scenario's name: expected a-z, 0-9 and '-'"
            raise UsageError(msg)
        return self.path / "corpus" / scenario

    def stats(self) -> list[bytes]:
        """Return the lines of ``stats.ndjson``, oldest first, without a torn last one."""
        path = self.path / "stats.ndjson"
        return path.read_bytes().split(b"\n")[:-1] if path.exists() else []

    def _crash(self, signature: str) -> Path:
        if not is_signature(signature):
            msg = f"{signature!r} is not a signature: expected 8 hexadecimal digits"
            raise UsageError(msg)
        folder = self.path / "crashes" / signature
        if folder.is_symlink():
            msg = f"{str(folder)!r} is a link, expected a folder of this campaign"
            raise UsageError(msg)
        return folder


class CampaignWriter(Campaign):
    """A campaign's directory, to write; made by `open_campaign`, which locks it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._added: set[Path] = set()

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Replace ``campaign.toml``; values are plain, without None."""
        data = msgspec.toml.encode(config, order="sorted")
        write_file(self.path / CONFIG, data)

    def add_inputs(self, scenario: str, inputs: Iterable[bytes]) -> None:
        """Keep inputs that reached something new; those already here stay."""
        folder = self.corpus_folder(scenario)
        files = {input_name(data): data for data in inputs}
        new = {k: v for k, v in files.items() if not (folder / k).exists()}
        if new:
            _make_folder(folder)
            write_files(folder, new)
            self._added.update(folder / name for name in new)

    def remove_inputs(self, scenario: str, inputs: Iterable[bytes]) -> None:
        """Remove those inputs that this writer has added; others stay."""
        folder = self.corpus_folder(scenario)
        for path in {folder / input_name(data) for data in inputs} & self._added:
            path.unlink(missing_ok=True)
            self._added.remove(path)

    def save_crash(self, record: Record, files: Mapping[str, bytes]) -> bool:
        """Make the folder of one bug, whole or not at all.

        Args:
            record: Its signature names the folder.
            files: The other files; see `CRASH_FILES`.

        Returns:
            Whether the bug is new here. If not, what is there stays.

        Raises:
            UsageError: The system refused, or *record* is beyond the limits of one.
        """
        folder = self._crash(record.signature)
        if folder.exists():
            return False
        contents = {_checked_file(name): data for name, data in files.items()}
        contents["record.json"] = encode(record)
        # A record that could not be read back must not be written first.
        decode(contents["record.json"])
        write_tree(folder, contents)
        return True

    def update_crash(self, signature: str, name: str, data: bytes) -> None:
        """Replace one file of a bug that is already here, such as a shorter schedule.

        Raises:
            UsageError: There is no such bug here.
        """
        folder = self._crash(signature)
        if not folder.is_dir():
            msg = f"no crash {signature!r} in {str(self.path)!r}"
            raise UsageError(msg)
        write_file(folder / _checked_file(name), data)

    def append_stats(self, stats: Mapping[str, Any]) -> None:
        """Add one line to ``stats.ndjson``."""
        append_line(self.path / "stats.ndjson", msgspec.json.encode(stats))


@contextlib.contextmanager
def open_campaign(path: Path) -> Iterator[CampaignWriter]:
    """Make or open the directory *path* as its only writer.

    What a killed writer left half done is removed first.

    Raises:
        UsageError: Another process writes it, or the system refused.
    """
    _make_folder(path)
    with sole_writer(path / "lock"):
        for folder in (path / "corpus", path / "crashes"):
            _make_folder(folder)
        _sweep(path)
        drop_torn_line(path / "stats.ndjson")
        yield CampaignWriter(path)


def _sweep(path: Path) -> None:
    """Remove what a killed writer left half done; what others put here stays."""
    sweep(path, files=re.escape(CONFIG), trees=SCRATCH)
    sweep(path / "crashes", trees=SIGNATURE)
    for folder in _folders(path / "corpus", NAME_PATTERN):
        sweep(folder, files=INPUT)
    for folder in _folders(path / "crashes", SIGNATURE_PATTERN):
        sweep(folder, files="|".join(map(re.escape, sorted(CRASH_FILES))))


def _folders(path: Path, pattern: str) -> list[Path]:
    found = [path / name for name in list_names(path) if re.match(pattern, name)]
    return [folder for folder in found if folder.is_dir() and not folder.is_symlink()]


def is_signature(text: str) -> bool:
    """Return whether *text* has the form of a signature."""
    return re.match(SIGNATURE_PATTERN, text) is not None


def _checked_file(name: str) -> str:
    if name not in CRASH_FILES:
        msg = f"{name!r} is not a file of a crash: expected one of {_known_files()}"
        raise UsageError(msg)
    return name


def _known_files() -> str:
    return ", ".join(sorted(CRASH_FILES))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"cannot make {str(folder)!r}: {error.strerror or error}"
        raise UsageError(msg) from error
