"""Whatever a name or a message holds, a report is what it says it is."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import attrs
import pytest

from forkfuzz.checkers import Violation
from forkfuzz.cli.forms import document, litmus_form, pytest_form, render
from forkfuzz.cli.show import FORMS
from forkfuzz.cli.stored import Stored
from forkfuzz.errors import UsageError
from forkfuzz.report import (
    Recording,
    html_page,
    junit_xml,
    mermaid_diagram,
    race_table,
    record,
    sarif_log,
    svg_picture,
    trace_events,
    violation_text,
)
from forkfuzz.report.sanitize import LONGEST_NAME, brief, printable
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios.program import Post, Program, Thread, Wait
from shown import exhibit_run
from wellformed import CONTROL, assert_well_formed

from .hostile import MEGABYTE, STRINGS

LONG = 1000
SMALL = 600_000
"""No document of a short run is longer, whatever its names are."""

each = pytest.mark.parametrize(
    "text",
    [
        pytest.param(text, marks=pytest.mark.slow) if len(text) > LONG else text
        for text in STRINGS
    ],
    ids=range(len(STRINGS)),
)


def renamed(program: Program, names: dict[str, str]) -> Program:
    """Return *program* with other names of pages."""

    def statement(one: Any) -> Any:
        page = getattr(one, "page", None)
        return attrs.evolve(one, page=names[page]) if page in names else one

    return attrs.evolve(
        program,
        pages=tuple(attrs.evolve(p, name=names[p.name]) for p in program.pages),
        threads=tuple(
            attrs.evolve(t, statements=tuple(map(statement, t.statements)))
            for t in program.threads
        ),
    )


def with_pages(text: str) -> Stored:
    """Return a torn snapshot of two pages with hostile names."""
    stored = exhibit_run("pinned-copy").stored
    program = renamed(stored.program, {"A": text, "B": f"{text}B"})
    program = attrs.evolve(program, name=text)
    return attrs.evolve(stored, program=program, signature="")


def with_threads(text: str) -> Stored:
    """Return a run that is stuck, of two threads and a semaphore with such names."""
    threads = (
        Thread(text, (Wait(text), Post("b"))),
        Thread(f"{text}2", (Wait("b"), Post(text))),
    )
    program = attrs.evolve(exhibit_run("pinned-copy").stored.program, threads=threads)
    return Stored("x.schedule", program, parse_rules("seed"), (), "", "")


def check(stored: Stored, refused: dict[str, str]) -> None:
    """Render every form; of *refused* each may say that it cannot."""
    try:
        recording = record(stored.program, stored.rules, stored.decisions)
    except UsageError as error:
        assert "two tasks are named 'irq:cpu0'" in str(error)  # noqa: PT017 -- one may
        return
    for form in FORMS:
        if form == "schedule":
            continue
        try:
            made = document(form, stored, recording)
        except UsageError as error:
            assert form in refused, form
            assert re.search(refused[form], str(error))  # noqa: PT017 -- it may succeed
        else:
            assert len(made) < SMALL, form
            assert_well_formed(form, made, len(recording.steps))
    full = document("race", stored, recording, full=True)
    assert_well_formed("race", full, 0)


def test_there_are_two_hundred() -> None:
    """All of them different."""
    assert len(set(STRINGS)) == len(STRINGS) >= 200


@each
def test_pages_and_the_program(text: str) -> None:
    """Only a litmus test, and what holds one, may refuse their names."""
    cannot = "no litmus test can say"
    check(with_pages(text), {"litmus": cannot, "pytest": cannot})


@each
def test_threads_and_semaphores(text: str) -> None:
    """What holds a schedule refuses names that a schedule cannot."""
    litmus, schedule = "no litmus test can say", "cannot be stored"
    refused = {"html": schedule, "litmus": litmus, "pytest": f"{litmus}|{schedule}"}
    check(with_threads(text), refused)


@each
def test_a_schedule_names_its_program_or_is_refused(text: str) -> None:
    """In printable ASCII, on a line."""
    stored = exhibit_run("pinned-copy").stored
    program = attrs.evolve(stored.program, name=text)
    try:
        made = render("schedule", attrs.evolve(stored, program=program, spec=""))
    except UsageError as error:
        assert str(error).startswith("header 'scenario' is ")  # noqa: PT017 -- as above
    else:
        assert_well_formed("schedule", made, 0)
        assert f"\nscenario: {text}\n" in str(made)


@each
def test_a_test_has_a_message_and_a_name_that_it_can_have(text: str) -> None:
    """Whatever the program is called."""
    run = exhibit_run("pinned-copy")
    program = attrs.evolve(run.stored.program, name=text)
    stored = attrs.evolve(run.stored, program=program)
    violation = attrs.evolve(run.violation, message=text)
    for made in (litmus_form(stored), pytest_form(stored, run.recording, violation)):
        assert not CONTROL.search(made)
    assert_well_formed("litmus", litmus_form(stored).rstrip(), 0)


@cache
def messages(text: str) -> tuple[Recording, Violation]:
    """Return a run whose violation has a hostile message."""
    run = exhibit_run("pinned-copy")
    violation = attrs.evolve(run.violation, message=text)
    result = attrs.evolve(run.recording.result, violations=(violation,))
    return attrs.evolve(run.recording, result=result), violation


@each
def test_the_message(text: str) -> None:
    """Whoever reports a violation may say anything."""
    recording, violation = messages(text)
    stored = exhibit_run("pinned-copy").stored
    documents = {
        "race": violation_text(recording, violation),
        "html": html_page(recording, violation).rstrip("\n"),
        "pytest": pytest_form(stored, recording, violation).rstrip("\n"),
        "mermaid": mermaid_diagram(recording, violation),
        "svg": svg_picture(recording, violation),
        "junit": junit_xml(recording, violation),
        "sarif": sarif_log(recording, "1"),
    }
    for form, made in documents.items():
        assert len(made) < SMALL
        assert_well_formed(form, made, 0)
    table = race_table(recording, violation, full=True)
    assert not any(CONTROL.search(line) or len(line) > 75 for line in table)
    assert not CONTROL.search(trace_events(recording))


@each
def test_names_stay_short_and_different(text: str) -> None:
    """So that two of them are not taken for one."""
    names = [text, f"{text}B", f"{text}2"]
    assert len({brief(name) for name in names}) == len(names)
    for name in names:
        assert len(brief(name)) <= LONGEST_NAME
        assert not CONTROL.search(brief(name))


def test_short_printable_names_stay_as_they_are() -> None:
    """Up to the length that a litmus test allows."""
    for name in ("A", "a_b.c-d", "x" * LONGEST_NAME):
        assert brief(name) == name
    assert brief("x" * (LONGEST_NAME + 1)).startswith("xxx")
    assert len(printable("x" * MEGABYTE)) == 1000
