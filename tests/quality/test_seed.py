"""Under the documented protocol nothing is found, and what is exempt is not flagged."""

from __future__ import annotations

import pytest

from forkfuzz.harness import Run
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios import SCENARIOS, open_program
from forkfuzz.strategies import Pct
from quality.searching import first_runs, walk

RUNS = 300
"""Runs of each scenario here; the sweep does 200,000."""

VARIANTS = (
    *SCENARIOS,
    "dontneed read_only=1",
    "fork-fails site=0",
    "fork-fails site=2",
    "dirty-bit lax=1",
    "mp pages=6 pinned=0",
    "mp pages=3 threads=2 rounds=1",
    "refs-1023 has_pinned=0",
    "ro-upgrade pinned=1",
    "ro-pin fast=0",
)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", VARIANTS)
def test_the_documented_protocol_breaks_nothing(scenario: str) -> None:
    """A guided search finds no violation under the seed rules."""
    assert first_runs(scenario, "seed", (), seed=1, runs=RUNS) == {}


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_reaches_what_it_is_for(scenario: str) -> None:
    """A search reaches every label that the scenario declares."""
    program = open_program(scenario)
    missing = set(program.sometimes)
    for result in walk(scenario, "seed", seed=1, runs=2000):
        missing -= set(result.reached)
        if not missing:
            break
    assert missing == set()


def test_the_exempt_anomaly_happens_and_is_not_flagged() -> None:
    """The child sees the flag without the device's data, under mainline, unflagged."""
    program, rules = open_program("xu"), parse_rules("mainline")
    strategy = Pct(1)
    anomalies = 0
    for _ in range(400):
        strategy.begin()
        run = Run(program, rules, strategy)
        assert run.execute().violations == ()
        registers = run.execution.registers
        anomalies += registers["C", "b"] == 1 and registers["C", "a"] == 0
    assert anomalies > 0
