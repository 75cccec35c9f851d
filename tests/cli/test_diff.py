"""``forkfuzz diff``: two stored runs, side by side."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from forkfuzz.engine import Schedule, dumps

from .running import assert_one_line, call, visible_signature

CORPUS = Path(__file__).parents[2] / "corpus" / "regressions"
TORN = CORPUS / "rule-2-torn-inside-the-page.schedule"
OLD = TORN.read_text().replace("dup_mm:mm_init", "dup_mm:was_so_once")
"""A schedule of another model."""

BEYOND = OLD[: OLD.rindex("end ")] + "F x:y 1\n" * 100_001
"""More than anybody would read."""


def test_a_run_is_no_different_from_itself(campaign: Path) -> None:
    """All steps are in common, and nothing else is told."""
    signature = visible_signature(campaign)
    outcome = call("diff", signature, signature, "--dir", campaign)
    assert outcome.code == 0
    assert re.match(r"[1-9][0-9]+ steps in common\n", outcome.out)
    assert f"{signature}: the run is over: finished" in outcome.out
    assert outcome.out.endswith("both break the same properties\n")


def test_where_two_runs_part_is_shown(campaign: Path, tmp_path: Path) -> None:
    """A run of the fixed kernel in which nothing is decided is clean."""
    record = campaign / "crashes" / visible_signature(campaign) / "record.json"
    path = tmp_path / "nothing.schedule"
    path.write_text(dumps(Schedule((), {"scenario": "mp", "rules": "seed"})))
    outcome = call("diff", record, path)
    assert outcome.code == 1
    assert re.search(r"^only the first breaks .*snapshot\.torn", outcome.out, re.M)
    assert f"{path}, from step " in outcome.out
    assert re.search(r"^  and [0-9]+ more$", outcome.out, re.M)
    backwards = call("diff", path, record)
    assert "only the second breaks " in backwards.out


def test_as_json(campaign: Path) -> None:
    """One document with the figures."""
    signature = visible_signature(campaign)
    outcome = call("diff", signature, signature, "--dir", campaign, "--json")
    document = json.loads(outcome.out)
    assert document["same"] is True
    assert document["common"] > 10
    assert document["only_first"] == document["only_second"] == []


@pytest.mark.parametrize("text", ["# no schedule\n", "{}", OLD, BEYOND])
def test_a_message_says_which_of_the_two_it_is_about(text: str, tmp_path: Path) -> None:
    """Whatever is wrong with it; with the code that it would have alone."""
    path = tmp_path / "a file"
    path.write_text(text)
    alone = call("replay", path)
    for pair in ((path, TORN), (TORN, path)):
        outcome = call("diff", *pair)
        assert_one_line(outcome, alone.code)
        assert outcome.err.count(f"'{path}'") == 1


def test_what_cannot_be_opened_is_refused(campaign: Path, tmp_path: Path) -> None:
    """Whichever of the two it is."""
    signature = visible_signature(campaign)
    for pair in ((signature, tmp_path / "no"), (tmp_path / "no", signature)):
        assert_one_line(call("diff", *pair, "--dir", campaign), 2)
