"""``forkfuzz shrink``: smaller programs, plainer runs, the same violation."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path

import pytest

from forkfuzz.campaign import Campaign
from forkfuzz.engine import loads

from .running import assert_one_line, call, contents, visible_signature

SHIPPED = Path(__file__).parents[2] / "corpus" / "regressions"


def test_a_crash_is_shrunk_to_a_test(campaign: Path) -> None:
    """One thread, two stores, one fork; doing it again changes nothing."""
    signature = visible_signature(campaign)
    first = call("shrink", signature, "--dir", campaign)
    assert first.code == 1
    assert "F    | T1\nfork | A = 1\n     | B = 1\n" in first.out
    assert f"{signature}: snapshot.torn shrunk " in first.out
    before = contents(campaign)
    assert call("shrink", signature, "--dir", campaign).out == first.out
    assert contents(campaign) == before
    assert call("replay", signature, "--dir", campaign).code == 1


def test_the_test_holds(campaign: Path) -> None:
    """`forkfuzz litmus` confirms what the run shows."""
    crash = campaign / "crashes" / visible_signature(campaign)
    outcome = call("litmus", crash / "minimal.litmus")
    assert outcome.code == 0
    assert "violates  snapshot.torn    Ok" in outcome.out


def test_the_title_is_of_the_run_that_is_shown(campaign: Path) -> None:
    """Of the shrunk one, where it says something else than the run as found."""
    signature = visible_signature(campaign)
    crash = campaign / "crashes" / signature
    found = Campaign(campaign).record(signature).message
    title = (crash / "race.txt").read_text().splitlines()[1].strip()
    assert title != found
    assert loads((crash / "minimal.schedule").read_bytes()).header["title"] == title
    assert f"\n\n{title}\n\n" in (crash / "README.md").read_text()
    call("shrink", signature, "--dir", campaign)
    assert loads((crash / "minimal.schedule").read_bytes()).header["title"] == title
    page = unescape(call("report", campaign).out)
    assert f"<td>{title}</td>" in page
    assert found not in page


@pytest.mark.parametrize("path", sorted(SHIPPED.iterdir()), ids=lambda path: path.stem)
def test_shipped_schedules_are_shrunk(path: Path, tmp_path: Path) -> None:
    """To a schedule that replays, with as many preemptions or fewer, and a test."""
    outcome = call("shrink", path, "--to", tmp_path, "--json")
    assert outcome.code == 1
    document = json.loads(outcome.out)
    schedule = loads((tmp_path / "minimal.schedule").read_bytes())
    assert schedule.header["signature"] == document["signature"]
    assert schedule.header["signature"] == loads(path.read_bytes()).header["signature"]
    assert document["test"] == (tmp_path / "minimal.litmus").read_text()
    assert call("replay", tmp_path / "minimal.schedule").code == 1


def test_a_file_goes_where_it_is_told(campaign: Path, tmp_path: Path) -> None:
    """A folder is made; the crash stays as it is."""
    record = campaign / "crashes" / visible_signature(campaign) / "record.json"
    before = contents(campaign)
    assert call("shrink", record, "--to", tmp_path / "new" / "folder").code == 1
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == {
        "minimal.litmus",
        "minimal.schedule",
    }
    assert contents(campaign) == before


def test_a_crash_goes_where_it_is_told(campaign: Path, tmp_path: Path) -> None:
    """And its own folder stays as it is."""
    signature = visible_signature(campaign)
    before = contents(campaign)
    folder = tmp_path / "elsewhere"
    outcome = call("shrink", signature, "--dir", campaign, "--to", folder)
    assert outcome.out.endswith(f"  written to {folder / 'minimal.schedule'}\n")
    assert call("replay", folder / "minimal.schedule").code == 1
    assert contents(campaign) == before


def test_what_has_no_violation_is_refused(tmp_path: Path) -> None:
    """There is nothing to keep."""
    path = tmp_path / "empty.schedule"
    path.write_text("forkfuzz schedule 1\nscenario: mp\nrules: seed\n\nend 0\n")
    outcome = call("shrink", path, "--to", tmp_path)
    assert_one_line(outcome, 2)
    assert "has no violation to keep" in outcome.err
    assert_one_line(call("shrink", "0" * 8, "--dir", tmp_path), 2)
    assert {p.name for p in tmp_path.iterdir()} == {"empty.schedule"}


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """A file is in its way."""
    path = next(iter(sorted(SHIPPED.iterdir())))
    (tmp_path / "file").write_text("")
    assert_one_line(call("shrink", path, "--to", tmp_path / "file"), 2)
