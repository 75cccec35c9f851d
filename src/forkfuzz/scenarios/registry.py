"""Scenarios by name, and programs from their names and parameters."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

import attrs

from forkfuzz.errors import UsageError

from .program import Program

MAX_PARAMETER = 1000
MAX_PRODUCT = 300_000
"""Of all parameters of a scenario: no program has more statements than that."""

LAZY_TLB = "lazy_tlb"
"""A parameter that every scenario has: whether TLBs fill and evict lazily."""

_SPEC = re.compile(r"[a-z0-9-]{1,40}")


@attrs.frozen(slots=True)
class Scenario:
    """A small program with parameters.

    Attributes:
        name: As on the command line.
        summary: What it shows, in one line.
        build: Makes the program; takes the parameters as keywords.
        parameters: Their names and default values.
    """

    name: str
    summary: str
    build: Callable[..., Program]
    parameters: Mapping[str, int]

    def program(self, given: Mapping[str, int] | None = None) -> Program:
        """Make the program for the *given* parameters, the others at their default.

        Raises:
            UsageError: For a parameter that there is not, or a value out of range.
        """
        values = {**self.parameters, LAZY_TLB: 0}
        for name, value in (given or {}).items():
            if name not in values:
                known = ", ".join(self.parameters) or "none"
                msg = f"{self.name} has no parameter {name[:40]!r}; it has {known}"
                raise UsageError(msg)
            if not 0 <= value <= MAX_PARAMETER:
                raise _out_of_range(name, str(value))
            values[name] = value
        size = math.prod(max(value, 1) for value in values.values())
        if size > MAX_PRODUCT:
            # Building it would take the machine's memory before the size is seen.
            msg = f"{self.name}: the parameters multiply to {size}, "
            msg += f"expected at most {MAX_PRODUCT}"
            raise UsageError(msg)
        usual = {**self.parameters, LAZY_TLB: 0}
        changed = [f"{n}={v}" for n, v in values.items() if v != usual[n]]
        lazy_tlb = bool(values.pop(LAZY_TLB))
        program: Program = self.build(**values)
        return attrs.evolve(
            program, name=" ".join([self.name, *changed]), lazy_tlb=lazy_tlb
        )


def _out_of_range(name: str, value: str) -> UsageError:
    given = f"{name[:40]}={value[:20]}"
    msg = f"{given} is out of range, expected 0 to {MAX_PARAMETER}"
    return UsageError(msg)


SCENARIOS: dict[str, Scenario] = {}
"""Every scenario that ships, in the order in which it is listed."""


def scenario(
    name: str, summary: str, **parameters: int
) -> Callable[[Callable[..., Program]], Callable[..., Program]]:
    """Register a function that builds a program."""

    def register(build: Callable[..., Program]) -> Callable[..., Program]:
        SCENARIOS[name] = Scenario(name, summary, build, parameters)
        return build

    return register


def find_scenario(name: str) -> Scenario:
    """Return the scenario called *name*.

    Raises:
        UsageError: If there is none; the message lists those that there are.
    """
    found = SCENARIOS.get(name)
    if found is None:
        msg = f"no scenario {name[:60]!r}; there are {', '.join(SCENARIOS)}"
        raise UsageError(msg)
    return found


def parse_spec(text: str) -> tuple[str, dict[str, int]]:
    """Read ``NAME [parameter=value ...]``, as `Program.name` has it.

    Raises:
        UsageError: If it does not have that form.
    """
    name, *changes = text.split()[:20] or [""]
    if not _SPEC.fullmatch(name):
        msg = f"{text[:60]!r} is not a scenario, expected NAME [parameter=value ...]"
        raise UsageError(msg)
    given = {}
    for change in changes:
        parameter, _, value = change.partition("=")
        if not value.isascii() or not value.isdecimal():
            msg = f"{change[:60]!r} is not a parameter, expected name=number"
            raise UsageError(msg)
        if len(value) > len(str(MAX_PARAMETER)):
            raise _out_of_range(parameter, value)
        if parameter in given:
            msg = f"{parameter[:60]!r} is given twice in {text[:60]!r}"
            raise UsageError(msg)
        given[parameter] = int(value)
    return name, given


def open_program(text: str) -> Program:
    """Make the program that ``NAME [parameter=value ...]`` names."""
    name, given = parse_spec(text)
    return find_scenario(name).program(given)
