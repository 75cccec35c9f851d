"""Runs as SARIF, by hand against what the standard requires."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from driving import forker, program
from forkfuzz import __version__
from forkfuzz.checkers import PROPERTIES
from forkfuzz.report import Recording, race_rows, sarif_log
from forkfuzz.rules import format_rules
from forkfuzz.scenarios import Program
from shown import NAMES, exhibit_run


def run_of(recording: Recording) -> Any:
    """Return the only run of the log."""
    log = json.loads(sarif_log(recording, __version__))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    return run


@pytest.mark.parametrize("name", ["gup-fast", "lost-store"])
def test_results_are_as_they_were_looked_at(
    name: str, snapshot: SnapshotAssertion
) -> None:
    """Of two exhibits; the rules are the same for all of them."""
    assert run_of(exhibit_run(name).recording)["results"] == snapshot


def test_the_tool_has_a_rule_for_each_property() -> None:
    """Each with words and help; identities are unique."""
    driver = run_of(exhibit_run("gup-fast").recording)["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("forkfuzz", __version__)
    assert [rule["id"] for rule in driver["rules"]] == list(PROPERTIES)
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"].endswith(".")
        assert PROPERTIES[rule["id"]] in rule["help"]["text"]


@pytest.mark.parametrize("name", NAMES)
def test_each_violation_is_a_result(name: str) -> None:
    """With its rule, message, level, functions and fingerprint."""
    recording = exhibit_run(name).recording
    run = run_of(recording)
    results = run["results"]
    assert len(results) == len(recording.result.violations)
    for result, violation in zip(results, recording.result.violations, strict=True):
        assert result["ruleId"] == violation.prop
        rules = run["tool"]["driver"]["rules"]
        assert rules[result["ruleIndex"]]["id"] == violation.prop
        assert result["message"] == {"text": violation.message}
        assert result["level"] in {"error", "warning"}
        signature = violation.signature(format_rules(recording.rules))
        assert list(result["partialFingerprints"].values()) == [signature]
        names = [
            place["fullyQualifiedName"]
            for location in result["locations"]
            for place in location["logicalLocations"]
        ]
        assert names == list(violation.points)


@pytest.mark.parametrize("name", NAMES)
def test_a_code_flow_is_the_race(name: str) -> None:
    """A thread for each task, and the lines of the table in the order of steps."""
    run = exhibit_run(name)
    headers, lines = race_rows(run.recording, run.violation)
    number = run.recording.result.violations.index(run.violation)
    (flow,) = run_of(run.recording)["results"][number]["codeFlows"]
    told = []
    for thread in flow["threadFlows"]:
        orders = [place["executionOrder"] for place in thread["locations"]]
        assert orders == sorted(orders)
        assert thread["id"] in headers
        for place in thread["locations"]:
            assert place["importance"] in {"essential", "important", "unimportant"}
            (where,) = place["location"]["logicalLocations"]
            assert where["kind"] == "function"
            told.append(place["location"]["message"]["text"])
    assert sorted(told) == sorted(line.text for line in lines)


def test_a_clean_run_has_no_results(
    record_one: Callable[[Program, str], Recording],
) -> None:
    """An empty list says that one has looked."""
    assert run_of(record_one(program(["A"], forker()), "seed"))["results"] == []
