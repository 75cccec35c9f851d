"""Witnesses of litmus tests: shown, written, and replayed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .programs import EXEMPT, SHIPPED, TORN
from .running import call
from .test_litmus import assert_plain


def test_witnesses_are_shown_and_replay(torn: Path, tmp_path: Path) -> None:
    """One for the state with the star, one for each property; beside a copy."""
    folder = tmp_path / "a" / "w"
    outcome = call("litmus", torn, "--witness", folder)
    assert outcome.code == 0
    assert_plain(outcome.out, 200)
    assert "Witness of state 2: " in outcome.out
    assert "Witness of snapshot.torn: " in outcome.out
    assert re.search(r"1 preemption, none with fewer \([0-9]+ states\)", outcome.out)
    assert "mmap_write_unlock(oldmm)" in outcome.out
    assert (folder / "torn.litmus").read_text() == TORN
    schedules = sorted(path for path in folder.iterdir() if path.suffix == ".schedule")
    assert [path.name for path in schedules] == [
        "torn-snapshot-stale.schedule",
        "torn-snapshot-torn.schedule",
        "torn-state-2.schedule",
    ]
    for path in schedules:
        assert f"  Reproduce with: forkfuzz replay {path}\n" in outcome.out
        replayed = call("replay", path)
        assert replayed.code == 1
        assert f"forkfuzz replay {path}\n" in replayed.out
        assert f"{path}: snapshot." in replayed.out
    torn_run = call("replay", schedules[1], "--driver", "inline")
    assert "snapshot.torn reproduces" in torn_run.out
    ended = call("replay", schedules[2])
    assert ended.out.endswith("  ends in: child:A[0]=0; child:A[1]=1;\n")


def test_a_witness_is_tried_under_other_rules(torn: Path, tmp_path: Path) -> None:
    """As any schedule is."""
    call("litmus", torn, "--witness", tmp_path / "w")
    path = tmp_path / "w" / "torn-snapshot-torn.schedule"
    outcome = call("replay", path, "--rules", "seed")
    assert outcome.code == 0
    assert f"{path}: snapshot.torn does not reproduce under seed" in outcome.out


def test_a_witness_without_a_violation_replays_to_its_end(tmp_path: Path) -> None:
    """There is nothing to reproduce but the end, so that is what is told; exit 0."""
    source = tmp_path / "exempt.litmus"
    source.write_text(EXEMPT)
    outcome = call("litmus", source, "--witness", tmp_path / "w")
    assert "the run is over: finished" in outcome.out
    path = tmp_path / "w" / "exempt-state-2.schedule"
    for driver in ("trio", "inline"):
        replayed = call("replay", path, "--driver", driver)
        assert replayed.code == 0
        first, second = replayed.out.splitlines()
        assert re.fullmatch(r".*: no violation \([0-9]+ steps\)", first)
        assert second == "  ends in: child:A[0]=0; child:A[1]=1;"
    (document,) = call("replay", path, "--json").lines()
    assert document["end"] == {"child:A[0]": 0, "child:A[1]": 1}
    assert document["reproduces"] is False
    assert call("show", path, "--as", "steps").code == 0


def test_a_witness_can_be_shown_as_a_schedule(torn: Path, tmp_path: Path) -> None:
    """What is printed replays too, from a file in the same folder."""
    call("litmus", torn, "--witness", tmp_path / "w")
    path = tmp_path / "w" / "torn-snapshot-torn.schedule"
    again = tmp_path / "w" / "again.schedule"
    again.write_text(call("show", path, "--as", "schedule").out)
    assert call("replay", again).code == 1


def test_witnesses_are_written_with_json_too(torn: Path, tmp_path: Path) -> None:
    """Without a word about it on stdout."""
    outcome = call("litmus", torn, "--json", "--witness", tmp_path / "w")
    assert len(outcome.lines()) == 1
    assert len(list((tmp_path / "w").glob("*.schedule"))) == 3


@pytest.mark.slow
def test_the_race_to_an_end_has_the_loads_that_it_is_about(tmp_path: Path) -> None:
    """Also those after the violation, each with the translation that it uses."""
    outcome = call("litmus", SHIPPED / "two-zaps.litmus", "--witness", tmp_path)
    race = outcome.out.partition("Witness of state 2")[2].partition("Reproduce")[0]
    lines = race.strip().splitlines()
    assert lines[2].split() == ["T2", "T1", "T3"]
    assert lines[-1].strip() == "load A[0] == 1"
    at = lines[-1].index("load")
    assert any(line[at:] == "(TLB caches A, writable)" for line in lines)
