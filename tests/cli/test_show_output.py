"""Where ``forkfuzz show`` writes."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from forkfuzz.cli.output import put_bytes
from forkfuzz.cli.show import FORMS
from forkfuzz.errors import UsageError
from wellformed import slices_of

from .running import assert_one_line, call, contents, environment

SHIPPED = sorted((Path(__file__).parents[2] / "corpus" / "regressions").iterdir())
TEXTS = tuple(form for form in FORMS if form != "perfetto")


@pytest.mark.parametrize("form", TEXTS)
def test_a_file_has_what_stdout_would_have(form: str, tmp_path: Path) -> None:
    """Then there is nothing on stdout, and no temporary stays."""
    path = tmp_path / "out"
    told = call("show", SHIPPED[0], "--as", form)
    written = call("show", SHIPPED[0], "--as", form, "-o", path)
    assert (written.code, written.out, written.err) == (0, "", "")
    assert contents(tmp_path) == {"out": told.out.encode()}


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """What it held is gone; a link to it stays a link."""
    path, link = tmp_path / "out", tmp_path / "link"
    path.write_text("x" * 1_000_000)
    link.symlink_to(path)
    assert call("show", SHIPPED[0], "--output", link).code == 0
    assert link.is_symlink()
    assert path.read_text().startswith("VIOLATION ")


@pytest.mark.parametrize("name", ["missing/out", "", ".", "/dev/null", "x" * 300])
def test_what_cannot_be_written_is_refused_in_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing folder, a folder, a device, a name that no file can have."""
    monkeypatch.chdir(tmp_path)
    assert_one_line(call("show", SHIPPED[0], "-o", name), 2)
    assert contents(tmp_path) == {}


def test_a_message_names_the_file_that_cannot_be_written(tmp_path: Path) -> None:
    """Not only the folder that is not there."""
    path = tmp_path / "missing" / "x.html"
    outcome = call("show", SHIPPED[0], "-o", path)
    reason = "No such file or directory"
    assert outcome.err == f"forkfuzz: cannot write '{path}': {reason}\n"


def test_everything_is_for_the_table_alone() -> None:
    """With another form it would be ignored, so it is refused."""
    assert "takes mmap_lock" in call("show", SHIPPED[0], "--full").out
    assert_one_line(call("show", SHIPPED[0], "--as", "steps", "--full"), 2)


def test_a_trace_is_written_as_bytes(tmp_path: Path) -> None:
    """The same to a pipe as to a file."""
    path = tmp_path / "out.pftrace"
    arguments = ["show", str(SHIPPED[0]), "--as", "perfetto"]
    done = subprocess.run(
        [sys.executable, "-m", "forkfuzz", *arguments],
        env=environment(),
        capture_output=True,
        check=True,
    )
    assert call(*arguments, "-o", path).code == 0
    assert path.read_bytes() == done.stdout
    assert slices_of(done.stdout) > 20


class _Terminal(io.StringIO):
    """Where bytes would do harm."""

    def isatty(self) -> bool:
        """Be a terminal."""
        return True


def test_a_terminal_gets_no_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """But a line that says what to do."""
    monkeypatch.setattr(sys, "stdout", _Terminal())
    with pytest.raises(UsageError, match=r"^a Perfetto trace is binary; redirect it"):
        put_bytes(b"\x0a", "a Perfetto trace")


def test_a_message_about_an_endless_name_ends(tmp_path: Path) -> None:
    """Its reason is still there."""
    outcome = call("show", SHIPPED[0], "-o", tmp_path / ("x" * 100_000))
    assert_one_line(outcome, 2)
    assert outcome.err.endswith("File name too long\n")
    assert len(outcome.err) < 3000
