"""The search for guards that are no exhibits."""

from __future__ import annotations

import pytest

from bench.scripts import script
from forkfuzz.bench.exhibits import EXHIBITS
from quality.expectations import ROWS

heldout = script("heldout")


def test_what_is_held_out_is_every_other_guard_of_the_table() -> None:
    """Nothing that the strategies were chosen by, and nothing twice."""
    names = [each.name for each in heldout.held_out()]
    used = {(e.scenario, e.rules, e.prop) for e in EXHIBITS}
    told = [
        (r.scenario, f"seed,{r.value}", prop) for r in ROWS for prop in r.properties
    ]
    assert (
        len(set(names)) == len(names) == len([row for row in told if row not in used])
    )
    assert not used & {(e.scenario, e.rules, e.prop) for e in heldout.held_out()}


def test_the_last_row_compares_with_the_portfolio(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the geometric mean; a search that gave up counts as its limit."""
    exhibits = [e for e in EXHIBITS if e.name in {"ro-pin", "reuse-by-count"}]
    monkeypatch.setattr(heldout, "held_out", lambda: exhibits)
    assert heldout.main(["--seeds", "3", "--limit", "4", "--jobs", "1"]) == 0
    *_, first, second, last = capsys.readouterr().out.splitlines()
    medians = [
        [float(cell.split()[-1]) for cell in row.split("|")[2:-1]]
        for row in (first, second)
    ]
    times = [[median / row[0] for median in row[2:]] for row in medians]
    expected = [f"{(a * b) ** 0.5:.1f}" for a, b in zip(*times, strict=True)]
    assert [cell.strip() for cell in last.split("|")[4:-1]] == expected
    assert len(set(expected)) > 1
