"""Searches for exhibits: counted honestly, and told with statistics that know of it."""

from __future__ import annotations

import math
import random
import sys
from json import loads
from pathlib import Path

import pytest

from cli.running import call
from forkfuzz.bench.exhibits import EXHIBITS, Exhibit, find_exhibits
from forkfuzz.bench.finding import Sample, Search, search, search_all
from forkfuzz.bench.plot import drawn
from forkfuzz.bench.survival import Summary, p_value, summarize
from forkfuzz.campaign.config import GUIDED
from forkfuzz.checkers import PROPERTIES
from forkfuzz.errors import UsageError
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios import open_program

EASY = Exhibit("easy", "mp", "seed,pinned_copy=copy_only", "snapshot.torn")


def samples(*runs: int, limit: int = 100) -> list[Sample]:
    """Return searches that took so many runs, or gave up at the limit."""
    return [Sample(min(n, limit), n <= limit, 0.0) for n in runs]


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda exhibit: exhibit.name)
def test_every_exhibit_is_there(exhibit: Exhibit) -> None:
    """Scenario, rules and property exist."""
    open_program(exhibit.scenario)
    parse_rules(exhibit.rules)
    assert exhibit.prop in PROPERTIES


def test_exhibits_are_found_by_name() -> None:
    """Without a name, all of them."""
    assert find_exhibits(()) == EXHIBITS
    assert [e.name for e in find_exhibits(("gup-fast", "ro-pin"))] == [
        "gup-fast",
        "ro-pin",
    ]
    with pytest.raises(UsageError, match=r"^no exhibit 'x'; there are pinned-copy, "):
        find_exhibits(("x",))


@pytest.mark.parametrize("strategy", [*GUIDED[:2], "urw"])
def test_a_search_ends_with_the_bug_or_gives_up(strategy: str) -> None:
    """With a seed it is the same again."""
    first = search(Search(EASY, strategy, 1, 500))
    again = search(Search(EASY, strategy, 1, 500))
    assert first.found
    assert (first.runs, first.found) == (again.runs, again.found)
    if first.runs > 1:
        less = search(Search(EASY, strategy, 1, first.runs - 1))
        assert (less.runs, less.found) == (first.runs - 1, False)


def test_samples_belong_to_their_strategy() -> None:
    """In the order of the seeds."""
    found = search_all(EASY, ["urw", "pct"], seeds=3, limit=50)
    for name, each in found.items():
        for seed, sample in enumerate(each, 1):
            assert sample.runs == search(Search(EASY, name, seed, 50)).runs


def test_without_censoring_the_median_is_the_ordinary_one() -> None:
    """Of an odd number of searches, the one in the middle."""
    summary = summarize(samples(9, 2, 7, 30, 1))
    assert (summary.median, summary.found, summary.searches) == (7, 5, 5)
    assert summary.low is not None
    assert summary.low <= 7


def test_searches_that_gave_up_count_as_longer() -> None:
    """If half of them gave up, the median is not known."""
    assert summarize(samples(5, 8, 200, 300, 400)).median is None
    assert summarize(samples(5, 8, 9, 300, 400)).median == 9


def test_a_median_is_told_with_its_interval() -> None:
    """Where there is one, and as far as the searches went."""
    assert summarize(samples(200, 300)).told(100) == "more than 100"
    assert Summary(3, 3, 3, 5, 5).told(100) == "3"
    assert Summary(3, None, None, 5, 5).told(100) == "3"
    assert Summary(12, 8, 40, 5, 5).told(100) == "12 (8 to 40)"
    assert Summary(12, 8, None, 3, 5).told(100) == "12 (8 to more than 100)"


def test_medians_of_geometric_searches_are_those_of_theory() -> None:
    """Censored or not, the interval has the median in it, mostly."""
    rng = random.Random(1)
    chance, inside = 0.02, 0
    theory = math.log(2) / chance
    for _ in range(60):
        drawn = [
            int(math.log(rng.random()) / math.log(1 - chance)) + 1 for _ in range(30)
        ]
        summary = summarize(samples(*drawn, limit=60))
        low, high = summary.low or 0, summary.high or 10**9
        inside += low <= theory + 1 and theory - 1 <= high
    # 57 by theory, standard deviation 1.7.
    assert inside >= 50


def test_differences_are_told_from_chance() -> None:
    """A clear one is, none is not, and nothing found says nothing."""
    quick, slow = samples(*range(1, 21)), samples(*range(60, 140, 4))
    assert p_value(quick, slow) < 1e-4
    assert p_value(quick, quick) > 0.9
    assert p_value(samples(200), samples(300)) == 1.0


def test_the_command_prints_a_table_and_draws() -> None:
    """A row for each exhibit, a column for each strategy, and who is best."""
    outcome = call(
        *("bench", "find", "pinned-copy", "ro-pin", "--seeds", "3", "--runs", "60"),
        *("--strategies", "portfolio,urw"),
    )
    assert outcome.code == 0
    header, rule, *rows = outcome.out.splitlines()
    assert header == "| exhibit | portfolio | urw | best single |"
    assert rule == "| --- | --- | --- | --- |"
    assert [row.split(" | ")[0] for row in rows] == ["| pinned-copy", "| ro-pin"]
    assert all("| urw: portfolio x " in row for row in rows)


def test_the_command_gives_every_sample_as_json() -> None:
    """One document an exhibit."""
    outcome = call(
        *("bench", "find", "ro-pin", "--seeds", "2", "--runs", "60", "--json"),
        *("--strategies", "urw"),
    )
    document = loads(outcome.out)
    assert document["exhibit"]["name"] == "ro-pin"
    assert len(document["strategies"]["urw"]["runs"]) == 2
    assert document["best_single"] == "urw"


@pytest.mark.parametrize(
    ("searches", "expected"),
    [
        (samples(1, 1, 1), ([1, 200], [1, 1])),
        (samples(4, 9), ([1, 4, 9, 200], [0, 0.5, 1, 1])),
        (samples(4, 101), ([1, 4, 100, 200], [0, 0.5, 0.5, 0.5])),
        (samples(101, 101), ([1, 100, 200], [0, 0, 0])),
    ],
    ids=["at once", "all", "half", "none"],
)
def test_curves_go_from_the_first_run_to_the_last(
    searches: list[Sample], expected: tuple[list[float], list[float]]
) -> None:
    """Even where all searches have found the bug in their first run."""
    assert drawn(searches, 200) == expected


def test_plots_are_drawn_and_equal_for_equal_data(tmp_path: Path) -> None:
    """As SVG; a name that says no known format is refused."""
    arguments = [
        *("bench", "find", "ro-pin", "--seeds", "2", "--runs", "30"),
        *("--strategies", "urw", "--plot"),
    ]
    first, second = tmp_path / "a.svg", tmp_path / "b.svg"
    for path in (first, second):
        assert call(*arguments, path).code == 0
    assert first.read_bytes() == second.read_bytes()
    assert b"ro-pin" in first.read_bytes() or b"<svg" in first.read_bytes()
    outcome = call(*arguments, tmp_path / "x.nothing")
    assert outcome.code == 2
    assert outcome.err.startswith("forkfuzz: cannot write ")


@pytest.mark.parametrize("verb", ["find", "grow"])
@pytest.mark.parametrize("name", ["x.nothing", "x", "missing/x.svg"])
def test_what_cannot_be_plotted_is_refused_before_the_work(
    verb: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may take hours."""
    forbid_work(monkeypatch)
    outcome = call("bench", verb, "--plot", tmp_path / name)
    assert outcome.code == 2
    assert outcome.err.startswith(f"forkfuzz: cannot write '{tmp_path / name}': ")


@pytest.mark.parametrize(
    ("verb", "missing"),
    [("find", "matplotlib"), ("grow", "matplotlib"), ("find", "scipy")],
)
def test_who_lacks_a_library_is_told_before_the_work(
    verb: str, missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And how to get it."""
    forbid_work(monkeypatch)
    monkeypatch.setitem(sys.modules, missing, None)
    outcome = call("bench", verb, "--plot", tmp_path / "x.svg")
    assert outcome.code == 2
    assert f" need {missing}: in a clone, pip install '.[stats]'" in outcome.err


def forbid_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no benchmark begin."""

    def work(*_args: object, **_options: object) -> None:
        pytest.fail("the work has begun")

    monkeypatch.setattr("forkfuzz.bench.finding.search_all", work)
    monkeypatch.setattr("forkfuzz.bench.growth.measure", work)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nope"], "no exhibit 'nope'; there are "),
        (["ro-pin", "--strategies", "best"], "unknown strategy 'best'; "),
        (["ro-pin", "--strategies", ""], "unknown strategy ''; "),
    ],
)
def test_bad_input_is_refused(arguments: list[str], expected: str) -> None:
    """In one line, before anything is measured."""
    outcome = call("bench", "find", *arguments)
    assert outcome.code == 2
    assert expected in outcome.err
    assert outcome.out == ""
