#!/usr/bin/env python3
"""How soon strategies find missing guards that are no exhibits.

``python benchmarks/heldout.py [--seeds N] [--limit N] [--jobs N]``

Shares and chances of strategies come from the exhibits of ``forkfuzz bench find``.
Here are the other guards of the table that the tests hold, each with the scenario that
shows it: medians of the runs to the first violation, as a table. Needs scipy.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import geometric_mean

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from forkfuzz.bench.exhibits import EXHIBITS, Exhibit
from forkfuzz.bench.finding import search_all
from forkfuzz.bench.survival import summarize
from quality.expectations import ROWS

KNOWN = ("pct", "pos", "surw", "urw", "delays", "random")
STRATEGIES = ("portfolio", "races", *KNOWN)


def held_out() -> list[Exhibit]:
    """Return what is no exhibit, a property each."""
    used = {(e.scenario, e.rules, e.prop) for e in EXHIBITS}
    each = [
        (row.scenario, f"seed,{row.value}", prop)
        for row in ROWS
        for prop in row.properties
    ]
    return [
        Exhibit(
            f"{rules.removeprefix('seed,')}: {scenario}: {prop}", scenario, rules, prop
        )
        for scenario, rules, prop in each
        if (scenario, rules, prop) not in used
    ]


def main(arguments: list[str] | None = None) -> int:
    """Print a row for each guard, and what the portfolio takes on the whole."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    print(f"| missing guard | {' | '.join(STRATEGIES)} |")
    print(f"| --- |{' --- |' * len(STRATEGIES)}")
    ratios: dict[str, list[float]] = {name: [] for name in KNOWN}
    with ProcessPoolExecutor(options.jobs) as pool:
        run = partial(pool.map, chunksize=5)
        for each in held_out():
            found = search_all(
                each, STRATEGIES, seeds=options.seeds, limit=options.limit, run=run
            )
            medians = {name: summarize(found[name]).median for name in STRATEGIES}
            more = f"more than {options.limit}"
            cells = [str(medians[name] or more) for name in STRATEGIES]
            print(f"| {each.name} | {' | '.join(cells)} |", flush=True)
            for name in KNOWN:
                # What was not found took the limit, and more.
                theirs = medians[name] or options.limit
                ratios[name].append(theirs / (medians["portfolio"] or options.limit))
    cells = ["1.0", "", *(f"{geometric_mean(ratios[name]):.1f}" for name in KNOWN)]
    print(f"| geometric mean, in times of the portfolio | {' | '.join(cells)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
