"""A campaign's directory: names, the lock, and what is read back."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from forkfuzz.campaign import Campaign, atomic, open_campaign
from forkfuzz.campaign.reading import read_inputs
from forkfuzz.errors import FormatError, UsageError

from .sample import SAMPLE


def test_a_second_writer_fails_at_once_and_names_the_first(tmp_path: Path) -> None:
    """The error names the process that holds the lock; its death frees the lock."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        hold_lock(tmp_path, writer)
    try:
        os.read(reader, 1)
        expected = rf"^'.*' is in use by process {child}; wait for it, or choose anot"
        with pytest.raises(UsageError, match=expected), open_campaign(tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with open_campaign(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def hold_lock(path: Path, progress: int) -> None:
    """Hold a campaign's lock until killed."""
    try:
        with open_campaign(path):
            os.write(progress, b".")
            signal.pause()
    finally:
        os._exit(1)


HOSTILE = ["", ".", "..", "../x", "/etc", "a/b", "a\0b", "A", "a\n", "-a", "a" * 65]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_scenario_name_leaves_the_directory(tmp_path: Path, name: str) -> None:
    """A name that is not a plain word is refused before anything is touched."""
    with (
        open_campaign(tmp_path / "c") as writer,
        pytest.raises(UsageError, match=r"is not a scenario's name: expected a-z, 0-9"),
    ):
        writer.add_inputs(name, [b"data"])
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_only_inputs_of_the_same_writer_are_removed(tmp_path: Path) -> None:
    """What an earlier campaign has kept stays, even if it is found and replaced again."""
    with open_campaign(tmp_path) as writer:
        writer.add_inputs("mp", [b"old"])
    with open_campaign(tmp_path) as writer:
        writer.add_inputs("mp", [b"old", b"new", b"newer"])
        writer.remove_inputs("mp", [b"old", b"new", b"never there"])
        writer.remove_inputs("mp", [b"new"])
    assert sorted(read_inputs(writer.corpus_folder("mp"), 10)) == [b"newer", b"old"]


@pytest.mark.parametrize("name", [*HOSTILE, "0000000g", "00000001\n", "0000000A"])
def test_no_signature_leaves_the_directory(tmp_path: Path, name: str) -> None:
    """A signature is eight hexadecimal digits and nothing else."""
    expected = r"is not a signature: expected 8 hexadecimal digits$"
    with open_campaign(tmp_path / "c") as writer:
        with pytest.raises(UsageError, match=expected):
            writer.update_crash(name, "race.txt", b"")
        with pytest.raises(UsageError, match=expected):
            writer.record(name)


@pytest.mark.parametrize("name", ["../lock", "x.txt", "/etc/passwd", ""])
def test_no_file_name_leaves_a_crash(tmp_path: Path, name: str) -> None:
    """Only the known files of a crash can be written or read."""
    with open_campaign(tmp_path) as writer:
        with pytest.raises(UsageError, match=r"is not a file of a crash: expected one"):
            writer.save_crash(SAMPLE, {name: b""})
        assert writer.signatures() == []


def test_a_record_that_could_not_be_read_back_is_not_written(tmp_path: Path) -> None:
    """The limits of reading hold for writing too."""
    record = msgspec.structs.replace(SAMPLE, rules="x" * 2001)
    with open_campaign(tmp_path) as writer:
        with pytest.raises(
            FormatError, match=r"^not a valid record: Expected `str` of"
        ):
            writer.save_crash(record, {})
        assert not list((tmp_path / "crashes").iterdir())


def test_only_a_bug_that_is_here_can_be_updated(tmp_path: Path) -> None:
    """A file of an unknown bug is refused."""
    with open_campaign(tmp_path) as writer:
        with pytest.raises(UsageError, match=r"^no crash 'ffffffff' in '.*'$"):
            writer.update_crash("ffffffff", "race.txt", b"")
        assert not list((tmp_path / "crashes").iterdir())


def test_a_lock_without_a_number_still_locks(tmp_path: Path) -> None:
    """The number is for people; the kernel's lock decides."""
    for damage in (b"", b"rm -rf", b"\xff\xff"):
        with open_campaign(tmp_path):
            (tmp_path / "lock").write_bytes(damage)
            expected = r"^'.*' is in use by another process; wait for it, or choose an"
            with pytest.raises(UsageError, match=expected), open_campaign(tmp_path):
                pass


def test_a_lock_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """A folder in the place of the lock is named, not hidden."""
    (tmp_path / "lock").mkdir()
    expected = r"^cannot lock '.*lock': "
    with pytest.raises(UsageError, match=expected), open_campaign(tmp_path):
        pass


def test_a_corpus_that_is_not_a_folder_is_an_error(tmp_path: Path) -> None:
    """A file in the place of a folder of inputs is named."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FormatError, match=r"^cannot read '.*file': Not a directory$"):
        read_inputs(tmp_path / "file", max_len=4)


def test_a_crash_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    """Record and files are read back; a second save of the bug changes nothing."""
    with open_campaign(tmp_path) as writer:
        assert writer.save_crash(SAMPLE, {"race.txt": b"table"})
        assert not writer.save_crash(SAMPLE, {"race.txt": b"other"})
        writer.update_crash(SAMPLE.signature, "minimal.schedule", b"schedule")
    campaign = Campaign(tmp_path)
    assert campaign.signatures() == [SAMPLE.signature]
    assert campaign.record(SAMPLE.signature) == SAMPLE
    assert campaign.crash_file(SAMPLE.signature, "race.txt") == b"table"
    assert campaign.crash_file(SAMPLE.signature, "minimal.schedule") == b"schedule"
    with pytest.raises(UsageError, match=r"^no crash 'ffffffff' in '.*'$"):
        campaign.record("ffffffff")


def test_a_torn_last_line_of_stats_is_not_read_and_then_cut_off(tmp_path: Path) -> None:
    """What a killed writer appended in part is ignored, and gone at the next start."""
    with open_campaign(tmp_path) as writer:
        writer.append_stats({"runs": 1})
    with (tmp_path / "stats.ndjson").open("ab") as file:
        file.write(b'{"runs": 2, "fin')
    assert Campaign(tmp_path).stats() == [b'{"runs":1}']
    with open_campaign(tmp_path) as writer:
        writer.append_stats({"runs": 3})
    assert Campaign(tmp_path).stats() == [b'{"runs":1}', b'{"runs":3}']


def test_a_damaged_configuration_is_named(tmp_path: Path) -> None:
    """It is an error, not a guess."""
    (tmp_path / "campaign.toml").write_bytes(b"seed = \xff")
    campaign = Campaign(tmp_path)
    with pytest.raises(FormatError, match=r"^'.*' is not a campaign's configuration"):
        campaign.config()


def test_inputs_are_read_in_an_order_of_their_own(tmp_path: Path) -> None:
    """Only regular files count, cut to the longest length, the smallest first."""
    (tmp_path / "z").write_bytes(b"b")
    (tmp_path / "y").write_bytes(b"a")
    (tmp_path / "x").write_bytes(b"abcdefgh")
    (tmp_path / f"{atomic.TEMPORARY}w").write_bytes(b"half")
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 30)
    assert read_inputs(tmp_path, max_len=4) == [b"a", b"b", b"abcd"]
    assert read_inputs(tmp_path / "missing", max_len=4) == []


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """A file in the place of the directory is named in the error."""
    (tmp_path / "file").write_bytes(b"")
    expected = r"^cannot make '.*file': File exists$"
    with pytest.raises(UsageError, match=expected), open_campaign(tmp_path / "file"):
        pass


def test_only_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    """What others put into the directory stays, whatever it is called."""
    crash = SAMPLE.signature
    with open_campaign(tmp_path) as writer:
        writer.save_crash(SAMPLE, {})
        writer.add_inputs("mp", [b"data"])
    ours = [
        ".tmp-campaign.toml.12",
        ".tmp-worker-ab_c012z.12/seeds/000000",
        "corpus/mp/.tmp-0123456789abcdef.12",
        "crashes/.tmp-01234567.12/record.json",
        f"crashes/{crash}/.tmp-race.txt.12",
    ]
    foreign = [
        ".tmp-mine",
        ".tmp-notes.txt.12",
        ".tmp-campaign.toml.x",
        ".tmp-campaign.toml.13/file",
        ".tmp-worker-ab_c012z.13",
        "corpus/.tmp-mp.12",
        "corpus/mp/.tmp-race.txt.12",
        "corpus/My Notes/.tmp-0123456789abcdef.12",
        "crashes/.tmp-01234567.13",
        "crashes/other/.tmp-race.txt.12",
        f"crashes/{crash}/.tmp-draft.txt.12",
    ]
    for name in (*ours, *foreign):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("precious")
    (tmp_path / ".tmp-campaign.toml.14").symlink_to("precious")
    with open_campaign(tmp_path):
        assert [name for name in ours if (tmp_path / name).exists()] == []
    assert not (tmp_path / "crashes" / ".tmp-01234567.12").exists()
    assert [name for name in foreign if not (tmp_path / name).exists()] == []
    assert (tmp_path / ".tmp-campaign.toml.14").is_symlink()


@pytest.fixture(autouse=True)
def _no_leftover_descriptors() -> Iterator[None]:
    """Check that no test leaves a descriptor open."""
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) <= before + 2
