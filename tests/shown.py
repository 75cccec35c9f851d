"""One run of every exhibit, found once, for the tests of forms."""

from __future__ import annotations

from functools import cache

import attrs

from forkfuzz.bench.exhibits import EXHIBITS
from forkfuzz.checkers import Violation
from forkfuzz.cli.stored import Stored
from forkfuzz.engine import Schedule
from forkfuzz.harness import Run
from forkfuzz.report import Recording, record
from forkfuzz.rules import format_rules, parse_rules
from forkfuzz.scenarios import open_program
from forkfuzz.strategies import Races

NAMES = tuple(exhibit.name for exhibit in EXHIBITS)


@attrs.frozen
class Shown:
    """A run of an exhibit, as it is stored and as it is recorded."""

    stored: Stored
    recording: Recording
    violation: Violation


@cache
def exhibit_run(name: str) -> Shown:
    """Find a run that shows the exhibit called *name*; record it."""
    exhibit = next(exhibit for exhibit in EXHIBITS if exhibit.name == name)
    program, rules = open_program(exhibit.scenario), parse_rules(exhibit.rules)
    strategy = Races(1)
    while True:
        strategy.begin()
        result = Run(program, rules, strategy).execute()
        for violation in result.violations:
            if violation.prop == exhibit.prop:
                decisions = Schedule.of(result.decisions, result.task_names).decisions
                stored = Stored(
                    name,
                    program,
                    rules,
                    decisions,
                    exhibit.prop,
                    violation.signature(format_rules(rules)),
                    spec=exhibit.scenario,
                )
                return Shown(stored, record(program, rules, decisions), violation)
