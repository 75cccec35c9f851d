"""A run as SARIF 2.1.0, the format of results of analyses.

Kernel functions are logical locations: there is no source file that a result is in.
"""

from __future__ import annotations

import json
from typing import Any

from forkfuzz.checkers import PROPERTIES, Severity, Violation
from forkfuzz.rules import format_rules

from .assumptions import assumptions
from .layout import Line
from .picture.rows import step_of
from .race.table import race_rows
from .recording.events import Recording
from .sanitize import LONGEST_TITLE, printable
from .words import shown

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT = "forkfuzzSignature/v1"
_LEVELS = {Severity.PROGRAM: "error", Severity.CONTRACT: "warning"}


def sarif_log(recording: Recording, version: str) -> str:
    """Return every violation of a run as a result; none if it has none.

    Args:
        recording: The run.
        version: Of forkfuzz.
    """
    rules = format_rules(recording.rules)
    run = {
        "tool": {
            "driver": {
                "name": "forkfuzz",
                "version": version,
                "rules": [_rule(name, text) for name, text in PROPERTIES.items()],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(recording, violation, rules)
            for violation in recording.result.violations
        ],
        "properties": {
            "scenario": printable(recording.program.name, LONGEST_TITLE),
            "rules": rules,
            "steps": recording.result.steps,
            "assumptions": list(assumptions(recording.program)),
        },
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=1)


def _rule(name: str, text: str) -> dict[str, Any]:
    said = f"{text[0].upper()}{text[1:]}."
    return {
        "id": name,
        "shortDescription": {"text": said},
        "help": {"text": f"{name} is broken: {text}."},
    }


def _result(recording: Recording, violation: Violation, rules: str) -> dict[str, Any]:
    return {
        "ruleId": violation.prop,
        "ruleIndex": list(PROPERTIES).index(violation.prop),
        "level": _LEVELS[violation.severity],
        "message": {"text": shown(recording.program, violation.message)},
        "locations": [{"logicalLocations": [_function(p)]} for p in violation.points],
        "partialFingerprints": {FINGERPRINT: violation.signature(rules)},
        "codeFlows": _code_flows(recording, violation),
    }


def _function(label: str) -> dict[str, str]:
    label = printable(label)
    name = label.partition(":")[0]
    return {"name": name, "fullyQualifiedName": label, "kind": "function"}


def _code_flows(recording: Recording, violation: Violation) -> list[dict[str, Any]]:
    """Return the race: a thread of it for each task, in one order of steps."""
    headers, lines = race_rows(recording, violation)
    named = {step_of(recording, store) for store in violation.pair}
    flows = []
    for number, header in enumerate(headers):
        own = [line for line in lines if line.column == number]
        if own:
            places = [_place(recording, line, named) for line in own]
            thread = {"id": header, "message": {"text": header}, "locations": places}
            flows.append(thread)
    return [{"threadFlows": flows}] if flows else []


def _place(recording: Recording, line: Line, named: set[int]) -> dict[str, Any]:
    location: dict[str, Any] = {"message": {"text": printable(line.text)}}
    if line.step <= len(recording.steps):
        label = recording.steps[line.step - 1].label
        location["logicalLocations"] = [_function(label)]
    marked = bool(named & set(line.steps))
    return {
        "location": location,
        "executionOrder": line.step,
        "importance": "essential" if marked else "important",
    }
