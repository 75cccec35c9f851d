"""The commands that the program prints: pasted into a shell, they work."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from forkfuzz.cli.demo import what_next
from forkfuzz.cli.stored import open_stored

from .programs import TORN
from .running import QUICK, Outcome, call, contents, environment, visible_signature

SHIPPED = Path(__file__).parents[2] / "corpus" / "regressions"
ODD = "it's a t\u00f6rn $HOME; `x`"
"""A name that no shell takes as it is."""

BASH = shutil.which("bash") or ""
pytestmark = [
    pytest.mark.skipif(not BASH, reason="there is no bash"),
    pytest.mark.slow,
]


def printed(text: str) -> list[str]:
    """Return the commands in an output, without what is said about them."""
    found = re.findall(r"forkfuzz (?:replay|show) .*", text)
    return [line.partition("   ")[0].rstrip("`") for line in found]


def paste(command: str, folder: Path) -> int:
    """Run a line in a shell; return its exit code."""
    assert command.isascii()
    assert command.isprintable()
    shell = f'forkfuzz() {{ {sys.executable} -m forkfuzz "$@"; }}\n{command}\n'
    done = subprocess.run(
        [BASH, "-c", shell],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert not done.stderr, (command, done.stderr)
    return done.returncode


@pytest.fixture(name="odd")
def _odd(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a campaign's directory that has such a name, relative to where we are."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished, tmp_path / "sub" / ODD)
    return Path("sub") / ODD


def test_the_commands_below_a_crash_name_its_directory(tmp_path: Path) -> None:
    """Where it is not the default one, on the terminal and in what is stored."""
    folder = tmp_path / "here"
    folder.mkdir()
    told = call("fuzz", "mp", *QUICK, "--dir", folder / ODD).out
    commands = printed(told)
    assert [paste(command, tmp_path) for command in commands] == [1, 0, 0]
    crash = folder / ODD / "crashes" / visible_signature(folder / ODD)
    assert printed((crash / "race.txt").read_text()) == commands
    assert commands[0] in (crash / "README.md").read_text()


def test_the_default_directory_is_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands are as short as they can be."""
    monkeypatch.chdir(tmp_path)
    told = call("fuzz", "mp", *QUICK).out
    signature = visible_signature(tmp_path / ".forkfuzz")
    assert f"  Reproduce with:       forkfuzz replay {signature}\n" in told


@pytest.mark.parametrize("options", [(), ("--original",)])
def test_the_commands_below_a_replay_are_for_the_same_run(
    options: tuple[str, ...], odd: Path
) -> None:
    """As it was found, or shrunk; shown as a table too, and as a result of a test."""
    signature = visible_signature(odd)
    told = call("replay", signature, "--dir", odd, *options).out
    first, *others = printed(told)
    assert ("--original" in first) is bool(options)
    assert paste(f"{first} > again.txt", Path()) == 1
    assert Path("again.txt").read_text() == told
    assert [paste(command, Path()) for command in others] == [0, 0]
    for form in ("race", "junit"):
        shown = call("show", signature, "--as", form, "--dir", odd, *options).out
        assert first.split()[-1] in shown


@pytest.mark.parametrize("name", [ODD, "-a file", "x\ny"])
def test_a_file_is_named_so_that_a_shell_finds_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is called."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(SHIPPED / "rule-2-torn-inside-the-page.schedule", name)
    outcome = call("replay", "--", name)
    assert outcome.code == 1
    assert [paste(command, tmp_path) for command in printed(outcome.out)] == [1, 0, 0]


def test_each_command_after_the_demo_works_elsewhere(odd: Path) -> None:
    """In a directory that is not the default one."""
    stored = open_stored(visible_signature(odd), odd)
    lines = list(what_next(stored.words))
    commands = printed("\n".join(lines))
    assert [paste(command, Path()) for command in commands] == [1, 0, 0, 0]
    assert Path("torn.html").exists()


def test_a_witness_of_a_litmus_test_is_named_for_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the folder that it was written to."""
    monkeypatch.chdir(tmp_path)
    Path("torn.litmus").write_text(TORN)
    told = call("litmus", "torn.litmus", "--witness", f"-w/{ODD}").out
    commands = printed(told)
    assert len(commands) > 1
    assert {paste(command, tmp_path) for command in commands} == {1}


@pytest.mark.parametrize("target", ["torn.litmus", "mp:pages=1"])
def test_a_witness_of_a_check_is_named_for_a_shell(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below the table of the property that it breaks; in JSON its file is named."""
    monkeypatch.chdir(tmp_path)
    Path("torn.litmus").write_text(TORN)
    options = ("--rules", "mainline", "--witness", ODD)
    told = call("check", target, *options).out
    commands = printed(told)
    assert len(commands) == told.count("VIOLATION") > 0
    assert {paste(command, tmp_path) for command in commands} == {1}
    (document,) = call("check", target, *options, "--json").lines()
    paths = [Path(found["schedule"]) for found in document["violations"]]
    assert sorted(paths) == sorted(Path(ODD).glob("*.schedule"))
    (without,) = call("check", target, *options[:2], "--json").lines()
    assert {found["schedule"] for found in without["violations"]} == {None}


def test_a_run_saved_by_hand_is_named_for_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a person called it."""
    monkeypatch.chdir(tmp_path)
    lines = io.StringIO(f"r\ns {ODD}\nq\n")
    monkeypatch.setattr(sys, "stdin", lines)
    schedule = SHIPPED / "rule-2-torn-inside-the-page.schedule"
    (command,) = printed(call("replay", schedule, "--step").out)
    assert paste(command, tmp_path) in (0, 1)
    assert list(contents(tmp_path)) == [ODD]


def test_a_run_of_a_test_is_saved_beside_it(
    odd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of the test goes where the run does, and over no other test."""
    signature = visible_signature(odd)

    def save() -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.StringIO("s mine.schedule\nq\n"))
        return call("replay", signature, "--dir", odd, "--step")

    (command,) = printed(save().out)
    assert paste(command, Path()) in (0, 1)
    assert printed(save().out) == [command]
    Path("minimal.litmus").write_text(TORN)
    before = Path("mine.schedule").stat().st_ino
    outcome = save()
    assert "minimal.litmus' is another test" in outcome.err
    assert "saved" not in outcome.out
    assert Path("minimal.litmus").read_text() == TORN
    assert Path("mine.schedule").stat().st_ino == before
