"""``forkfuzz scenarios`` and ``forkfuzz rules``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import rich_click as click

from .output import echo, json_option, put_json

WIDTH = 79


@click.command()
@json_option
def scenarios(*, as_json: bool) -> None:
    """List the scenarios, their parameters and what must be reached in each."""
    from forkfuzz.scenarios import SCENARIOS

    if as_json:
        put_json(
            [
                {
                    "name": scenario.name,
                    "summary": scenario.summary,
                    "parameters": dict(scenario.parameters),
                    "sometimes": list(scenario.program().sometimes),
                }
                for scenario in SCENARIOS.values()
            ]
        )
        return
    width = max(map(len, SCENARIOS))
    for scenario in SCENARIOS.values():
        _put(f"{scenario.name:{width}}  ", scenario.summary)
        if scenario.parameters:
            parameters = " ".join(f"{n}={v}" for n, v in scenario.parameters.items())
            _put(" " * (width + 2), f"[{parameters}]")
    echo("\nAnother size: forkfuzz fuzz mp:pages=3,rounds=2")


@click.command()
@json_option
def rules(*, as_json: bool) -> None:
    """List the presets and the guards of the protocol, with what breaks without each."""
    if as_json:
        put_json(_rules())
        return
    echo("Presets, written PRESET[,field=value...]\n")
    for lead, text in _presets():
        _put(lead, text)
    echo("\nGuards; the first value is the documented protocol\n")
    for lead, text in _guards():
        _put(lead, text)


def _rules() -> dict[str, list[dict[str, object]]]:
    from forkfuzz.rules import FIELDS, PRESETS

    return {
        "presets": [
            {
                "name": name,
                "citation": preset.citation,
                "rules": {field: getattr(preset.rules, field) for field in FIELDS},
            }
            for name, preset in PRESETS.items()
        ],
        "fields": [{"name": name, **field.metadata} for name, field in FIELDS.items()],
    }


def _presets() -> Iterator[tuple[str, str]]:
    from forkfuzz.rules import PRESETS, format_rules

    width = max(map(len, PRESETS))
    for name, preset in PRESETS.items():
        yield f"  {name:{width}}  ", preset.citation
        spelled = format_rules(preset.rules)
        if spelled != name:
            yield " " * (width + 4), f"(the same as {spelled})"


def _guards() -> Iterator[tuple[str, str]]:
    from forkfuzz.rules import FIELDS

    for name, field in FIELDS.items():
        data = field.metadata
        yield f"  {name} = ", " | ".join(data["values"])
        yield "      ", f"{data['text']} ({data['where']})"
        breaks = data["breaks"]
        yield "      ", f"breaks without it: {breaks or 'nothing, a negative control'}"


def _put(lead: str, text: str) -> None:
    """Write *text* after *lead*, and its further lines below its first."""
    echo(
        textwrap.fill(
            text,
            WIDTH,
            initial_indent=lead,
            subsequent_indent=" " * len(lead),
            break_on_hyphens=False,
        )
    )
