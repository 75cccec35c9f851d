"""What each missing guard breaks, and that the page that says so is true."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from exhaustive.test_witness import IN_PAGE
from forkfuzz.exhaustive import decide
from forkfuzz.exhaustive.matrix import SEED, matrix, other_values
from forkfuzz.litmus import load
from forkfuzz.scenarios import program as p
from forkfuzz.search import Limits

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "matrix.md"

COPY = p.Program(
    "cow",
    (p.PageSpec("A", read_only=True, pin="rw"),),
    (p.Thread("T1", (p.Store("A", 0, 1),)),),
)


def test_rows_say_what_breaks_and_by_what() -> None:
    """The documented protocol breaks nothing; each value is tried where it is asked."""
    values = [
        ("pinned_copy", "copy_only"),
        ("reuse", "refcount"),
        ("pin_bias", "above"),
    ]
    programs = {"in-page": IN_PAGE, "cow": COPY, "cow-again": COPY}
    rows = matrix(programs, Limits(), values=values)
    assert [(row.field, row.value) for row in rows] == [("", ""), *values]
    assert rows[0].cells == ()
    assert rows[0].programs == 2  # the third is the second under another name
    assert [cell.prop for cell in rows[1].cells] == ["snapshot.stale", "snapshot.torn"]
    torn = rows[1].cells[1]
    assert (torn.program, torn.preemptions, torn.also) == ("in-page", 1, 0)
    assert [(cell.prop, cell.program) for cell in rows[2].cells] == [
        ("pin.diverged", "cow")
    ]
    assert rows[2].programs == 2
    assert (rows[3].cells, rows[3].programs) == ((), 1)  # no fork in the other


def test_what_is_too_large_is_told() -> None:
    """A program that is not looked at in full shows nothing."""
    rows = matrix(
        {"in-page": IN_PAGE}, Limits(states=10), values=[("reuse", "mapcount")]
    )
    assert rows[0].unsure == ("in-page",)
    assert rows[1].programs == 0


def page_rows() -> Iterator[list[str]]:
    """Give the rows of the table, names of guards filled in."""
    field = value = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip(" `") for cell in line.strip("|").split("|")]
        if len(cells) == 8 and cells[0] not in ("guard", "---"):
            field, value = cells[0] or field, cells[1] or value
            yield [field, value, *cells[2:]]


def test_page_has_every_value_of_every_guard() -> None:
    """Each breaks something there, or is a negative control."""
    told = {(row[0], row[1]) for row in page_rows()}
    assert told == {("none", "seed"), *other_values()}


def cheapest() -> dict[str, list[str]]:
    """Return, of each guard, the row that is decided with the fewest states."""
    rows: dict[str, list[str]] = {}
    for row in page_rows():
        if row[4] and (row[0] not in rows or int(row[6]) < int(rows[row[0]][6])):
            rows[row[0]] = row
    return rows


@pytest.mark.parametrize("row", cheapest().values(), ids=lambda row: row[0])
def test_page_is_true(row: list[str]) -> None:
    """The test named breaks the property, in so many states."""
    field, value, prop, name, _, _, states, _ = row
    program = load(ROOT / "tests" / "litmus" / f"{name}.litmus").program
    rules = attrs.evolve(SEED, **{field: value})
    decided = decide(program, rules, lambda _run: None)
    assert prop in decided.properties
    assert decided.progress.states == int(states)
