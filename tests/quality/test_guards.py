"""Each guard of the protocol is needed: without it, a search finds what breaks."""

from __future__ import annotations

import pytest

from forkfuzz.checkers import PROPERTIES
from forkfuzz.rules import FIELDS
from forkfuzz.scenarios import SCENARIOS
from quality.expectations import CONTROLS, ROWS, Row
from quality.searching import first_runs

CONTROL_RUNS = 150
"""Runs of each scenario under each control here; the sweep does a thousand times more."""


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.value}-{row.scenario}")
def test_a_missing_guard_is_found_within_its_bound(row: Row) -> None:
    """A guided search from nothing breaks the named properties within the bound."""
    found = first_runs(
        row.scenario, f"seed,{row.value}", row.properties, seed=1, runs=row.runs
    )
    assert {prop: found.get(prop, 0) > 0 for prop in row.properties} == dict.fromkeys(
        row.properties, True
    )


@pytest.mark.slow
@pytest.mark.parametrize("control", CONTROLS)
def test_a_negative_control_breaks_nothing(control: str) -> None:
    """A difference that is no guard is never reported, by any scenario."""
    for scenario in SCENARIOS:
        found = first_runs(scenario, f"seed,{control}", (), seed=1, runs=CONTROL_RUNS)
        assert found == {}, scenario


def test_every_value_of_every_guard_has_a_row() -> None:
    """No value is left without a row, or being a control."""
    values = {
        f"{name}={value}"
        for name, field in FIELDS.items()
        for value in field.metadata["values"][1:]
    }
    assert {row.value for row in ROWS} | {*CONTROLS} == values


def test_rows_name_properties_that_exist() -> None:
    """What a row expects is spelled as checkers spell it."""
    assert {prop for row in ROWS for prop in row.properties} <= set(PROPERTIES)


def test_fields_name_properties_that_exist() -> None:
    """What breaks without a guard is spelled as checkers spell it."""
    named = {
        prop
        for field in FIELDS.values()
        for prop in field.metadata["breaks"].split(", ")
        if prop
    }
    assert named <= set(PROPERTIES)
