"""Stored runs in forms that other programs read: unit tests, diagrams, reports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from forkfuzz.engine import Schedule, dumps
from forkfuzz.errors import UsageError
from forkfuzz.litmus import format_test
from forkfuzz.report import race_table
from forkfuzz.rules import format_rules

if TYPE_CHECKING:
    from forkfuzz.checkers import Violation
    from forkfuzz.report import Recording

    from .stored import Stored

PYTEST = '''\
"""{message}

{table}
"""

import forkfuzz

RULES = "{rules}"

PROGRAM = """\\
{program}"""

SCHEDULE = """\\
{schedule}"""


async def test_{name}():
    """The schedule that broke {prop} does not break it any more."""
    run = await forkfuzz.replay(PROGRAM, SCHEDULE, rules=RULES)
    assert "{signature}" not in run.signatures
    assert "{prop}" not in run.properties
'''


def litmus_form(stored: Stored) -> str:
    """Return the program as a litmus test that claims what the run shows.

    Raises:
        UsageError: No test can say it.
    """
    name = stored.test.name if stored.test else stored.program.name.split()[0]
    claims = [f"violates {stored.violates}"] if stored.violates else []
    return format_test(
        name, stored.program, format_rules(stored.rules), assertions=claims
    )


def pytest_form(
    stored: Stored, recording: Recording, violation: Violation | None
) -> str:
    """Return a test for pytest-trio that passes once the violation is gone.

    Raises:
        UsageError: There is no violation, or no litmus test can say the program.
    """
    if violation is None:
        msg = f"{stored.name!r} has no violation to test for"
        raise UsageError(msg)
    rules = format_rules(stored.rules)
    signature = violation.signature(rules)
    header = {"rules": rules, "violates": violation.prop, "signature": signature}
    result = recording.result
    schedule = Schedule.of(result.decisions, result.task_names, header)
    return PYTEST.format(
        message=violation.message,
        table="\n".join(race_table(recording, violation)),
        rules=rules,
        program=litmus_form(stored),
        schedule=dumps(schedule),
        name=f"{re.sub('[^a-z]+', '_', violation.prop)}_{signature}",
        prop=violation.prop,
        signature=signature,
    )


def mermaid_form(recording: Recording, violation: Violation | None) -> str:
    """Return the race as a sequence diagram.

    Raises:
        UsageError: There is no violation.
    """
    from forkfuzz.report import race_rows

    if violation is None:
        msg = "a diagram shows a violation, and the run has none"
        raise UsageError(msg)
    headers, rows = race_rows(recording, violation)
    lines = ["sequenceDiagram"]
    for number, header in enumerate(headers):
        lines.append(f"    participant P{number} as {_label(header)}")
    for row in rows:
        lines.append(f"    P{row.column}->>P{row.column}: {_label(row.text)}")
        if row.note:
            lines.append(f"    Note over P{row.column}: {_label(row.note)}")
    lines.append(f"    Note over P0,P{len(headers) - 1}: {_label(violation.message)}")
    return "\n".join(lines)


def _label(text: str) -> str:
    """Return what a diagram may say: nothing that Mermaid reads as its own."""
    return re.sub(r"[^A-Za-z0-9 _.,:=()\[\]+*/-]", "?", text.replace("<-", "")).strip()
