"""What ships in corpus/ replays, and is named for what it is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from forkfuzz.engine.schedule import load
from forkfuzz.harness import Run
from forkfuzz.rules import format_rules, parse_rules
from forkfuzz.scenarios import SCENARIOS, open_program
from forkfuzz.strategies import Bytes, Replay

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
REGRESSIONS = sorted((CORPUS / "regressions").glob("*.schedule"))
INPUTS = sorted(
    path
    for folder in CORPUS.iterdir()
    if folder.name != "regressions"
    for path in folder.iterdir()
)


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: path.stem)
def test_a_regression_shows_what_it_says(path: Path) -> None:
    """Replayed step by step, the schedule breaks its property with its signature."""
    schedule = load(path)
    header = schedule.header
    rules = parse_rules(header["rules"])
    program = open_program(header["scenario"])
    result = Run(program, rules, Replay(schedule.decisions)).execute()
    signatures = {
        violation.prop: violation.signature(format_rules(rules))
        for violation in result.violations
    }
    assert signatures[header["violates"]] == header["signature"]


def test_each_rule_of_the_documented_protocol_has_a_regression() -> None:
    """Rules 1, 2 and 3 of the comment each have one that breaks without them."""
    names = " ".join(path.stem for path in REGRESSIONS)
    assert all(f"rule-{number}-" in names for number in (1, 2, 3))


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.name)
def test_a_seed_is_named_after_its_hash_and_runs(path: Path) -> None:
    """Its name is the hash of its bytes, and it decides a run of its scenario."""
    data = path.read_bytes()
    assert path.name == hashlib.sha256(data).hexdigest()[:16]
    program = SCENARIOS[path.parent.name].program()
    strategy = Bytes(data)
    Run(program, parse_rules("seed"), strategy).execute()
    assert strategy.used > 0
