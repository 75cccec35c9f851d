"""A run as structured records, one JSON document a line.

``docs/reference/records.md`` names every event and its keys. There is no time in a
record: the same decisions give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from forkfuzz.engine import CHOICE
from forkfuzz.rules import format_rules

from .recording.events import Recording, Step, Value
from .sanitize import LONGEST_TITLE, printable

RUN_DIGITS = 8
"""Hexadecimal digits of the digest that name a run."""

Fields = dict[str, Value]


def records(recording: Recording, *, run: str = "") -> Iterator[tuple[str, Fields]]:
    """Return the event name and the keys of every record of a run.

    Args:
        recording: The run.
        run: What the records call the run; by default the start of its digest.
    """
    run = run or recording.result.digest()[:RUN_DIGITS]
    yield (
        "run_started",
        {
            "run": run,
            "rules": format_rules(recording.rules),
            "scenario": printable(recording.program.name, LONGEST_TITLE),
        },
    )
    for step in recording.steps:
        yield from _step(step, run)
    for waiting in recording.waiting:
        where: Fields = {"run": run, "task": waiting.task, "point": waiting.label}
        held = ",".join(waiting.holders)
        yield "task_waiting", {**where, "object": waiting.obj, "holders": held}
    yield "run_ended", _end(recording, run)


def _step(step: Step, run: str) -> Iterator[tuple[str, Fields]]:
    where: Fields = {
        "run": run,
        "step": step.number,
        "cpu": step.cpu,
        "task": step.task,
        "point": step.label,
    }
    yield "step_taken", {**where, "object": step.obj, "options": step.options}
    for choice in step.choices:
        chosen: Fields = {"choice": choice.label, "options": choice.options}
        yield "outcome_chosen", {**where, **chosen, "value": choice.value}
    for event in step.events:
        yield event.name, {**where, **event.data}


def _end(recording: Recording, run: str) -> Fields:
    result = recording.result
    decisions = result.decisions
    return {
        "run": run,
        "outcome": result.outcome.value,
        "steps": result.steps,
        "outcomes": sum(decision[0] == CHOICE for decision in decisions),
        "violations": len(result.violations),
    }


def logger() -> Any:
    """Return a structlog logger whose methods return one line of JSON, keys sorted."""
    import structlog

    return structlog.wrap_logger(
        structlog.ReturnLogger(),
        processors=[structlog.processors.JSONRenderer(sort_keys=True)],
        wrapper_class=structlog.BoundLogger,
        context_class=dict,
        cache_logger_on_first_use=False,
    )


def emit(recording: Recording, log: Any, *, run: str = "") -> Iterator[Any]:
    """Hand every record to a structlog logger; return what its ``info`` returned."""
    for event, fields in records(recording, run=run):
        yield log.info(event, **fields)


def json_lines(recording: Recording, *, run: str = "") -> Iterator[str]:
    """Return every record of a run as one line of JSON."""
    for line in emit(recording, logger(), run=run):
        yield str(line)
