"""The benchmark: figures that make sense, whatever the machine's speed."""

from __future__ import annotations

from collections.abc import Callable
from json import loads

import pytest
from click.testing import CliRunner

from forkfuzz.bench import (
    Comparison,
    compare_drivers,
    compare_feedback,
    compare_switching,
)
from forkfuzz.cli import cli
from forkfuzz.errors import UsageError
from forkfuzz.harness import Run
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios import open_program
from forkfuzz.strategies import Bytes

Compare = Callable[..., Comparison]


@pytest.mark.parametrize(
    ("compare", "names"),
    [
        (compare_drivers, ("trio", "inline")),
        (compare_feedback, ("counters", "without")),
    ],
)
def test_a_comparison_has_sane_figures(
    compare: Compare, names: tuple[str, str]
) -> None:
    """Rates above nothing, the ratio within its spread, a share that is a share."""
    result = compare("mp", "mainline", runs=4, pairs=3, seed=1)
    low, high = result.spread
    assert result.names == names
    assert min(result.rates) > 0
    assert 0 < low <= result.ratio <= high
    assert (result.runs, result.pairs) == (4, 3)
    assert 0 < result.switch_rate < 1


def test_the_work_depends_on_the_seed_alone() -> None:
    """Both comparisons, and both drivers, make the same runs of the same inputs."""
    first = compare_drivers("mp", "mainline", runs=6, pairs=1, seed=2)
    second = compare_feedback("mp", "mainline", runs=6, pairs=1, seed=2)
    other = compare_drivers("mp", "mainline", runs=6, pairs=1, seed=3)
    assert (first.steps, first.switch_rate) == (second.steps, second.switch_rate)
    assert (first.steps, first.switch_rate) != (other.steps, other.switch_rate)


def test_the_first_input_is_the_empty_one() -> None:
    """So a single run has the steps of the run that nothing decides."""
    result = compare_drivers("mp", "mainline", runs=1, pairs=1, seed=1)
    plain = Run(open_program("mp"), parse_rules("mainline"), Bytes(b"")).execute()
    assert result.steps == plain.steps


def test_an_unknown_scenario_is_refused() -> None:
    """Before anything is measured."""
    with pytest.raises(UsageError, match=r"^no scenario 'nope'; there are mp, .*$"):
        compare_drivers("nope", "mainline", runs=1, pairs=1, seed=1)


def test_the_command_prints_both_comparisons_as_json() -> None:
    """One document, a list of two."""
    arguments = ["bench", "drivers", "--json", "--runs", "5", "--pairs", "1"]
    result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert result.return_value == 0
    drivers, feedback = loads(result.stdout)
    assert drivers["names"] == ["trio", "inline"]
    assert feedback["names"] == ["counters", "without"]
    assert drivers["runs"] == feedback["runs"] == 5
    assert result.stderr == ""


def test_the_command_prints_both_comparisons_as_text() -> None:
    """Rates, the ratio with its spread, and what a run is like."""
    arguments = [
        "bench",
        "drivers",
        "horn",
        "--rules",
        "v7.0",
        "--runs",
        "3",
        "--pairs",
        "1",
    ]
    result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    lines = result.stdout.splitlines()
    assert result.return_value == 0
    assert lines[0] == "horn under mainline: medians of 1 pair of 3 runs"
    assert sum(" runs/s " in line for line in lines) == 2
    assert max(map(len, lines)) < 80


def test_switching_more_means_more_switches() -> None:
    """The five comparisons are of inputs that ask for a switch more and more often."""
    rates = [
        comparison.switch_rate
        for comparison in compare_switching("mp", "mainline", runs=20, pairs=1, seed=1)
    ]
    assert rates == sorted(rates)
    assert rates[-1] > 3 * rates[0]


def test_the_command_compares_switch_rates() -> None:
    """One comparison of the drivers for each rate."""
    arguments = [
        "bench",
        "drivers",
        "--json",
        "--switches",
        "--runs",
        "3",
        "--pairs",
        "1",
    ]
    result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert [c["names"] for c in loads(result.stdout)] == [["trio", "inline"]] * 5
