"""The race as a sequence diagram that Mermaid draws, in web pages and mails."""

from __future__ import annotations

import re

from forkfuzz.checkers import Violation
from forkfuzz.errors import UsageError

from .race.table import race_rows
from .recording.events import Recording
from .words import shown


def mermaid_diagram(recording: Recording, violation: Violation | None) -> str:
    """Return the race as a sequence diagram.

    Raises:
        UsageError: There is no violation.
    """
    if violation is None:
        msg = "a diagram shows a violation, and the run has none"
        raise UsageError(msg)
    headers, rows = race_rows(recording, violation)
    headers = headers or ["run"]
    lines = ["sequenceDiagram"]
    for number, header in enumerate(headers):
        lines.append(f"    participant P{number} as {_label(header)}")
    for row in rows:
        lines.append(f"    P{row.column}->>P{row.column}: {_label(row.text)}")
        if row.note:
            lines.append(f"    Note over P{row.column}: {_label(row.note)}")
    message = shown(recording.program, violation.message)
    lines.append(f"    Note over P0,P{len(headers) - 1}: {_label(message)}")
    return "\n".join(lines)


def _label(text: str) -> str:
    """Return what a diagram may say: nothing that Mermaid reads as its own."""
    return re.sub(r"[^A-Za-z0-9 _.,:=()\[\]+*/-]", "?", text.replace("<-", "")).strip()
