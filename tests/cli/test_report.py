"""``forkfuzz report``: one page about a campaign, whatever its directory holds."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from cli.running import QUICK, call


@pytest.fixture(scope="module", name="kept")
def _kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a campaign of two scenarios, one of them twice."""
    folder = tmp_path_factory.mktemp("campaign") / "c"
    for runs, *scenarios in ((60, "mp", "signal"), (40, "mp")):
        call(
            *("fuzz", *scenarios, "--rules", "mainline", "--runs", runs),
            *("--keep-going", "--dir", folder, *QUICK),
        )
    return folder


@pytest.fixture(name="campaign")
def _campaign(kept: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may damage."""
    return Path(shutil.copytree(kept, tmp_path / "c"))


class _Page(HTMLParser):
    """The elements of a page and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text.append(data)


def page_of(folder: Path) -> str:
    """Return the page."""
    outcome = call("report", folder)
    assert (outcome.code, outcome.err) == (0, "")
    return outcome.out


def test_the_page_tells_what_was_found_and_what_was_missed(campaign: Path) -> None:
    """Violations with their tables, a section for each scenario, points not reached."""
    text = "\n".join(_Page(page_of(campaign)).text)
    for path in (campaign / "crashes").iterdir():
        assert path.name in text
        assert (path / "race.txt").read_text().rstrip("\n") in text
    assert "mp, rules mainline" in text
    assert "signal, rules mainline" in text
    assert "Never reached, in functions that were entered" in text
    assert "different interleavings" in text


def test_a_campaign_that_went_on_is_counted_on(campaign: Path) -> None:
    """The runs of both parts are on one line of time."""
    text = " ".join(_Page(page_of(campaign)).text)
    assert re.search(r"runs\s+100\s", text)
    assert re.search(r"runs\s+60\s", text)


def test_the_page_loads_and_runs_nothing(campaign: Path) -> None:
    """No script, and no address but those within the page."""
    page = page_of(campaign)
    assert "script" not in _Page(page).tags
    links = re.findall(r'(?:href|src)="(.*?)"', page)
    assert links
    assert all(link.startswith("#") for link in links)
    assert page.count("<polyline") == 4


def test_it_can_be_written_to_a_file(campaign: Path) -> None:
    """The same page."""
    path = campaign / "page.html"
    assert call("report", campaign, "-o", path).code == 0
    assert path.read_text() == page_of(campaign)


def test_a_campaign_with_nothing_in_it_has_a_page(campaign: Path) -> None:
    """One that was killed at once."""
    (campaign / "stats.ndjson").unlink()
    shutil.rmtree(campaign / "crashes")
    assert "Violations: 0" in page_of(campaign)


def test_a_crash_that_was_not_told_yet_is_shown(campaign: Path) -> None:
    """Killed between saving and shrinking."""
    for path in (campaign / "crashes").glob("*/race.txt"):
        path.unlink()
    assert "snapshot.torn" in page_of(campaign)


@pytest.mark.parametrize(
    "damage", [None, b"", b'{"format":"forkfuzz-crash","ver', b"[]"]
)
def test_a_damaged_crash_is_left_out(campaign: Path, damage: bytes | None) -> None:
    """The others are shown; what is not is named, with the reason and exit code 2."""
    lost, *others = sorted((campaign / "crashes").iterdir())
    path = lost / "record.json"
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    outcome = call("report", campaign)
    assert outcome.code == 2
    assert outcome.err.startswith(f"report: left out {lost.name}: ")
    assert f"'{path}'" in outcome.err
    assert outcome.err.count("\n") == 1
    text = "\n".join(_Page(outcome.out).text)
    assert others
    assert all(path.name in text for path in others)
    assert lost.name not in text


def line(**changes: Any) -> str:
    """Return a line of statistics."""
    sample = {"scenario": "mp", "rules": "seed", "elapsed": 1.5, "runs": 7, **changes}
    return json.dumps(sample) + "\n"


def summary(**changes: Any) -> str:
    """Return a line of statistics that stands for the end of a campaign."""
    counts = {"runs": 7, "interleavings": 5, "outcomes": 2}
    how = {"reason": "runs", "strategy": "pct", "engine": "builtin"}
    none: dict[str, Any] = {"points": [], "unreached": [], "left_out": []}
    where = {"scenario": "mp", "rules": "seed"}
    return json.dumps({**where, **how, **counts, **none, **changes}) + "\n"


def test_campaigns_are_told_together(campaign: Path) -> None:
    """What one of them has reached is reached, and counts are added where that is right."""
    (campaign / "stats.ndjson").write_text(
        line(runs=7, hits=1, features=30)
        + summary(points=["f:a", "g:a"], unreached=["x", "y"], left_out=["f:b", "g:b"])
        + line(runs=5, hits=9, features=8)  # killed
        + line(runs=4, hits=2, features=8)
        + line(runs=50, hits=3, features=9)
        + summary(interleavings=3, outcomes=4, strategy="coverage", reason="time")
        + line(runs=60, hits=5, features=9)
        + summary(points=["f:b", "f:a"], unreached=["y", "z"], left_out=["f:c"])
    )
    text = " ".join(" ".join(_Page(page_of(campaign)).text).split())
    for told in (
        "runs 122 ",
        "runs with a violation 18 ",
        "features reached 30 ",
        "campaigns that ended 3 ",
        "the last ended by runs ",
        "strategy pct, engine builtin; coverage, engine builtin ",
        "different interleavings at least 5 ",
        "different outcomes at least 4 ",
        "points reached 3 ",
        "Never reached, in functions that were entered: f:c , g:b",
    ):
        assert told in text
    assert "Should have been reached" not in text  # the second has reached them all


def test_what_no_campaign_reached_is_told(campaign: Path) -> None:
    """And of a single one all is known."""
    path = campaign / "stats.ndjson"
    path.write_text(summary(unreached=["x:a", "y:a"]))
    text = " ".join(" ".join(_Page(page_of(campaign)).text).split())
    assert "different interleavings 5 " in text
    assert "Should have been reached, and was not: x:a , y:a" in text
    path.write_text(summary(unreached=["y:a", "x:a"]) + summary(unreached=["y:a"]))
    text = " ".join(" ".join(_Page(page_of(campaign)).text).split())
    assert "Should have been reached, and was not: y:a" in text


HOSTILE = "</style><script>alert(1)</script>\x1b[31m\u202e\x00&lt;']]>"


def test_hostile_text_is_text(campaign: Path) -> None:
    """In statistics and in the table of a crash."""
    (campaign / "stats.ndjson").write_text(
        line(scenario=HOSTILE, rules=HOSTILE, params={HOSTILE: 1})
    )
    for path in (campaign / "crashes").glob("*/race.txt"):
        path.write_text(HOSTILE)
    page = page_of(campaign)
    assert "script" not in _Page(page).tags
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\uffff]", page)


@pytest.mark.parametrize(
    "damage",
    [
        line(runs=-1),
        line(runs="7"),
        line(elapsed=None),
        line(elapsed=1e300),
        line(scenario="x" * 1000),
        line(params={"x": 1.5}),
        line(reason="runs"),
        '{"runs":1}\n',
        "[]\n",
        "{\n",
        "\xff\n",
    ],
)
def test_damaged_statistics_are_left_out(campaign: Path, damage: str) -> None:
    """Named in one line, with exit code 2; the page has all the rest."""
    path = campaign / "stats.ndjson"
    whole = call("report", campaign)
    assert (whole.code, whole.err) == (0, "")
    first, *others = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + damage.encode("latin-1") + b"".join(others))
    outcome = call("report", campaign)
    assert (outcome.code, outcome.out) == (2, whole.out)
    expected = "report: left out a damaged line of stats.ndjson: line 2: "
    assert outcome.err.startswith(expected)
    assert outcome.err.count("\n") == 1


def test_many_damaged_lines_are_counted(campaign: Path) -> None:
    """One of them is enough to tell what is wrong."""
    with (campaign / "stats.ndjson").open("a") as file:
        file.write("{\n" * 1000)
    outcome = call("report", campaign)
    assert outcome.code == 2
    expected = "report: left out 1000 damaged lines of stats.ndjson: line "
    assert outcome.err.startswith(expected)
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("name", ["missing", "file"])
def test_what_is_no_campaign_is_one_line(tmp_path: Path, name: str) -> None:
    """And exit code 2."""
    (tmp_path / "file").write_text("x")
    outcome = call("report", tmp_path / name)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1
