"""Stored runs in forms that other programs read: unit tests, diagrams, reports."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from forkfuzz import __version__
from forkfuzz.checkers import Violation
from forkfuzz.engine import Schedule, dumps
from forkfuzz.errors import UsageError
from forkfuzz.harness import RunResult
from forkfuzz.litmus import format_test, parse
from forkfuzz.report import (
    Recording,
    html_page,
    json_lines,
    junit_xml,
    mermaid_diagram,
    perfetto_trace,
    race_table,
    record,
    sarif_log,
    shown,
    step_list,
    svg_picture,
    violation_text,
)
from forkfuzz.rules import format_rules
from forkfuzz.scenarios import Program

if TYPE_CHECKING:
    from .stored import Stored

MESSAGE = 84
"""Columns of a message in a test."""

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
    run = await forkfuzz.replay(PROGRAM, SCHEDULE, rules=RULES{hardware})
    assert "{signature}" not in run.signatures
    assert "{prop}" not in run.properties
'''


def render(form: str, stored: Stored, *, full: bool = False) -> str | bytes:
    """Return a stored run in a form: text without a newline at its end, or bytes.

    Args:
        form: One of `forkfuzz.cli.show.FORMS`.
        stored: The run, which is replayed unless the form is about its decisions.
        full: Whether a race table is of everything.

    Raises:
        ReplayError: The model has changed.
        UsageError: The form cannot say it.
    """
    if form == "schedule":
        return schedule_form(stored).rstrip("\n")
    recording = record(stored.program, stored.rules, stored.decisions)
    stored.check_used(recording.result)
    return document(form, stored, recording, full=full)


def document(
    form: str, stored: Stored, recording: Recording, *, full: bool = False
) -> str | bytes:
    """Return what `render` does, of a run that has been replayed."""
    violation = stored.violation(recording.result)
    if form == "race":
        return violation_text(recording, violation, named=stored.words, full=full)
    made = _FORMS[form](stored, recording, violation)
    return made.rstrip("\n") if isinstance(made, str) else made


def litmus_form(stored: Stored) -> str:
    """Return the program as a litmus test that claims what the run shows.

    Raises:
        UsageError: No test can say it.
    """
    name = stored.test.name if stored.test else _test_name(stored.program.name)
    claims = [f"violates {stored.violates}"] if stored.violates else []
    return format_test(
        name, stored.program, format_rules(stored.rules), assertions=claims
    )


def _test_name(title: str) -> str:
    """Return the scenario in a program's title, if a test can be called that."""
    found = re.match(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}(?![^ ])", title)
    return found[0] if found else "run"


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
    message = shown(recording.program, violation.message)
    rules = format_rules(stored.rules)
    signature = violation.signature(rules)
    header = {"rules": rules, "violates": violation.prop, "signature": signature}
    text = litmus_form(stored)
    schedule = _schedule_of(text, stored.program, recording.result, header)
    return PYTEST.format(
        message=_quoted(textwrap.wrap(message, MESSAGE)),
        table=_quoted(race_table(recording, violation)),
        rules=rules,
        program=text,
        schedule=dumps(schedule),
        hardware="" if stored.program.lazy_tlb else ", lazy_tlb=False",
        name=f"{re.sub('[^a-z]+', '_', violation.prop)}_{signature}",
        prop=violation.prop,
        signature=signature,
    )


def _schedule_of(
    test: str, program: Program, result: RunResult, header: dict[str, str]
) -> Schedule:
    """Return a run of *program* as one of the litmus test that was made of it.

    Which calls the threads of children by other names.
    """
    pairs = zip(program.threads, parse(test).program.threads, strict=True)
    names = {ours.name: its.name for ours, its in pairs}
    tasks = [names.get(name, name) for name in result.task_names]
    return Schedule.of(result.decisions, tasks, header)


def _quoted(lines: Sequence[str]) -> str:
    """Return lines as they stand in a string of Python's."""
    text = "\n".join(lines).replace("\\", "\\\\")
    return text.replace('"', '\\"') if '""' in text or text.endswith('"') else text


def junit_form(
    stored: Stored, recording: Recording, violation: Violation | None
) -> str:
    """Return the run as the result of a test."""
    return junit_xml(recording, violation, named=stored.words)


def schedule_form(stored: Stored) -> str:
    """Return the decisions."""
    header = {
        "scenario": stored.spec or stored.program.name,
        "rules": format_rules(stored.rules),
        "violates": stored.violates,
        "signature": stored.signature,
    }
    return dumps(Schedule(stored.decisions, {k: v for k, v in header.items() if v}))


_FORMS: dict[str, Callable[[Stored, Recording, Violation | None], str | bytes]] = {
    "steps": lambda _, recording, __: step_list(recording),
    "html": lambda _, recording, violation: html_page(recording, violation),
    "pytest": pytest_form,
    "litmus": lambda stored, _, __: litmus_form(stored),
    "mermaid": lambda _, recording, violation: mermaid_diagram(recording, violation),
    "svg": lambda _, recording, violation: svg_picture(recording, violation),
    "perfetto": lambda _, recording, __: perfetto_trace(recording),
    "junit": junit_form,
    "sarif": lambda _, recording, __: sarif_log(recording, __version__),
    "json": lambda _, recording, __: "\n".join(json_lines(recording)),
}
"""How to make each form but those that `render` makes itself."""
