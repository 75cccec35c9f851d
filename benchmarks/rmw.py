"""Decides rmw5 for two and three tasks, beside SPIN where that is installed.

Prints a table in Markdown. Both count different states of the same program; SPIN's have
one more step a process, its end, and do not know that the processes are alike.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from forkfuzz.bench.rmw import Rmw, RmwTrial
from forkfuzz.search import Search, ShortestSearch

MODEL = Path(__file__).with_name("rmw5.pml")
ROWS = "| {:12} | {:>5} | {:>9} | {:>8} | {:>11} | {:>10} |"


def search(tasks: int) -> tuple[int, float, int]:
    """Decide the program; return states, seconds and the lowest sum."""
    sums: set[int] = set()

    def keep(trial: RmwTrial, ended: bool) -> None:  # noqa: FBT001
        if ended:
            sums.add(trial.value)

    began = time.perf_counter()
    progress = Search(Rmw(tasks), keep).run()
    seconds = time.perf_counter() - began
    if not progress.exhaustive:
        sys.exit(f"rmw: not exhaustive: {progress.stopped}")
    return progress.states, seconds, min(sums)


def spin(tasks: int) -> tuple[int, float]:
    """Decide the same with SPIN; return states and the seconds that the search took."""
    with tempfile.TemporaryDirectory() as folder:
        run = {"cwd": folder, "check": True, "capture_output": True, "text": True}
        subprocess.run(["spin", f"-DN={tasks}", "-a", str(MODEL)], **run)  # noqa: S603, S607
        compile_it = ["cc", "-O2", "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c"]
        subprocess.run(compile_it, **run)  # noqa: S603
        began = time.perf_counter()
        done = subprocess.run(["./pan", "-m100000"], **run)
        seconds = time.perf_counter() - began
    found = re.search(r"(\d+(?:\.\d+)?(?:e\+\d+)?) states, stored", done.stdout)
    if found is None:
        sys.exit(f"rmw: cannot read SPIN's answer: {done.stdout[:200]}")
    return int(float(found[1])), seconds


def main() -> None:
    """Measure and print."""
    print(ROWS.format("engine", "tasks", "states", "seconds", "states/s", "lowest sum"))
    print(ROWS.format(*["---"] * 6))
    for tasks in (2, 3):
        states, seconds, lowest = search(tasks)
        rate = f"{states / seconds:.0f}"
        print(ROWS.format("forkfuzz", tasks, states, f"{seconds:.2f}", rate, lowest))
        if shutil.which("spin") and shutil.which("cc"):
            states, seconds = spin(tasks)
            rate = f"{states / seconds:.0f}"
            print(ROWS.format("SPIN", tasks, states, f"{seconds:.3f}", rate, ""))
    witness = ShortestSearch(Rmw(2), lambda trial, ended: ended and trial.value == 2)
    found = witness.run()
    if found is None:
        sys.exit("rmw: the lowest sum of two tasks was not found")
    print(
        f"\nLowest sum of two tasks: 2, in {found.steps} steps with at least ", end=""
    )
    print(f"{found.preemptions} preemptions.")


if __name__ == "__main__":
    main()
