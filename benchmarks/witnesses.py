#!/usr/bin/env python3
"""How plain the counterexamples are that a person gets to see.

``python benchmarks/witnesses.py [EXHIBIT ...] [--seeds N] [--limit N] [--jobs N]``

The portfolio looks for each exhibit of ``forkfuzz bench find``, and what it finds is
shrunk as in a campaign. Prints a row for each exhibit, over the seeds: how long the run
was and how often a task was stopped in it, as found and as shrunk, how many seeds have
a certificate that no run of the shrunk program with fewer preemptions shows the bug,
how many rows its race table has, and how many seconds of CPU time shrinking took, at
most. The last row has the medians over the exhibits.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from statistics import median

import attrs

from forkfuzz.bench.exhibits import Exhibit, find_exhibits
from forkfuzz.bench.finding import Search, search_run
from forkfuzz.checkers import Violation
from forkfuzz.cli.minimal import minimize
from forkfuzz.harness import RunResult
from forkfuzz.report import race_rows, record
from forkfuzz.rules import format_rules, parse_rules
from forkfuzz.scenarios import find_scenario, parse_spec

COLUMNS = ("exhibit", "found", "steps", "preemptions", "proved", "rows", "seconds")


@attrs.frozen(slots=True)
class Witness:
    """One counterexample.

    Attributes:
        steps: Of the run, as found and as shrunk.
        preemptions: The same.
        proved: Whether none with fewer preemptions shows the bug.
        rows: Of its race table; one may be wrapped.
        seconds: CPU time that shrinking took.
    """

    steps: tuple[int, int]
    preemptions: tuple[int, int]
    proved: bool
    rows: int
    seconds: float


def witness(what: Search) -> Witness | None:
    """Return the counterexample that a campaign shows, if it finds any."""
    sample, found = search_run(what)
    if not sample.found:
        return None
    exhibit = what.exhibit
    scenario, params = parse_spec(exhibit.scenario)
    rules = parse_rules(exhibit.rules)
    violation = _violation(found, exhibit.prop)
    began = time.process_time()
    minimal = minimize(
        find_scenario(scenario).program(params),
        rules,
        found,
        prop=exhibit.prop,
        signature=violation.signature(format_rules(rules)),
    )
    seconds = time.process_time() - began
    shrunk = minimal.shrunk
    recording = record(shrunk.program, rules, minimal.schedule({}).decisions)
    _, rows = race_rows(recording, _violation(recording.result, exhibit.prop))
    return Witness(
        (shrunk.steps_before, shrunk.result.steps),
        (shrunk.preemptions_before, shrunk.preemptions),
        proved=not shrunk.preemptions or bool(shrunk.proved),
        rows=len(rows),
        seconds=seconds,
    )


def _violation(result: RunResult, prop: str) -> Violation:
    return next(v for v in result.violations if v.prop == prop)


def middle(values: Sequence[float]) -> str:
    """Return the median, and the range if there is one."""
    text = f"{median(values):g}"
    low, high = min(values), max(values)
    return text if low == high else f"{text} ({low:g} to {high:g})"


def row(exhibit: Exhibit, seeds: int, found: Sequence[Witness]) -> str:
    """Return the row of an exhibit."""
    cells = [exhibit.name, f"{len(found)}/{seeds}"]
    if found:
        for pairs in ([w.steps for w in found], [w.preemptions for w in found]):
            before, after = zip(*pairs, strict=True)
            cells.append(f"{median(before):g} -> {middle(after)}")
        cells += [
            f"{sum(w.proved for w in found)}/{len(found)}",
            middle([w.rows for w in found]),
            f"{max(w.seconds for w in found):.1f}",
        ]
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("exhibits", nargs="*", metavar="EXHIBIT")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--limit", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    exhibits = find_exhibits(tuple(options.exhibits))
    numbers = range(1, options.seeds + 1)
    jobs = [Search(e, "portfolio", s, options.limit) for e in exhibits for s in numbers]
    print(f"| {' | '.join(COLUMNS)} |")
    print(f"| {' | '.join('---' for _ in COLUMNS)} |")
    steps, rows = [], []
    with ProcessPoolExecutor(options.jobs) as pool:
        results = pool.map(witness, jobs)
        for exhibit in exhibits:
            each = [next(results) for _ in numbers]
            found = [one for one in each if one is not None]
            print(row(exhibit, options.seeds, found), flush=True)
            if found:
                steps.append(median(w.steps[1] for w in found))
                rows.append(median(w.rows for w in found))
    print(f"| median | | {median(steps):g} | | | {median(rows):g} | |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
