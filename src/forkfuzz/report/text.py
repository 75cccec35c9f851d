"""The whole message about one violation."""

from __future__ import annotations

from forkfuzz.checkers import Violation
from forkfuzz.counting import counted
from forkfuzz.errors import UsageError
from forkfuzz.rules import format_rules
from forkfuzz.shrink import Shrunk

from .assumptions import assumptions
from .layout import WIDTH, paragraph
from .race.table import race_table
from .recording.events import Recording
from .sanitize import LONGEST_TITLE, escaped, printable
from .words import shown


def violation_text(
    recording: Recording,
    violation: Violation | None = None,
    *,
    signature: str = "",
    found_after: int | None = None,
    seconds: float | None = None,
    shrunk: Shrunk | None = None,
    named: str = "",
    full: bool = False,
) -> str:
    """Return the message about *violation*, without a newline at its end.

    Args:
        recording: The run.
        violation: One of the run; by default the one that a program can see.
        signature: Identity of the bug; by default that under the recording's rules.
        found_after: How many runs it took.
        seconds: How long that took.
        shrunk: How the schedule was shrunk since.
        named: What commands call the run, quoted for a shell; by default the signature.
        full: Show everything that any task did, not only what matters.

    Raises:
        UsageError: The run has no violation.
    """
    violation = violation or recording.result.headline()
    if violation is None:
        msg = f"the run of {recording.program.name!r} has no violation to report"
        raise UsageError(msg)
    rules = format_rules(recording.rules)
    signature = signature or violation.signature(rules)
    lines = _headline(violation.prop, recording.program.name, rules, signature)
    lines += paragraph(shown(recording.program, violation.message))
    lines += ["", *race_table(recording, violation, full=full), ""]
    lines += _found(found_after, seconds, shrunk)
    lines += paragraph("assumes: " + ", ".join(assumptions(recording.program)))
    lines += ["", *_commands(named or signature)]
    return "\n".join(escaped(line) for line in lines)


def _headline(prop: str, scenario: str, rules: str, signature: str) -> list[str]:
    """Put all on one line if it fits, the signature at its right end."""
    first = f"VIOLATION {prop}"
    scenario = printable(scenario, LONGEST_TITLE)
    end = f"sig {signature}"
    line = f"{first}  scenario {scenario}  rules {rules}"
    if len(line) + 2 + len(end) <= WIDTH:
        return [line.ljust(WIDTH - len(end)) + end]
    top = first.ljust(WIDTH - len(end)) + end
    return [top, *paragraph(f"scenario {scenario}"), *paragraph(f"rules {rules}")]


def _found(
    found_after: int | None, seconds: float | None, shrunk: Shrunk | None
) -> list[str]:
    parts = []
    if found_after is not None:
        took = "" if seconds is None else f" ({seconds:.1f} s)"
        parts.append(f"found after {counted(found_after, 'run')}{took}")
    if shrunk is not None:
        parts.append(str(shrunk))
    return paragraph("; ".join(parts)) if parts else []


def _commands(named: str) -> list[str]:
    return [
        f"  Reproduce with:       forkfuzz replay {named}",
        f"  As a unit test:       forkfuzz show {named} --as pytest",
        f"  For a commit message: forkfuzz show {named} --as race",
    ]
