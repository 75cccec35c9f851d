"""Runs as the results of tests."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest
from syrupy.assertion import SnapshotAssertion

from driving import forker, program
from forkfuzz.report import Recording, junit_xml, race_table
from forkfuzz.scenarios import Program
from shown import NAMES, exhibit_run


@pytest.mark.parametrize("name", ["gup-fast", "lost-store"])
def test_a_result_is_as_it_was_looked_at(
    name: str, snapshot: SnapshotAssertion
) -> None:
    """One test, which fails."""
    run = exhibit_run(name)
    assert junit_xml(run.recording, run.violation, named="a.schedule") == snapshot


@pytest.mark.parametrize("name", NAMES)
def test_a_violation_is_a_failure_of_its_type(name: str) -> None:
    """With the message, and with the table as text."""
    run = exhibit_run(name)
    root = ET.fromstring(junit_xml(run.recording, run.violation))
    (case,) = root.iter("testcase")
    (failure,) = case
    assert failure.attrib["type"] == run.violation.prop
    assert failure.attrib["message"] == run.violation.message
    assert case.attrib["name"].startswith(f"{run.stored.program.name} under seed,")
    table = "\n".join(race_table(run.recording, run.violation))
    assert table in str(failure.text)
    assert str(failure.text).count("VIOLATION ") == len(run.recording.result.violations)
    for suite in (root, *root.iter("testsuite")):
        assert (suite.attrib["tests"], suite.attrib["failures"]) == ("1", "1")


def test_a_clean_run_passes_under_the_same_name(
    record_one: Callable[[Program, str], Recording],
) -> None:
    """So that a fix shows as a test that has been mended."""
    text = junit_xml(record_one(program(["A"], forker()), "seed"))
    root = ET.fromstring(text)
    (case,) = root.iter("testcase")
    assert (case.attrib["name"], list(case)) == ("test under seed", [])
    assert root.attrib["failures"] == "0"
