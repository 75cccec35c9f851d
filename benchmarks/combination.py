"""Whether feedback guides: how soon a lock with six wheels is opened, with and without.

``python benchmarks/combination.py [--seeds N] [--limit N]``

Each search begins from nothing, with one of the seeds. The lock is that of
`forkfuzz.bench.combination`; its random walk opens it in one of 8**6 runs. Needs scipy.
"""

from __future__ import annotations

import argparse
import sys
import time

from forkfuzz.bench.combination import open_combination
from forkfuzz.bench.finding import Sample
from forkfuzz.bench.survival import summarize
from forkfuzz.campaign import CampaignConfig, Finding, Finished, TargetSpec, fuzz

OPENER = f"{open_combination.__module__}:{open_combination.__name__}"
ROW = "| {:34} | {:>8} | {:>28} | {:>7} |"


def search(seed: int, limit: int, **how: object) -> Sample:
    """Run one campaign; return after how many runs the lock was open."""
    spec = TargetSpec("combination", driver="inline")
    config = CampaignConfig(spec, seed=seed, runs=limit, opener=OPENER, **how)
    runs, found = limit, False
    for event in fuzz(config):
        if isinstance(event, Finding):
            runs, found = event.runs, True
        elif isinstance(event, Finished):
            break
    return Sample(runs, found, 0.0)


WAYS = {
    "coverage, atheris": {"strategy": "coverage", "engine": "atheris"},
    "coverage, built in": {"strategy": "coverage", "engine": "builtin"},
    "portfolio, atheris": {"strategy": "portfolio", "engine": "atheris"},
    "coverage, atheris, no feedback": {
        "strategy": "coverage",
        "engine": "atheris",
        "feedback": (),
    },
    "random walk": {"strategy": "random"},
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--limit", type=int, default=300_000)
    arguments = parser.parse_args()
    print(ROW.format("search", "found", "runs: median (95 %)", "seconds"))
    print(ROW.format(*["---"] * 4))
    for name, how in WAYS.items():
        began = time.perf_counter()
        seeds = range(1, arguments.seeds + 1)
        found = [search(seed, arguments.limit, **how) for seed in seeds]
        summary = summarize(found)
        seconds = time.perf_counter() - began
        count = f"{summary.found}/{summary.searches}"
        print(ROW.format(name, count, summary.told(arguments.limit), f"{seconds:.0f}"))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
