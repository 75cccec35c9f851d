#!/usr/bin/env python3
"""Write the reference pages that are made from the code.

``python docs/generate.py`` writes them, ``--check`` fails if they differ.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from forkfuzz.checkers import PROPERTIES
from forkfuzz.harness.points import all_points
from forkfuzz.report import records_schema
from forkfuzz.rules import FIELDS, PRESETS
from forkfuzz.scenarios import SCENARIOS

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent / "tests"))

from quality.expectations import CONTROLS, ROWS  # noqa: E402


def guards() -> str:
    """Return the page about rules."""
    lines = [
        "# Guards",
        "",
        "Rules are written `PRESET[,field=value...]`.",
        "The first value of each field is the documented protocol.",
        "",
        "## Presets",
        "",
        "| preset | rules | what it is |",
        "| --- | --- | --- |",
    ]
    for name, preset in PRESETS.items():
        seed = PRESETS["seed"].rules
        changes = [
            f"`{field}={getattr(preset.rules, field)}`"
            for field in FIELDS
            if getattr(preset.rules, field) != getattr(seed, field)
        ]
        spelled = ", ".join(changes) or "every guard in force"
        lines.append(f"| `{name}` | {spelled} | {preset.citation} |")
    lines += ["", "## Fields", ""]
    for name, field in FIELDS.items():
        data = field.metadata
        lines += [
            f"`{name}`: {', '.join(data['values'])}",
            f": {_sentence(data['text'])}.",
            f"  In `{data['where']}`.",
            f"  Without it: {data['breaks'] or 'nothing breaks, a negative control'}.",
            "",
        ]
    return "\n".join([*lines, *_needed()])


def _sentence(text: str) -> str:
    """Return *text* with a capital, unless it begins with a name of the kernel's."""
    return text if "_" in text.split()[0] else text[0].upper() + text[1:]


def _needed() -> list[str]:
    """Return the table that shows that each guard is needed."""
    lines = [
        "## Each guard is needed",
        "",
        "Every value but the first is tried in place of the documented one, everything",
        "else being as documented. A guided search that starts from nothing breaks the",
        "named properties within the stated number of runs; a test holds each row.",
        "",
        "| value | scenario | properties broken | within runs |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{row.value}` | `{row.scenario}` | "
        f"{', '.join(f'`{prop}`' for prop in row.properties)} | {row.runs} |"
        for row in ROWS
    ]
    lines += ["", "Negative controls, under which nothing is ever found:", ""]
    lines += [f"- `{control}`" for control in CONTROLS]
    return [*lines, ""]


def properties() -> str:
    """Return the page about properties."""
    lines = [
        "# Properties",
        "",
        "| property | what it says when it is broken |",
        "| --- | --- |",
        *(f"| `{name}` | {text} |" for name, text in PROPERTIES.items()),
        "",
        "A violation is either one that a program can see, or one that only breaks the",
        "contract. A campaign ends at the first of the former.",
        "",
    ]
    return "\n".join(lines)


def scenarios() -> str:
    """Return the page about scenarios."""
    lines = [
        "# Scenarios",
        "",
        "Parameters are written `NAME:parameter=value,...`.",
        "",
        "| scenario | what it shows | parameters |",
        "| --- | --- | --- |",
    ]
    for scenario in SCENARIOS.values():
        parameters = ", ".join(f"`{n}={v}`" for n, v in scenario.parameters.items())
        lines.append(f"| `{scenario.name}` | {scenario.summary} | {parameters} |")
    return "\n".join([*lines, ""])


def points() -> str:
    """Return the page about points."""
    lines = [
        "# Points",
        "",
        "A point is where a task can stop and another one take a step.",
        "Its label names the function and the step that follows.",
        "Functions and what they call have the kernel's names; those without one are",
        "the model's own: the MMU, devices, and threads of a program.",
        "",
        "Breakpoints, coverage and witnesses speak of points by their labels.",
        "",
        "| function | steps |",
        "| --- | --- |",
    ]
    steps: dict[str, list[str]] = {}
    for label in sorted(all_points()):
        function, _, step = label.partition(":")
        steps.setdefault(function, []).append(f"`{step}`")
    lines += [f"| `{name}` | {', '.join(found)} |" for name, found in steps.items()]
    return "\n".join([*lines, ""])


def schema() -> str:
    """Return the JSON Schema of records."""
    return json.dumps(records_schema(), indent=1) + "\n"


PAGES = {
    "reference/guards.md": guards,
    "reference/points.md": points,
    "reference/properties.md": properties,
    "reference/records.schema.json": schema,
    "reference/scenarios.md": scenarios,
}


def main() -> int:
    """Write the pages, or compare them."""
    stale = []
    for name, make in PAGES.items():
        path = DOCS / name
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text(encoding="utf-8") != make():
                stale.append(name)
        else:
            path.write_text(make(), encoding="utf-8")
    for name in stale:
        sys.stderr.write(f"docs/{name} is stale; run python docs/generate.py\n")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
