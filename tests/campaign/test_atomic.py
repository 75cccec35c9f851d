"""Files appear whole or not at all, whatever fails and whoever is killed."""

from __future__ import annotations

import errno
import itertools
import os
import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from forkfuzz.campaign import Campaign, CampaignWriter, atomic, open_campaign
from forkfuzz.campaign.reading import input_name
from forkfuzz.errors import UsageError

from .sample import SAMPLE

OLD = "00000001"
CALLS = ("open", "write", "fsync", "replace", "rename", "mkdir", "ftruncate")


class Died(BaseException):
    """Stands for SIGKILL: nothing runs afterwards, no cleanup either."""


class FaultyOs:
    """The os module, but one of the calls that write fails.

    Args:
        fail_at: Which one, counted from 1.
        error: What it raises.
    """

    def __init__(self, fail_at: int, error: BaseException) -> None:
        self.fail_at = fail_at
        self.error = error
        self.log: list[str] = []

    @property
    def calls(self) -> int:
        """How many calls there were."""
        return len(self.log)

    @property
    def dead(self) -> bool:
        """Whether nothing may happen any more."""
        return isinstance(self.error, Died) and self.calls >= self.fail_at

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in CALLS:
            return real

        def call(*args: Any) -> object:
            if self.dead:
                raise self.error
            self.log.append(name)
            if self.calls != self.fail_at:
                return real(*args)
            if name == "write":  # part of the data may have reached the disk
                real(args[0], args[1][: len(args[1]) // 2])
            raise self.error

        return call


def write_all(writer: CampaignWriter) -> None:
    """Do everything that a campaign does to its directory."""
    writer.write_config({"seed": 2, "scenario": "mp"})
    writer.add_inputs("mp", [b"one", b"two"])
    writer.save_crash(SAMPLE, {"input.bin": b"new", "race.txt": b"table"})
    writer.append_stats({"runs": 2})
    writer.update_crash(OLD, "race.txt", b"a better table")


def prepare(path: Path) -> None:
    """Make a campaign that has a history."""
    with open_campaign(path) as writer:
        writer.write_config({"seed": 1})
        writer.add_inputs("mp", [b"zero"])
        writer.append_stats({"runs": 1})
        record = msgspec.structs.replace(SAMPLE, signature=OLD)
        writer.save_crash(record, {"race.txt": b"a table"})


def snapshot(path: Path) -> dict[str, bytes]:
    """Return all files but the lock, by name, each as far as readers read it."""
    return {
        str(file.relative_to(path)): readable_part(file)
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name != "lock"
    }


def readable_part(file: Path) -> bytes:
    """Return what counts of a file: of stats, whole lines only."""
    data = file.read_bytes()
    return data[: data.rfind(b"\n") + 1] if file.name == "stats.ndjson" else data


def is_temporary(name: str) -> bool:
    """Return whether some part of the path is a temporary's name."""
    return any(part.startswith(atomic.TEMPORARY) for part in Path(name).parts)


def assert_whole(
    found: dict[str, bytes], before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    """Check that each file is as it was before, or as it was to become."""
    for name, data in found.items():
        assert is_temporary(name) or data in (before.get(name), after.get(name)), name
    assert before.keys() <= found.keys()
    crash = {name for name in after if SAMPLE.signature in name}
    assert len(crash & found.keys()) in (0, len(crash))


@pytest.fixture(name="states")
def _states(tmp_path: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return a campaign's files before and after `write_all`."""
    prepare(tmp_path / "reference")
    before = snapshot(tmp_path / "reference")
    with open_campaign(tmp_path / "reference") as writer:
        write_all(writer)
    return before, snapshot(tmp_path / "reference")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EIO, "Input/output error"),
        Died(),
    ],
    ids=["full", "broken", "killed"],
)
def test_a_fault_at_any_call_leaves_every_file_whole(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    states: tuple[dict[str, bytes], dict[str, bytes]],
    error: BaseException,
) -> None:
    """A failing call, or death in it, leaves old files, new files and temporaries."""
    before, after = states
    for fail_at in itertools.count(1):
        path = tmp_path / str(fail_at)
        prepare(path)
        faulty = FaultyOs(fail_at, error)
        with open_campaign(path) as writer, monkeypatch.context() as patch:
            patch.setattr(atomic, "os", faulty)
            if isinstance(error, Died):
                patch.setattr(atomic, "_remove", raise_died)
            survived = run_until_fault(writer, error)
        found = snapshot(path)
        assert_whole(found, before, after)
        leftovers = [name for name in found if is_temporary(name)]
        assert not leftovers or isinstance(error, Died)
        with open_campaign(path) as writer:
            assert not [name for name in snapshot(path) if is_temporary(name)]
            raw_stats = (path / "stats.ndjson").read_bytes()
            assert raw_stats == found["stats.ndjson"]
        if survived:
            assert found == after
            break
    # Every file takes at least open, write, fsync and rename.
    assert fail_at > 30


def test_data_is_on_the_disk_before_its_name_and_the_name_before_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut a name never stands for data that was not written."""
    faulty = FaultyOs(1000, Died())
    with open_campaign(tmp_path) as writer, monkeypatch.context() as patch:
        patch.setattr(atomic, "os", faulty)
        writer.write_config({"seed": 1})
        assert faulty.log == ["open", "write", "fsync", "replace", "open", "fsync"]
        faulty.log.clear()
        writer.save_crash(SAMPLE, {})
    flush_file, flush_folder = ["open", "write", "fsync"], ["open", "fsync"]
    assert faulty.log == ["mkdir", *flush_file, *flush_folder, "rename", *flush_folder]


def run_until_fault(writer: CampaignWriter, error: BaseException) -> bool:
    """Return whether everything could be written."""
    try:
        write_all(writer)
    except Died:
        return False
    except UsageError as failure:
        message = str(failure)
    else:
        return True
    assert isinstance(error, OSError)
    assert message.startswith("cannot write '")
    assert message.endswith(f": {error.strerror}")
    return False


def raise_died(_path: Path) -> None:
    """Stand in for cleanup that a killed process does not do."""
    raise Died


def test_a_real_full_device_is_a_clear_error() -> None:
    """Writing to a device without space names the file and the reason."""
    expected = r"^cannot write '/dev/full': No space left on device$"
    with pytest.raises(UsageError, match=expected):
        atomic.append_line(Path("/dev/full"), b"line")


def test_sigkill_at_any_moment_damages_nothing(tmp_path: Path) -> None:
    """Of 30 killed writers none leaves a damaged file or stops the next one."""
    for kill in range(30):
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            write_forever(tmp_path, writer)
        os.close(writer)
        os.read(reader, 1)
        for _ in range(kill % 10):
            os.read(reader, 1)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)
        assert_readable(Campaign(tmp_path))
    with open_campaign(tmp_path) as campaign:
        assert not [name for name in snapshot(tmp_path) if is_temporary(name)]
        assert len(campaign.signatures()) > 30
        assert len(campaign.stats()) > 30


def write_forever(path: Path, progress: int) -> None:
    """Write to a campaign until killed; a byte to *progress* after each step."""
    try:
        with open_campaign(path) as campaign:
            first = len(campaign.signatures())
            for number in itertools.count(first):
                signature = f"{number:08x}"
                record = msgspec.structs.replace(SAMPLE, signature=signature)
                campaign.save_crash(record, {"race.txt": b"table" * 1000})
                os.write(progress, b".")
                campaign.add_inputs("mp", [b"%d" % number * 100])
                campaign.write_config({"number": number})
                os.write(progress, b".")
                campaign.append_stats({"number": number})
                os.write(progress, b".")
    finally:
        os._exit(1)


def assert_readable(campaign: Campaign) -> None:
    """Check that nothing that has its final name is damaged."""
    for signature in campaign.signatures():
        assert campaign.record(signature).signature == signature
        assert campaign.crash_file(signature, "race.txt") == b"table" * 1000
    folder = campaign.corpus_folder("mp")
    for file in folder.iterdir() if folder.exists() else ():
        if not is_temporary(file.name):
            assert file.name == input_name(file.read_bytes())
    if (campaign.path / "campaign.toml").exists():
        assert campaign.config().keys() == {"number"}
    for line in campaign.stats():
        assert msgspec.json.decode(line).keys() == {"number"}
