#!/usr/bin/env python3
"""The long checks: what the default tests do, with many more runs.

``python benchmarks/sweep.py [seed|controls|guards|mp]... [--runs N] [--jobs N]``

seed      every scenario under the documented protocol: nothing may be found
controls  every scenario under each negative control: nothing may be found
guards    every missing guard, with ten seeds: found within its bound
mp        ``mp`` under mainline with ten seeds, by the atheris engine: torn
"""

from __future__ import annotations

import argparse
import concurrent.futures
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from forkfuzz.campaign import CampaignConfig, Finding, Finished, fuzz
from forkfuzz.harness import canonical_spec
from forkfuzz.scenarios import SCENARIOS
from quality.expectations import CONTROLS, ROWS, Row
from quality.searching import first_runs

SEEDS = range(1, 11)
VARIANTS = (*SCENARIOS, "dontneed read_only=1", "dirty-bit lax=1", "ro-pin fast=0")

Outcome = tuple[str, bool, str]
"""(what was checked, whether it held, figures)."""


def clean(rules: str, scenario: str, runs: int) -> Outcome:
    """Check that a search finds nothing."""
    start = time.perf_counter()
    found = first_runs(scenario, rules, (), seed=1, runs=runs)
    seconds = time.perf_counter() - start
    figures = f"{runs} runs, {seconds:.0f} s" if not found else f"found {found}"
    return f"{rules}: {scenario}", not found, figures


def guard(row: Row) -> Outcome:
    """Check that a missing guard is found by each seed."""
    worst = 0
    for seed in SEEDS:
        found = first_runs(
            row.scenario, f"seed,{row.value}", row.properties, seed=seed, runs=row.runs
        )
        counts = [found.get(prop, row.runs + 1) for prop in row.properties]
        worst = max(worst, *counts)
    held = worst <= row.runs
    figures = f"worst of {len(SEEDS)} seeds {worst}, bound {row.runs}"
    return f"{row.value}: {row.scenario}: {', '.join(row.properties)}", held, figures


def torn(seed: int) -> Outcome:
    """Check that a campaign on mp under mainline finds the torn snapshot."""
    spec = canonical_spec("mp", {}, "mainline", "trio")
    runs = 0
    prop = "nothing"
    for event in fuzz(CampaignConfig(spec, seed=seed, runs=20_000)):
        if isinstance(event, Finding):
            violation = event.result.headline()
            prop = violation.prop if violation else prop
        elif isinstance(event, Finished):
            runs = event.runs
    return f"mp mainline seed {seed}", prop == "snapshot.torn", f"{prop}, {runs} runs"


def tasks(
    checks: Iterable[str], runs: int
) -> list[tuple[Callable[..., Outcome], tuple[object, ...]]]:
    """Return what to do for each check."""
    wanted: list[tuple[Callable[..., Outcome], tuple[object, ...]]] = []
    for check in checks:
        if check == "seed":
            wanted += [(clean, ("seed", scenario, runs)) for scenario in VARIANTS]
        elif check == "controls":
            wanted += [
                (clean, (f"seed,{control}", scenario, runs))
                for control in CONTROLS
                for scenario in VARIANTS
            ]
        elif check == "guards":
            wanted += [(guard, (row,)) for row in ROWS]
        else:
            wanted += [(torn, (seed,)) for seed in SEEDS]
    return wanted


def main() -> int:
    """Run the checks; exit with 1 if one does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    known = ("seed", "controls", "guards", "mp")
    parser.add_argument("checks", nargs="*", metavar="CHECK")
    parser.add_argument("--runs", type=int, default=200_000)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    checks = options.checks or known
    if not set(checks) <= set(known):
        parser.error(f"no check among {checks}, expected some of {known}")
    failed = 0
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        futures = [
            pool.submit(function, *arguments)
            for function, arguments in tasks(checks, options.runs)
        ]
        for future in concurrent.futures.as_completed(futures):
            what, held, figures = future.result()
            failed += not held
            print(f"{'ok  ' if held else 'FAIL'} {what}: {figures}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
