"""The table of how plain counterexamples are."""

from __future__ import annotations

import re

import pytest

from bench.scripts import script
from forkfuzz.bench.exhibits import find_exhibits
from forkfuzz.bench.finding import Search

witnesses = script("witnesses")


def search(name: str, limit: int) -> Search:
    """Return the portfolio's search for an exhibit, with seed 1."""
    return Search(find_exhibits((name,))[0], "portfolio", 1, limit)


def test_a_witness_is_what_a_campaign_shows() -> None:
    """Shorter than the run that was found; its table begins with the columns."""
    shown = witnesses.witness(search("two-zaps", 100))
    before, after = shown.steps
    assert after < before
    assert shown.preemptions[1] == 0
    assert shown.proved
    assert 2 < shown.rows < after


def test_there_is_none_of_what_is_not_found() -> None:
    """Nothing is said of such a search but that."""
    assert witnesses.witness(search("rmap-early", 1)) is None


def test_the_last_row_has_the_medians_of_the_exhibits(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each exhibit counts once, however many seeds there were."""
    assert witnesses.main(["two-zaps", "no-flush", "--seeds", "2", "--jobs", "1"]) == 0
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines()]
    head, _, *exhibits, last = [[cell.strip() for cell in row] for row in rows]
    assert tuple(head) == witnesses.COLUMNS
    assert [row[:2] for row in exhibits] == [["two-zaps", "2/2"], ["no-flush", "2/2"]]
    for column in (2, 5):
        values = [float(re.sub(r".*-> | \(.*", "", row[column])) for row in exhibits]
        assert float(last[column]) == sum(values) / 2
