"""A program under rules and a driver, as something that a campaign can fuzz.

A target is described by plain values, so that a worker process can open it too.
"""

from __future__ import annotations

import contextlib
from mmap import mmap
from typing import Annotated, Literal, Protocol

import msgspec

from forkfuzz.engine import Strategy, run_inline
from forkfuzz.rules import format_rules, parse_rules
from forkfuzz.scenarios import find_scenario

from .coverage import FEEDBACK_BYTES, Kind, cover
from .result import RunResult
from .run import Driver, Run

NAME_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?\Z"
"""What a target may be called: it names a folder."""

Name = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
DriverName = Literal["trio", "inline"]

__all__ = [
    "FEEDBACK_BYTES",
    "DriverName",
    "Feedback",
    "Name",
    "Target",
    "TargetSpec",
    "open_driver",
    "open_target",
]


class Feedback(Protocol):
    """Where a run leaves its traces, for the campaign to see what was new."""

    @property
    def buffer(self) -> bytearray | mmap:
        """`FEEDBACK_BYTES` bytes, zero before each run.

        An observer does ``buffer[i] = 1``, and nothing else: the same index for the
        same abstract state in every process, so never from ``hash()`` of a string.
        """
        ...

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Which kinds of feedback are wanted; see `forkfuzz.harness.coverage`."""
        ...


class Target(Protocol):
    """What a campaign fuzzes."""

    @property
    def name(self) -> str:
        """Such as ``mp``; see `NAME_PATTERN`. It names the folder of the corpus."""
        ...

    def run(self, strategy: Strategy, feedback: Feedback | None) -> RunResult:
        """Run once. *strategy*'s ``begin`` has not been called yet."""
        ...

    def close(self) -> None:
        """Give back what the target holds, such as a Trio run."""
        ...


class TargetSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A target as plain values.

    Attributes:
        scenario: Name of the scenario.
        params: Its parameters.
        rules: The rules in canonical spelling; part of a violation's signature.
        driver: Which driver steps the tasks.
    """

    scenario: Name
    params: dict[str, int] = {}
    rules: str = "seed"
    driver: DriverName = "trio"


def open_driver(name: DriverName, stack: contextlib.ExitStack) -> Driver:
    """Return what runs machines; *stack* closes it."""
    if name == "inline":
        return run_inline
    # Here and not above: whoever stays inline does not pay for importing Trio.
    from forkfuzz.engine.trio_driver import TrioHost

    return stack.enter_context(TrioHost()).run


class ScenarioTarget:
    """A scenario with parameters under rules: the targets that ship.

    Raises:
        UsageError: For a scenario, parameter or rule that there is not.
    """

    def __init__(self, spec: TargetSpec) -> None:
        self._name = spec.scenario
        self._program = find_scenario(spec.scenario).program(spec.params)
        self._rules = parse_rules(spec.rules)
        self._stack = contextlib.ExitStack()
        self._driver = open_driver(spec.driver, self._stack)

    @property
    def name(self) -> str:
        """Return the scenario's name."""
        return self._name

    def run(self, strategy: Strategy, feedback: Feedback | None) -> RunResult:
        """Run the program once."""
        strategy.begin()
        if feedback is None:
            return self._finish(Run(self._program, self._rules, strategy))
        coverage = cover(feedback.buffer, feedback.kinds)
        run = Run(
            self._program,
            self._rules,
            strategy,
            watchers=coverage.watchers,
            observers=coverage.observers,
        )
        for watcher in coverage.watchers:
            watcher.start(run.world, run.machine)
        return self._finish(run)

    def _finish(self, run: Run) -> RunResult:
        result = run.execute(self._driver)
        run.close()
        return result

    def close(self) -> None:
        """End the Trio run, if there is one."""
        self._stack.close()


def open_target(spec: TargetSpec) -> Target:
    """Open the target that *spec* describes."""
    return ScenarioTarget(spec)


def canonical_spec(
    scenario: str, params: dict[str, int], rules: str, driver: DriverName
) -> TargetSpec:
    """Check the parts of a description, and bring its rules into canonical spelling.

    Raises:
        UsageError: For a scenario, parameter or rule that there is not.
    """
    find_scenario(scenario).program(params)
    return TargetSpec(scenario, params, format_rules(parse_rules(rules)), driver)
