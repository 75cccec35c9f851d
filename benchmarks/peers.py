"""Measures forkfuzz beside the other testers of interleavings that Python has.

``python benchmarks/peers.py [--venv DIR] [--python PYTHON] [--rounds N] ...``

The peers are installed into an environment of their own, from wherever pip is told to
look; forkfuzz is this checkout, in the same interpreter. Everybody runs ``rmw1`` and
``rmw5``, tasks that each add to one integer once or five times, as `peer_adapters.py`
says. Prints a table in Markdown:

- schedules per CPU-second, the median of rounds in which everybody has a turn;
- how many times that is in forkfuzz, inline and under Trio: medians over the rounds;
- schedules up to the first bug, the median of some seeds: a sum of 1 in ``rmw1``, of at
  most 3 in ``rmw5``, with two tasks.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ADAPTERS = HERE / "peer_adapters.py"
SOURCES = HERE.parent / "src"

FORKFUZZ = ("forkfuzz", "forkfuzz, Trio")
PEERS = ("detangle", "frontrun", "simloom", "simloop", "interleave-test")
NEEDED_BY_FORKFUZZ = ("attrs", "msgspec", "trio")

PROGRAMS = {"rmw1": (1, 1), "rmw5": (5, 3)}
"""(increments of each task, highest sum of two tasks that is the bug)."""
TASKS = (2, 3)

MINOR = 12
"""Of the oldest Python 3 that all peers run on."""
PATIENCE = 900
"""Seconds of the clock after which a measurement is given up."""

HEAD = (
    *("program", "tasks", "tester", "schedules/s", "inline/it", "Trio/it"),
    *("first bug", "remarks"),
)

Case = tuple[str, int]
"""(program, number of tasks)."""


class FailedError(Exception):
    """Something could not be done; the message says why, in a few words."""


# The environment.


def find_python() -> str:
    """Return the newest interpreter at hand that all peers run on, or this one."""
    if sys.version_info >= (3, MINOR):
        return sys.executable
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in range(MINOR + 2, MINOR - 1, -1):
        name = f"python3.{minor}"
        found = [shutil.which(name), *versions.glob(f"3.{minor}.*/bin/{name}")]
        for candidate in filter(None, found):
            asked = subprocess.run([candidate, "-V"], capture_output=True)  # noqa: S603
            if not asked.returncode:
                return str(candidate)
    return sys.executable


def create(folder: Path, python: str) -> str:
    """Make the environment if it is not there; return its interpreter."""
    inside = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not inside.exists():
        subprocess.run([python, "-m", "venv", str(folder)], check=True)  # noqa: S603
    return str(inside)


def install(python: str, *packages: str) -> None:
    """Install packages.

    Raises:
        FailedError: pip will not.
    """
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *packages], capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise FailedError(f"not installed: {why_not(done.stderr)}")  # noqa: EM102


def why_not(complaint: str) -> str:
    """Return in a few words why pip did not install a package."""
    wanted = re.findall(r"Requires-Python ([<>=!~0-9., *]+[0-9*])", complaint)
    if wanted:
        return f"needs Python {wanted[-1]}"
    return last_line(complaint).removeprefix("ERROR: ")


def last_line(text: str) -> str:
    """Return the last line with something in it, without addresses."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return re.sub(r"\w+://\S+", "...", lines[-1])[:160] if lines else "no reason given"


# Measuring.


def ask(python: str, side: str, case: Case, *what: object) -> dict[str, Any]:
    """Have one side measure something, in a process of its own.

    Raises:
        FailedError: It cannot.
    """
    program, tasks = case
    increments, _ = PROGRAMS[program]
    command = [python, ADAPTERS, side, tasks, increments, *what]
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    try:
        done = subprocess.run(  # noqa: S603
            list(map(str, command)),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise FailedError(f"took over {PATIENCE} seconds") from None  # noqa: EM102
    if done.returncode:
        raise FailedError(f"cannot run it: {last_line(done.stderr)}")  # noqa: EM102
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


class Figures:
    """What was measured of one side in one case.

    Attributes:
        rates: Schedules per CPU-second, one of each round.
        first: Schedules to the first bug, one of each seed; None for none in reach.
        limit: How many schedules a seed had.
        failure: Why there is no more than that; may be empty.
    """

    def __init__(self, failure: str = "") -> None:
        self.rates: list[float] = []
        self.first: list[int | None] = []
        self.limit = 0
        self.failure = failure
        self._schedules = 0
        self._deadlocks = 0

    def add(self, answer: Mapping[str, Any]) -> None:
        """Take in the answer of one round."""
        self.rates.append(answer["schedules"] / answer["seconds"])
        self._schedules += answer["schedules"]
        self._deadlocks += answer["deadlocks"]

    @property
    def remark(self) -> str:
        """Return what else is to be said."""
        if self.failure or not self._deadlocks:
            return self.failure
        return f"{self._deadlocks} of {self._schedules} end in a deadlock that is none"

    @property
    def rate(self) -> str:
        """Return the median rate."""
        return f"{statistics.median(self.rates):.0f}" if self.rates else ""

    def times(self, base: Figures | None) -> str:
        """Return how many times this is in *base*, by rounds."""
        if base is None or not (base.rates and self.rates):
            return ""
        pairs = zip(base.rates, self.rates, strict=False)
        return f"{statistics.median(one / other for one, other in pairs):.2f}"

    @property
    def first_bug(self) -> str:
        """Return the median number of schedules."""
        if not self.first:
            return ""
        beyond = self.limit + 1
        median = statistics.median_high(n or beyond for n in self.first)
        return f"over {self.limit}" if median == beyond else f"{median}"


Results = dict[Case, dict[str, Figures]]


def measure(python: str, sides: Sequence[str], options: argparse.Namespace) -> Results:
    """Measure all sides in all cases, in turn."""
    cases = [(program, tasks) for program in PROGRAMS for tasks in TASKS]
    results: Results = {case: {side: Figures() for side in sides} for case in cases}
    for number in range(options.rounds):
        tell(f"round {number + 1} of {options.rounds}")
        for case in cases:
            for side, figures in results[case].items():
                answer = attempt(figures, python, side, case, "rate", options.seconds)
                if answer:
                    figures.add(answer)
    for program, (_, worst) in PROGRAMS.items():
        tell(f"first bug of {program}")
        case, what = (program, 2), ("first", options.seeds, options.limit, worst)
        for side, figures in results[case].items():
            figures.limit = options.limit
            answer = attempt(figures, python, side, case, *what)
            figures.first = answer.get("first", [])
    return results


def attempt(figures: Figures, *question: Any) -> dict[str, Any]:
    """Ask, unless that has failed before; a failure is what there is to say."""
    if figures.failure:
        return {}
    try:
        return ask(*question)
    except FailedError as error:
        figures.failure = str(error)
        return {}


def tell(what: str) -> None:
    """Say how far it is, where it does not get into the table."""
    print(what, file=sys.stderr, flush=True)


# The table.


def table(results: Results, missing: Mapping[str, str]) -> list[str]:
    """Return the lines of the table; *missing* says why which peers are not in it."""
    rows = [HEAD, ("---",) * len(HEAD)]
    for (program, tasks), by_side in results.items():
        inline, trio = (by_side.get(side) for side in FORKFUZZ)
        for side, figures in by_side.items():
            rows.append(
                (
                    *(program, str(tasks), side),
                    *(figures.rate, figures.times(inline), figures.times(trio)),
                    *(figures.first_bug, figures.remark),
                )
            )
    rows += [("all", "", peer, "", "", "", "", why) for peer, why in missing.items()]
    return list(aligned(rows))


def aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Give the rows, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = map(str.ljust, (cell.replace("|", "/") for cell in row), widths)
        yield f"| {' | '.join(cells)} |"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--venv", type=Path, help="keep the environment there")
    parser.add_argument("--python", help="make it with this interpreter")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=0.4, help="of CPU, each time")
    parser.add_argument("--seeds", type=int, default=15, help="for the first bug")
    parser.add_argument("--limit", type=int, default=5000, help="schedules of a seed")
    return parser.parse_args(arguments)


def compare(folder: Path, options: argparse.Namespace) -> None:
    """Install, measure and print."""
    python = create(folder, options.python or find_python())
    missing: dict[str, str] = {}
    try:
        install(python, *NEEDED_BY_FORKFUZZ)
    except FailedError as error:
        sys.exit(f"peers: forkfuzz's own packages: {error}")
    for peer in options.peers:
        tell(f"install {peer}")
        try:
            install(python, peer)
        except FailedError as error:
            missing[peer] = str(error)
    sides = [*FORKFUZZ, *(peer for peer in options.peers if peer not in missing)]
    results = measure(python, sides, options)
    print("\n".join(table(results, missing)))
    about = ask(python, FORKFUZZ[0], ("rmw1", 2), "rate", 0.01)
    freeze = [python, "-m", "pip", "freeze", "--disable-pip-version-check"]
    listed = subprocess.run(freeze, capture_output=True, text=True).stdout.split()  # noqa: S603
    versions = [line for line in listed if line.partition("==")[0] in (*PEERS, "trio")]
    print(f"\nPython {about['python']}, {', '.join(versions)}.")


def main() -> None:
    """Measure in an environment that is kept, or in one that is not."""
    options = parse()
    if options.venv:
        compare(options.venv, options)
    else:
        with tempfile.TemporaryDirectory() as folder:
            compare(Path(folder) / "venv", options)


if __name__ == "__main__":
    main()
