"""A guided search that notes when each property was first broken."""

from __future__ import annotations

from collections.abc import Iterator

from forkfuzz.campaign.guided import Guided
from forkfuzz.harness import RunResult, canonical_spec, open_target
from forkfuzz.scenarios import parse_spec


def first_runs(
    scenario: str, rules: str, wanted: tuple[str, ...], *, seed: int, runs: int
) -> dict[str, int]:
    """Return the number of the run that first broke each property.

    Stops when all of *wanted* are found, or after *runs*.
    """
    name, params = parse_spec(scenario)
    target = open_target(canonical_spec(name, params, rules, "inline"))
    search = Guided(target, [], seed=seed, max_len=512)
    found: dict[str, int] = {}
    for run in range(1, runs + 1):
        _data, result = search.run()
        for violation in result.violations:
            found.setdefault(violation.prop, run)
        if wanted and all(prop in found for prop in wanted):
            break
    return found


def walk(scenario: str, rules: str, *, seed: int, runs: int) -> Iterator[RunResult]:
    """Yield the results of a guided search, one after the other."""
    name, params = parse_spec(scenario)
    target = open_target(canonical_spec(name, params, rules, "inline"))
    search = Guided(target, [], seed=seed, max_len=512)
    for _ in range(runs):
        yield search.run()[1]
