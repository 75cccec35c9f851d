"""A run as one HTML file that needs nothing else: no network, no server.

The page holds the run as data and shows it with a few lines of script. Whatever comes
from outside, such as a name, is data to it, never markup.
"""

from __future__ import annotations

import html
import json
from importlib import resources
from typing import Any

from forkfuzz.checkers import Violation
from forkfuzz.engine import Schedule
from forkfuzz.report.events import Recording
from forkfuzz.report.race import race_rows
from forkfuzz.report.recording import moments
from forkfuzz.report.sanitize import printable
from forkfuzz.report.states import Moment
from forkfuzz.report.steps import describe
from forkfuzz.rules import format_rules


def html_page(recording: Recording, violation: Violation | None = None) -> str:
    """Return the page of a run.

    Args:
        recording: The run.
        violation: What its table shows; by default the one that a program can see.
    """
    violation = violation or recording.result.headline()
    result = recording.result
    decisions = Schedule.of(result.decisions, result.task_names).decisions
    states = moments(recording.program, recording.rules, decisions)
    title = f"{violation.prop if violation else 'run'} in {recording.program.name}"
    files = resources.files(__package__)
    page = files.joinpath("page.html").read_text(encoding="utf-8")
    parts = {
        "@TITLE@": html.escape(printable(title)),
        "@STYLE@": files.joinpath("page.css").read_text(encoding="utf-8"),
        "@SCRIPT@": files.joinpath("page.js").read_text(encoding="utf-8"),
        "@DATA@": _embedded(_data(recording, violation, states)),
    }
    for name, text in parts.items():
        page = page.replace(name, text)
    return page


def _embedded(data: Any) -> str:
    """Return JSON that no HTML parser sees the end of a script in."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data(
    recording: Recording, violation: Violation | None, states: list[Moment]
) -> dict[str, Any]:
    headers: list[str] = []
    rows: list[list[Any]] = []
    if violation is not None:
        headers, lines = race_rows(recording, violation)
        rows = [
            [line.column, line.depth, printable(line.text), line.note, line.step]
            for line in lines
        ]
    return {
        "rules": format_rules(recording.rules),
        "message": printable(violation.message) if violation else "no violation",
        "violation": violation.step if violation else 0,
        "headers": [printable(header) for header in headers],
        "table": rows,
        "steps": [
            [
                step.task,
                step.label,
                [
                    f"outcome {c.value} of {c.options} for {c.label}"
                    for c in step.choices
                ]
                + [describe(event) for event in step.events],
            ]
            for step in recording.steps
        ],
        "moments": [moment.cells for moment in states],
    }
