"""Listings and help: what there is to choose from."""

from __future__ import annotations

import pytest

from forkfuzz.cli import VERBS, cli
from forkfuzz.rules import FIELDS, PRESETS, Rules
from forkfuzz.scenarios import SCENARIOS

from .running import call


@pytest.mark.parametrize("verb", ["scenarios", "rules"])
def test_a_listing_fits_a_terminal(verb: str) -> None:
    """80 columns of ASCII."""
    outcome = call(verb)
    assert outcome.code == 0
    assert outcome.out.isascii()
    assert outcome.out.replace("\n", "").isprintable()
    assert max(map(len, outcome.out.splitlines())) < 80


def test_every_scenario_is_listed_with_its_parameters() -> None:
    """Each on a line of its own, the parameters with their defaults."""
    words = call("scenarios").out.replace("[", " ").replace("]", " ").split()
    for name, scenario in SCENARIOS.items():
        assert name in words
        assert {f"{n}={v}" for n, v in scenario.parameters.items()} <= set(words)


def test_every_scenario_is_in_the_document() -> None:
    """Name, summary, parameters, and what a campaign must have reached."""
    document = call("scenarios", "--json").lines()[0]
    assert [entry["name"] for entry in document] == list(SCENARIOS)
    for entry in document:
        scenario = SCENARIOS[entry["name"]]
        assert entry["summary"] == scenario.summary
        assert entry["parameters"] == scenario.parameters
        assert entry["sometimes"] == list(scenario.program().sometimes)


def test_every_preset_and_guard_is_listed() -> None:
    """Presets with what they stand for, guards with all their values."""
    text = " ".join(call("rules").out.split())
    for name, preset in PRESETS.items():
        assert f"{name} {preset.citation}" in text
    for name, field in FIELDS.items():
        values = " | ".join(field.metadata["values"])
        assert f"{name} = {values} {field.metadata['text']}" in text


def test_every_preset_and_guard_is_in_the_document() -> None:
    """A preset with a value for each guard, a guard with what breaks without it."""
    document = call("rules", "--json").lines()[0]
    assert [preset["name"] for preset in document["presets"]] == list(PRESETS)
    assert [field["name"] for field in document["fields"]] == list(FIELDS)
    for preset in document["presets"]:
        assert Rules(**preset["rules"]) == PRESETS[preset["name"]].rules
    for field in document["fields"]:
        assert set(field) == {"name", "values", "where", "breaks", "text"}


def test_the_help_lists_every_verb() -> None:
    """With -h as with --help."""
    outcome = call("-h")
    assert outcome.code == 0
    assert outcome.out == call("--help").out
    assert all(f" {verb} " in outcome.out for verb in VERBS)
    assert max(map(len, outcome.out.splitlines())) <= 80


@pytest.mark.parametrize("verb", VERBS)
def test_no_option_is_without_help(verb: str) -> None:
    """Whoever asks for help gets it for each option."""
    command = cli.get_command(cli.make_context("forkfuzz", [verb]), verb)
    assert command is not None
    assert command.help
    options = [p for p in command.params if p.param_type_name == "option"]
    assert [p.name for p in options if not getattr(p, "help", None)] == []
