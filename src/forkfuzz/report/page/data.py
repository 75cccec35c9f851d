"""Runs as the data of a page, ready to become JSON; every text in it is printable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forkfuzz.checkers import Violation
from forkfuzz.report.race.table import race_rows
from forkfuzz.report.recording.events import Recording, Step
from forkfuzz.report.recording.states import Moment
from forkfuzz.report.sanitize import printable
from forkfuzz.report.steps import describe


def run_data(
    recording: Recording, states: Sequence[Moment], since: int = 0
) -> dict[str, Any]:
    """Return the steps of a run after the first *since*, and the states given."""
    return {
        "steps": [_step(step) for step in recording.steps[since:]],
        "moments": [moment.cells for moment in states],
    }


def _step(step: Step) -> list[Any]:
    told = [f"outcome {c.value} of {c.options} for {c.label}" for c in step.choices]
    told += [describe(event) for event in step.events]
    return [step.task, step.label, told]


def race_data(recording: Recording, violation: Violation | None) -> dict[str, Any]:
    """Return what a violation is, and the race table that shows it."""
    headers: list[str] = []
    rows: list[list[Any]] = []
    if violation is not None:
        headers, lines = race_rows(recording, violation)
        rows = [
            [line.column, line.depth, printable(line.text), line.note, line.step]
            for line in lines
        ]
    return {
        "message": printable(violation.message) if violation else "no violation",
        "violation": violation.step if violation else 0,
        "headers": [printable(header) for header in headers],
        "table": rows,
    }
