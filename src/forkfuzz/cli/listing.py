"""``forkfuzz scenarios`` and ``forkfuzz rules``."""

from __future__ import annotations

import rich_click as click

from .output import echo, json_option, put_json


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
    for scenario in SCENARIOS.values():
        parameters = " ".join(f"{n}={v}" for n, v in scenario.parameters.items())
        echo(f"{scenario.name:15} {scenario.summary}")
        if parameters:
            echo(f"{'':15}   {parameters}")


@click.command()
@json_option
def rules(*, as_json: bool) -> None:
    """List the presets and the guards of the protocol, with what breaks without each."""
    from forkfuzz.rules import FIELDS, PRESETS, format_rules

    if as_json:
        put_json(
            {
                "presets": [
                    {
                        "name": name,
                        "citation": preset.citation,
                        "rules": {f: getattr(preset.rules, f) for f in FIELDS},
                    }
                    for name, preset in PRESETS.items()
                ],
                "fields": [
                    {"name": name, **field.metadata} for name, field in FIELDS.items()
                ],
            }
        )
        return
    echo("Presets; written PRESET[,field=value...]\n")
    for name, preset in PRESETS.items():
        spelled = format_rules(preset.rules)
        echo(f"  {name:14} {preset.citation}")
        if spelled != name:
            echo(f"  {'':14} = {spelled}")
    echo("\nGuards; the first value is the documented protocol\n")
    for name, field in FIELDS.items():
        data = field.metadata
        echo(f"  {name} = {' | '.join(data['values'])}")
        echo(f"      {data['text']}  ({data['where']})")
        echo(f"      without it: {data['breaks'] or 'nothing breaks'}")
