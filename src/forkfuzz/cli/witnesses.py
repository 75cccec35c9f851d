"""Witnesses of litmus tests: found, written to files that replay, and shown."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING

from forkfuzz.errors import UsageError

from .output import echo

if TYPE_CHECKING:
    from forkfuzz.exhaustive import Plainest
    from forkfuzz.harness import Run
    from forkfuzz.litmus import LitmusTest, Observation, Place
    from forkfuzz.litmus.verdict import Verdict


def show_witnesses(verdict: Verdict, directory: Path, *, quiet: bool = False) -> None:
    """Find the plainest run to each starred state, and to each violation.

    Args:
        verdict: The test, decided.
        directory: Where they are written to, with a copy of the test.
        quiet: Whether nothing is printed.
    """
    from forkfuzz.exhaustive import plainest_end, plainest_violation
    from forkfuzz.litmus import evaluate, observables

    test = verdict.test
    program, places = test.program, observables(test)
    copy_test(test, directory)
    subject = verdict.subject()
    for number, state in enumerate(verdict.states(), 1):
        if subject is not None and evaluate(subject, state):
            found = plainest_end(
                program, verdict.rules, functools.partial(_ends_in, places, state)
            )
            _keep(verdict, directory, f"state {number}", found, quiet=quiet)
    for prop in verdict.decided.properties:
        found = plainest_violation(program, verdict.rules, prop)
        _keep(verdict, directory, prop, found, quiet=quiet)


def copy_test(test: LitmusTest, directory: Path) -> None:
    """Put a copy of a test where schedules of it are looked for it."""
    from forkfuzz.campaign.atomic import write_file

    copy = directory / f"{test.name}.litmus"
    data = Path(test.path).read_bytes()
    if not copy.exists() or copy.read_bytes() != data:
        write_file(copy, data)


def make_folder(path: Path) -> None:
    """Make a folder if it is not there.

    Raises:
        UsageError: It cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        msg = f"cannot make {str(path)!r}: {reason}"
        raise UsageError(msg) from error


def _ends_in(places: tuple[Place, ...], state: Observation, run: Run) -> bool:
    from forkfuzz.litmus import observe

    return observe(run, places) == state


def _keep(
    verdict: Verdict,
    directory: Path,
    what: str,
    found: Plainest | None,
    *,
    quiet: bool,
) -> None:
    import attrs

    from forkfuzz.campaign.atomic import write_file
    from forkfuzz.engine import dumps
    from forkfuzz.report import quoted

    if found is None:
        if not quiet:
            echo(f"\nWitness of {what}: not found within the limits")
        return
    slug = re.sub(r"[^a-z0-9]+", "-", what)
    path = directory / f"{verdict.test.name}-{slug}.schedule"
    header = {**found.schedule.header, "scenario": f"{verdict.test.name}.litmus"}
    schedule = attrs.evolve(found.schedule, header=header)
    write_file(path, dumps(schedule).encode())
    if quiet:
        return
    echo(f"\nWitness of {what}: {found}\n")
    for line in _table(verdict, found, what):
        echo(line)
    echo(f"\n  Reproduce with: forkfuzz replay {quoted(str(path))}")


def _table(verdict: Verdict, found: Plainest, what: str) -> list[str]:
    """Return the race table, or without a violation the threads' steps in order."""
    from forkfuzz.harness.trial import with_lazy_tlb
    from forkfuzz.report import race_table, record, step_list

    program = with_lazy_tlb(verdict.test.program)
    recording = record(program, verdict.rules, found.schedule.decisions)
    violations = recording.result.violations
    named = [v for v in violations if v.prop == what]
    violation = next(iter([*named, *violations]), None)
    if violation is None:
        return step_list(recording).splitlines()
    return race_table(recording, violation, () if named else _readers(verdict))


def _readers(verdict: Verdict) -> tuple[str, ...]:
    """Return the threads whose registers the test looks at."""
    from forkfuzz.litmus import Register, observables

    places = observables(verdict.test)
    return tuple(place.column for place in places if isinstance(place, Register))
