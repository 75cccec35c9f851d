"""The demo: what a newcomer sees first, and what it leaves."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from forkfuzz.campaign import Campaign
from forkfuzz.cli.demo import INTRODUCTION
from forkfuzz.cli.progress import PlainDisplay
from forkfuzz.engine import loads
from forkfuzz.harness import canonical_spec

from .running import Outcome, call, contents, launch, visible_signature


@pytest.mark.slow
def test_the_demo_shows_the_torn_snapshot(demo: Outcome) -> None:
    """An introduction, the race with its cut, the commands that go on; exit 0."""
    assert demo.code == 0
    assert demo.out.startswith(INTRODUCTION)
    assert "\nVIOLATION snapshot.torn  scenario mp  rules mainline" in demo.out
    assert "<- the cut\n" in demo.out
    assert "\nTry next:\n" in demo.out


def test_the_demo_fits_a_commit_message(demo: Outcome) -> None:
    """75 columns of ASCII without escape sequences; on stderr, progress if it is slow."""
    assert max(map(len, demo.out.splitlines())) <= 75
    assert demo.out.isascii()
    assert demo.out.replace("\n", "").isprintable()
    assert all(line.startswith("fuzz: mp: elapsed ") for line in demo.err.splitlines())


def test_the_demo_is_a_campaign(demo: Outcome, demo_folder: Path) -> None:
    """It can be reported on, and says how it was made."""
    assert demo.code == 0
    outcome = call("report", demo_folder / ".forkfuzz")
    assert (outcome.code, outcome.err) == (0, "")
    assert "snapshot.torn" in outcome.out
    config = Campaign(demo_folder / ".forkfuzz").config()
    assert config["scenarios"] == ["mp"]
    assert config["campaign"][0]["spec"]["rules"] == "mainline"


def test_the_demo_leaves_the_crash(demo: Outcome, demo_folder: Path) -> None:
    """Record, input, schedule, table and a page that says how to go on."""
    assert demo.code == 0
    signature = visible_signature(demo_folder / ".forkfuzz")
    crash = contents(demo_folder / ".forkfuzz" / "crashes" / signature)
    assert set(crash) == {
        "README.md",
        "input.bin",
        "minimal.litmus",
        "minimal.schedule",
        "race.txt",
        "record.json",
    }
    assert crash["race.txt"].decode() in demo.out
    assert f"forkfuzz replay {signature}" in crash["README.md"].decode()
    assert loads(crash["minimal.schedule"]).header["signature"] == signature


@pytest.mark.parametrize(
    "what",
    ["{sig}", "{sig} --original", "{crash}/record.json", "{crash}/minimal.schedule"],
)
def test_what_the_demo_left_reproduces(
    what: str, demo: Outcome, demo_folder: Path
) -> None:
    """By signature, as found and shrunk, and from each of the two files."""
    folder = demo_folder / ".forkfuzz"
    signature = visible_signature(folder)
    crash = folder / "crashes" / signature
    arguments = what.format(sig=signature, crash=crash).split()
    before = contents(folder)
    outcome = call("replay", *arguments, "--dir", folder)
    assert demo.code == 0
    assert outcome.code == 1
    assert "snapshot.torn reproduces" in outcome.out
    assert contents(folder) == before


def test_each_command_that_the_demo_names_works(
    demo: Outcome, demo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it stands there, but for the long campaign."""
    monkeypatch.chdir(demo_folder)
    lines = demo.out.partition("Try next:\n")[2].splitlines()
    commands = [line.strip().partition("   ")[0].split("  ")[0] for line in lines]
    codes = {
        command: call(*command.split()[1:]).code
        for command in commands
        if command.startswith("forkfuzz ")
        if not command.startswith("forkfuzz fuzz ")
    }
    assert list(codes.values()) == [1, 0, 0, 0, 0], codes
    assert (demo_folder / "torn.html").exists()


@pytest.mark.slow
def test_a_second_demo_in_the_same_directory_works(
    demo: Outcome, demo_folder: Path
) -> None:
    """It shows the same race, and leaves the crash as it was."""
    folder = demo_folder / ".forkfuzz" / "crashes"
    before = contents(folder)
    again = launch("demo", cwd=demo_folder, seconds=20)
    assert again.code == demo.code == 0
    assert "<- the cut\n" in again.out
    assert before.items() <= contents(folder).items()


def test_the_demo_says_that_it_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, with the exit code of Ctrl-C."""

    def fixed(scenario: str, params: dict[str, int], _rules: str, driver: Any) -> Any:
        return canonical_spec(scenario, params, "seed", driver)

    def interrupt(_self: PlainDisplay, _event: object) -> None:
        monkeypatch.setattr(PlainDisplay, "update", lambda *_: None)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("forkfuzz.harness.canonical_spec", fixed)
    monkeypatch.setattr(PlainDisplay, "update", interrupt)
    outcome = call("demo", "--dir", tmp_path)
    assert outcome.code == 130
    assert outcome.err == "demo: interrupted; everything found is saved\n"
