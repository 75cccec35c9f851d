"""What each kind of feedback costs, and what it brings.

``python benchmarks/feedback.py [--seeds N] [--runs N]``

Costs are runs per CPU-second beside runs without feedback, paired, inline. What a kind
brings is how many runs guided search, from nothing, takes to find exhibits that chance
does not find at once. Needs scipy.
"""

from __future__ import annotations

import argparse

from forkfuzz.bench import compare_feedback
from forkfuzz.bench.exhibits import find_exhibits
from forkfuzz.bench.finding import search_all
from forkfuzz.bench.survival import summarize
from forkfuzz.harness.coverage import KINDS

EXHIBITS = ("lazy-mmu", "lost-store", "guard-region", "rmap-early")
SETS = ((), *((kind,) for kind in KINDS), KINDS)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=15)
    parser.add_argument("--runs", type=int, default=3000)
    arguments = parser.parse_args()
    print(f"| feedback | runs/s beside none | {' | '.join(EXHIBITS)} |")
    print(f"| --- | --- |{' --- |' * len(EXHIBITS)}")
    for kinds in SETS:
        name = "all" if kinds == KINDS else ", ".join(kinds) or "none"
        how = {"runs": 150, "pairs": 11, "seed": 1, "driver": "inline"}
        cost = compare_feedback("mp", "mainline", kinds=kinds, **how)
        cells = [f"{cost.ratio:.2f}"]
        for exhibit in find_exhibits(EXHIBITS):
            found = search_all(
                exhibit,
                ["coverage"],
                seeds=arguments.seeds,
                limit=arguments.runs,
                feedback=kinds,
            )
            cells.append(summarize(found["coverage"]).told(arguments.runs))
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
