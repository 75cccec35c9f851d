"""Views as documents for the page."""

from __future__ import annotations

from typing import Any

from forkfuzz.checkers import Violation
from forkfuzz.report import printable, race_table
from forkfuzz.report.page import race_data, run_data

from .look import View


def view_document(view: View, since: int) -> dict[str, Any]:
    """Return a view: ``since`` steps that are not told again, and what came after.

    Args:
        view: With the moments since then.
        since: Not more than it has steps.
    """
    question = view.question
    return {
        "path": view.path,
        "starts": view.starts,
        "since": since,
        **run_data(view.recording, view.moments, since),
        "question": question
        and {
            "outcome": question.outcome,
            "options": [
                [option.task, option.label, option.obj, option.stays]
                for option in question.options
            ],
        },
        "ended": "" if question else view.recording.result.outcome.value,
        "broken": [
            [violation.prop, printable(violation.message), violation.step]
            for violation in view.recording.result.violations
        ],
    }


def race_document(view: View) -> dict[str, Any]:
    """Return the race table of what a view's run has broken."""
    violation = view.recording.result.headline()
    data = race_data(view.recording, violation)
    return {**data, "text": _text(view, violation)}


def _text(view: View, violation: Violation | None) -> str:
    if violation is None:
        return ""
    return "\n".join(race_table(view.recording, violation))
