"""The pytest plugin: a fixture ``sim``, and `explore` to run a test many times.

It works beside pytest-trio, which runs the tests; this plugin has no event loop.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shlex
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from forkfuzz.counting import counted
from forkfuzz.engine import Schedule, dumps
from forkfuzz.engine.schedule import load
from forkfuzz.errors import ForkfuzzError, UsageError
from forkfuzz.harness.sim import Sim
from forkfuzz.strategies import Replay, make

SCHEDULES = Path(".forkfuzz") / "tests"
"""Where the schedule of a failing test is put, below pytest's root."""

Test = Callable[..., Awaitable[None]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    parser.getgroup("forkfuzz").addoption(
        "--forkfuzz-replay",
        metavar="FILE",
        help="run each explored test once, under the schedule in FILE",
    )


class FixtureSim(Sim):
    """What the fixture ``sim`` is: a machine that knows its test."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        super().__init__()
        self.request = request


@pytest.fixture(name="sim")
def sim_fixture(request: pytest.FixtureRequest) -> FixtureSim:
    """Return a fresh simulated machine; see `forkfuzz.harness.sim`."""
    sim = FixtureSim(request)
    path = request.config.getoption("--forkfuzz-replay")
    if path:
        try:
            sim.strategy = Replay(load(Path(path)).decisions)
        except ForkfuzzError as error:
            raise pytest.UsageError(str(error)) from error
    return sim


def explore(
    *, runs: int = 200, strategy: str = "pct", seed: int = 1
) -> Callable[[Test], Test]:
    """Run an async test that takes ``sim`` under many schedules.

    The first run that fails fails the test; its schedule is written down, and the
    failure ends with the command that replays it.

    Args:
        runs: How many schedules.
        strategy: One of those that need no feedback: ``pct``, ``races`` and so on.
        seed: Equal seeds make equal schedules.

    Raises:
        UsageError: There is no such strategy, or no run at all.
    """
    if runs < 1:
        msg = f"runs={runs}, expected at least 1"
        raise UsageError(msg)
    make(strategy, seed)  # refused here, not in the middle of a test

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        async def explored(*args: Any, sim: FixtureSim, **kwargs: Any) -> None:
            """Run the test under one schedule after the other."""
            request = sim.request
            if request.config.getoption("--forkfuzz-replay"):
                await test(*args, sim=sim, **kwargs)
                _check_run(sim)
                return
            # A new one for each case and rerun: none depends on what ran before.
            chooser = make(strategy, seed)
            for run in range(runs):
                fresh = Sim(chooser)
                try:
                    await test(*args, sim=fresh, **kwargs)
                except Exception as error:
                    error.add_note(_note(fresh, request, run + 1))
                    raise
                _check_run(fresh)

        return explored

    return decorate


def _check_run(sim: Sim) -> None:
    """Fail a test that has explored nothing, as without an ``await``.

    Raises:
        UsageError: Its machine has not run.
    """
    if not sim.has_run:
        msg = "forkfuzz: nothing was explored, expected 'await sim.run()' in the test"
        raise UsageError(msg)


def _note(sim: Sim, request: pytest.FixtureRequest, run: int) -> str:
    """Write the schedule down; return what to tell the user."""
    decisions, names = sim.decisions()
    node: str = request.node.nodeid
    folder = request.config.rootpath / SCHEDULES
    folder.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"[^A-Za-z0-9]+", "-", node).strip("-")[-80:]
    # Two tests may differ in what a slug leaves out.
    digest = hashlib.sha256(node.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    path = folder / f"{slug}-{digest}.schedule"
    title = "".join(c if " " <= c <= "~" else "?" for c in node)[:200]
    schedule = Schedule.of(decisions, names, header={"title": title})
    path.write_text(dumps(schedule), encoding="utf-8")
    # Node ids are relative to pytest's root; whoever reads this may be elsewhere.
    start = request.config.invocation_params.dir
    test = f"{os.path.relpath(request.node.path, start)}::{node.partition('::')[2]}"
    command = ["pytest", test, "--forkfuzz-replay", os.path.relpath(path, start)]
    return (
        f"forkfuzz: failed in run {run}, after {counted(len(decisions), 'decision')}\n"
        f"Reproduce with:  {shlex.join(command)}"
    )
