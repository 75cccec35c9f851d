"""The answer to a litmus test, in the words of herd."""

from __future__ import annotations

from typing import Any

from forkfuzz.checkers import JUDGED_OF_RAW, PROPERTIES
from forkfuzz.counting import counted
from forkfuzz.exhaustive import INTERRUPTED
from forkfuzz.rules import format_rules
from forkfuzz.search import Progress

from .conditions import evaluate
from .verdict import Verdict


def answer(verdict: Verdict) -> list[str]:
    """Return the states and what became of each assertion, line by line."""
    test, states = verdict.test, verdict.states()
    lines = [f"Test {test.name}  rules {format_rules(verdict.rules)}"]
    lines.append(f"States {len(states)}")
    subject = verdict.subject()
    for number, state in enumerate(states, 1):
        star = "  *" if subject is not None and evaluate(subject, state) else ""
        lines.append(f"  {number}: {state}{star}".rstrip())
    lines += _assertions(verdict)
    if blind := not_judged(verdict):
        lines.append(f"Not judged: {', '.join(blind)}")
    if subject is not None:
        lines.append(observation(verdict))
    return lines


def _assertions(verdict: Verdict) -> list[str]:
    rows = [
        (f"{assertion.kind:9} {assertion.text}".rstrip(), result.value)
        for assertion, result in verdict.results
        if not assertion.implied or result.value != "Ok"
    ]
    width = max((len(text) for text, _ in rows), default=0)
    lines = [f"{text:{width}}    {result}" for text, result in rows]
    return lines + [f"  but {v.prop}: {v.message}" for v in unexpected(verdict)]


def unexpected(verdict: Verdict) -> list[Any]:
    """Return a violation of each property that the test does not expect."""
    expected = [a for a, _ in verdict.results if a.kind == "violates"]
    found = {
        violation.prop: violation
        for violation in reversed(verdict.decided.violations)
        if not expected
    }
    return [found[prop] for prop in sorted(found)]


def not_judged(verdict: Verdict) -> list[str]:
    """Return the groups of properties that nobody looked at: none, or most of them."""
    groups = {prop.partition(".")[0] for prop in PROPERTIES}
    return sorted(groups - JUDGED_OF_RAW) if verdict.test.program.raw else []


def observation(verdict: Verdict) -> str:
    """Return the line that counts the states for and against the test's subject.

    What there never is, or always, is only known when all runs were looked at.
    """
    subject = verdict.subject()
    assert subject is not None  # the caller has looked
    ends = verdict.decided.ends
    positive = sum(evaluate(subject, end) for end in ends)
    negative = len(ends) - positive
    if positive and negative:
        word = "Sometimes"
    elif not verdict.decided.progress.exhaustive:
        word = "Unknown"
    else:
        word = "Always" if positive else "Never"
    return f"Observation {verdict.test.name} {word} {positive} {negative}"


def how_sure(progress: Progress, seconds: float) -> str:
    """Return how much was looked at."""
    states = counted(progress.states, "state")
    if progress.exhaustive:
        return f"Checked exhaustively: {states}, {seconds:.1f} s"
    if progress.stopped == INTERRUPTED:
        known = f"{states}, {counted(progress.runs, 'run')}"
        return f"Interrupted after {known}: not exhaustive, {seconds:.1f} s"
    return f"Checked up to {progress.stopped}: not exhaustive, {seconds:.1f} s"


def document(verdict: Verdict, seconds: float) -> dict[str, Any]:
    """Return all of an answer, for machines."""
    subject = verdict.subject()
    return {
        "test": verdict.test.name,
        "path": verdict.test.path,
        "rules": format_rules(verdict.rules),
        "holds": verdict.holds,
        "states": [
            {
                "values": {
                    place.text: value
                    for place, value in zip(state.places, state.values, strict=True)
                },
                "subject": subject is not None and evaluate(subject, state),
            }
            for state in verdict.states()
        ],
        "assertions": [
            {"kind": a.kind, "text": a.text, "line": a.line, "result": r.value}
            for a, r in verdict.results
        ],
        "violations": verdict.decided.properties,
        "not_judged": not_judged(verdict),
        "exhaustive": verdict.decided.progress.exhaustive,
        "stopped": verdict.decided.progress.stopped,
        "explored": verdict.decided.progress.states,
        "runs": verdict.decided.progress.runs,
        "transitions": verdict.decided.progress.transitions,
        "depth": verdict.decided.progress.depth,
        "seconds": round(seconds, 3),
    }
