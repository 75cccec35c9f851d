"""``forkfuzz replay --step``: a run in a terminal, line by line."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from cli.running import Outcome, call, environment

CORPUS = Path(__file__).parents[2] / "corpus" / "regressions"
TORN = CORPUS / "rule-2-torn-inside-the-page.schedule"
LEAK = CORPUS / "rule-1-no-flush-before-unlock.schedule"


def step(monkeypatch: pytest.MonkeyPatch, path: Path, *lines: str) -> Outcome:
    """Give these lines to the command."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{x}\n" for x in lines)))
    return call("replay", path, "--step")


def test_enter_goes_along_the_stored_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """To its end, where its violation is told and its table shown."""
    outcome = step(monkeypatch, TORN, *[""] * 80, "t", "q")
    assert outcome.code == 1
    assert "VIOLATION snapshot.torn" in outcome.out
    assert "the run is over: finished" in outcome.out
    assert "mmap_write_unlock(oldmm)" in outcome.out
    assert set(outcome.err.splitlines()) == {"the run is over; b takes a step back"}


def test_what_is_offered_says_what_it_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the step of the stored run is marked."""
    outcome = step(monkeypatch, TORN)
    first = outcome.out.splitlines()[0]
    assert first == " > 0  F  dup_mm:mm_init   asks for mmap_lock:parent"
    assert "TLB of cpu1 caches A: frame 1 W D A" in outcome.out


def test_another_way_is_taken_and_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps are counted; what was beyond is gone."""
    outcome = step(monkeypatch, TORN, "", "1", "b", "b 1", "g 0", "1")
    numbers = [line for line in outcome.out.splitlines() if line[:1].isdigit()]
    assert [line.split()[:2] for line in numbers] == [
        ["1", "F"],
        ["2", "T1"],
        ["1", "F"],
        ["1", "T1"],
    ]
    assert outcome.code == 0


def test_a_strategy_goes_on_to_a_point_and_a_property(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The schedule that is saved there replays."""
    saved = tmp_path / "mine.schedule"
    label = "dup_mmap:vm_area_dup"
    outcome = step(
        monkeypatch, LEAK, f"p {label}", "v", "r stay", "w", f"s {saved}", "q"
    )
    assert outcome.err == ""
    assert f"stops before: {label}" in outcome.out
    assert any(label in line for line in outcome.out.splitlines() if ">" in line)
    assert "  Page tables/A/parent: frame 1 W D A" in outcome.out
    replayed = call("replay", saved, "--driver", "inline")
    assert replayed.err == ""
    assert replayed.code in (0, 1)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("99", "99 is not among the 4 that are offered"),
        ("x", "'x' is no command, expected one of:"),
        ("b", "there is no step -1 so far"),
        ("p nosuch", "no point 'nosuch', expected FUNCTION:WHAT-COMES-NEXT"),
        (
            "p vma_start_read:x",
            "no point 'vma_start_read:x', expected vma_start_read:",
        ),
        ("v nosuch", "no property 'nosuch', expected any, snapshot.torn,"),
        ("b 99", "there is no step -99 so far"),
        ("g", "'' is no number"),
        ("g 5", "there is no step 5 so far"),
        ("r best", "unknown strategy 'best'; expected one of round-robin, "),
        ("r random x", "'x' is no number"),
        ("s", "s needs the name of a file"),
        ("s /nonexistent/x", "cannot write"),
        ("\x1b[31m", "'\\x1b[31m' is no command, expected one of:"),
        ("٣", "'\\u0663' is no command"),
        ("9" * 5000, "is no number"),
    ],
)
def test_a_line_that_cannot_be_obeyed(
    line: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message; the run stays where it was."""
    outcome = step(monkeypatch, TORN, line, "")
    assert said in outcome.err
    assert "\x1b" not in outcome.err + outcome.out
    assert outcome.out.splitlines()[-4].startswith(" > 0  F  down_write:acquire")
    assert outcome.code == 0


def test_stepping_goes_with_no_other_way_of_replaying() -> None:
    """Exit code 2."""
    for arguments in (("--json",), ("--rules", "seed")):
        outcome = call("replay", TORN, "--step", *arguments)
        assert outcome.code == 2
        assert "--step goes with neither --json nor --rules" in outcome.err


def test_the_end_of_the_input_is_the_end(tmp_path: Path) -> None:
    """In a process of its own, with a pipe."""
    done = subprocess.run(
        [sys.executable, "-m", "forkfuzz", "replay", TORN, "--step"],
        cwd=tmp_path,
        env=environment(),
        input="\nr stay\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[-1].startswith("VIOLATION snapshot.stale: ")
