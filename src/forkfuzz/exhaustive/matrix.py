"""Which missing guard breaks what, on every program at hand.

Under the documented protocol every program must be clean. Then each guard is given each
of its other values, one at a time, on every program in which some run asks for that
guard; on the others nothing can change. What a value breaks shows what its guard is for,
and a value that breaks nothing is a negative control, as far as these programs go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from forkfuzz.rules import FIELDS, Rules
from forkfuzz.scenarios.program import Program
from forkfuzz.search import Limits

from .decide import INTERRUPTED, decide
from .witness import plainest_violation

SEED = Rules()


@attrs.frozen(slots=True)
class Cell:
    """One property that one value breaks.

    Attributes:
        prop: The property.
        program: The program that shows it with the fewest states to look at.
        states: How many these are.
        steps: Of the plainest run of it that breaks the property; 0 if not known.
        preemptions: Of that run; no run with fewer breaks it.
        also: How many more programs show it.
    """

    prop: str
    program: str
    states: int
    steps: int
    preemptions: int
    also: int


@attrs.frozen(slots=True)
class Row:
    """What one value of a guard breaks.

    Attributes:
        field: The guard; empty for the documented protocol.
        value: Its value.
        cells: The properties broken, sorted.
        programs: How many programs ask for the guard.
        states: How many states were looked at in all of them.
        unsure: Programs that were not looked at in full.
    """

    field: str
    value: str
    cells: tuple[Cell, ...]
    programs: int
    states: int
    unsure: tuple[str, ...]


@attrs.frozen(slots=True)
class Job:
    """One program under one set of rules."""

    name: str
    program: Program
    rules: Rules
    limits: Limits


@attrs.frozen(slots=True)
class Done:
    """What came of a job.

    Attributes:
        properties: Those that can be broken.
        states: How many states were looked at.
        exhaustive: Whether these are all.
        asked: Guards that were asked for.
    """

    properties: tuple[str, ...]
    states: int
    exhaustive: bool
    asked: frozenset[str]


class _AskedRules(Rules):
    """Rules that note which of them are asked for."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> object:
        if name in FIELDS:
            _asked.add(name)
        return super().__getattribute__(name)


_asked: set[str] = set()


def do(job: Job) -> Done:
    """Decide one program under one set of rules."""
    rules = _AskedRules(**{name: getattr(job.rules, name) for name in FIELDS})
    _asked.clear()
    decided = decide(job.program, rules, lambda _run: None, job.limits)
    progress = decided.progress
    if progress.stopped == INTERRUPTED:
        raise KeyboardInterrupt
    return Done(
        tuple(decided.properties),
        progress.states,
        progress.exhaustive,
        frozenset(_asked),
    )


Map = Callable[[Callable[[Job], Done], Iterable[Job]], Iterable[Done]]
"""``map``, or that of a pool of processes."""


def other_values() -> list[tuple[str, str]]:
    """Return every guard with every value but the right one."""
    return [
        (name, value)
        for name, field in FIELDS.items()
        for value in field.metadata["values"][1:]
    ]


def matrix(
    programs: Mapping[str, Program],
    limits: Limits,
    run: Map = map,
    values: Sequence[tuple[str, str]] | None = None,
    tell: Callable[[Row], None] = lambda _row: None,
) -> list[Row]:
    """Return what each value of each guard breaks; the documented protocol first.

    Programs that differ in their names alone are taken once, and those that cannot be
    looked at in full under the documented protocol only there.

    Args:
        programs: By name.
        limits: For each program under each set of rules.
        run: How jobs are done.
        values: Guards with the values to try; by default all there are.
        tell: Called with each row as soon as it is known.

    Raises:
        KeyboardInterrupt: Ctrl-C; the rows told by then are all that is known.
    """
    programs = _different(programs)
    names = list(programs)
    jobs = [Job(name, programs[name], SEED, limits) for name in names]
    clean = dict(zip(names, run(do, jobs), strict=True))
    rows = [_row("", "", programs, clean, limits)]
    tell(rows[0])
    names = [name for name in names if clean[name].exhaustive]
    wanted = other_values() if values is None else values
    jobs = [
        Job(name, programs[name], attrs.evolve(SEED, **{field: value}), limits)
        for field, value in wanted
        for name in names
        if field in clean[name].asked
    ]
    done = iter(run(do, jobs))
    for field, value in wanted:
        asking = [name for name in names if field in clean[name].asked]
        found = {name: next(done) for name in asking}
        rows.append(_row(field, value, programs, found, limits))
        tell(rows[-1])
    return rows


def _different(programs: Mapping[str, Program]) -> dict[str, Program]:
    different: dict[Program, str] = {}
    for name, program in programs.items():
        different.setdefault(attrs.evolve(program, name=""), name)
    return {name: programs[name] for name in different.values()}


def _row(
    field: str,
    value: str,
    programs: Mapping[str, Program],
    done: Mapping[str, Done],
    limits: Limits,
) -> Row:
    changed = {field: value} if field else {}
    rules = attrs.evolve(SEED, **changed)
    broken = sorted({prop for found in done.values() for prop in found.properties})
    return Row(
        field,
        value,
        tuple(_cell(prop, rules, programs, done, limits) for prop in broken),
        len(done),
        sum(found.states for found in done.values()),
        tuple(name for name, found in done.items() if not found.exhaustive),
    )


def _cell(
    prop: str,
    rules: Rules,
    programs: Mapping[str, Program],
    done: Mapping[str, Done],
    limits: Limits,
) -> Cell:
    showing = [name for name, found in done.items() if prop in found.properties]
    best = min(showing, key=lambda name: (done[name].states, name))
    plainest = plainest_violation(programs[best], rules, prop, max_states=limits.states)
    return Cell(
        prop,
        best,
        done[best].states,
        plainest.steps if plainest else 0,
        plainest.preemptions if plainest else 0,
        len(showing) - 1,
    )
