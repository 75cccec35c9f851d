"""Feedback marks what the interleaving did, each kind in a part of its own."""

from __future__ import annotations

import functools
import itertools

import pytest

from forkfuzz.engine import Machine, Schedule, point, reads, run_inline, writes
from forkfuzz.harness.coverage import FEEDBACK_BYTES, KINDS, Kind, cover
from forkfuzz.harness.run import Run
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios import find_scenario
from forkfuzz.strategies import DelayBounded, RandomWalk, Replay, RoundRobin

Marked = frozenset[int]


def marked(kinds: tuple[Kind, ...], scenario: str = "mp", seed: int = 3) -> Marked:
    """Return what one run with a few delays marks."""
    buffer = bytearray(FEEDBACK_BYTES)
    coverage = cover(buffer, kinds)
    strategy = DelayBounded(seed)
    strategy.begin()
    run = Run(
        find_scenario(scenario).program({}),
        parse_rules("mainline"),
        strategy,
        watchers=coverage.watchers,
        observers=coverage.observers,
    )
    for watcher in coverage.watchers:
        watcher.start(run.world, run.machine)
    run.execute()
    return frozenset(i for i, byte in enumerate(buffer) if byte)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_marks_something_and_the_same_again(kind: Kind) -> None:
    """Equal runs mark equal bytes."""
    assert marked((kind,)) == marked((kind,))
    assert len(marked((kind,))) > 2


def test_kinds_do_not_share_a_byte() -> None:
    """All together mark what each marks by itself."""
    alone = [
        frozenset().union(*(marked((kind,), seed=n) for n in range(20)))
        for kind in KINDS
    ]
    for one, other in itertools.combinations(alone, 2):
        assert not one & other
    together = marked(tuple(KINDS))
    assert together == frozenset().union(*(marked((kind,)) for kind in KINDS))


def test_no_kind_marks_nothing() -> None:
    """Feedback can be switched off, with the same engine."""
    assert marked(()) == frozenset()


@pytest.mark.parametrize("kind", KINDS)
def test_runs_that_differ_are_told_apart(kind: Kind) -> None:
    """Twenty runs do not all mark the same."""
    assert len({marked((kind,), "lost-store", seed=n) for n in range(20)}) > 1


def marks_of_toy(order: list[int], kind: Kind, *, writing: bool = True) -> Marked:
    """Return what two threads mark at one object, in that order."""
    buffer = bytearray(FEEDBACK_BYTES)
    left = iter(order)

    class Ordered(RoundRobin):
        """Chooses as the order says."""

        def next_task(self, runnable: object, stay: int) -> int:
            """Choose the next of the order."""
            wanted = next(left)
            indices = [task.index for task in runnable]  # type: ignore[attr-defined]
            return indices.index(wanted)

    machine = Machine(Ordered(), observers=cover(buffer, (kind,)).observers)

    async def body(write: bool) -> None:
        await point("walk:there")
        touch = writes if write else reads
        await point("write:x" if write else "read:x", touch("x"))

    machine.spawn("T1", functools.partial(body, writing))
    machine.spawn("T2", functools.partial(body, False))
    machine.spawn("T3", functools.partial(body, False))
    run_inline(machine)
    return frozenset(i for i, byte in enumerate(buffer) if byte)


def test_reads_from_is_about_who_wrote_before() -> None:
    """A read before the write is unlike one after it; threads are not told apart."""
    before = marks_of_toy([1, 1, 0, 0, 2, 2], "reads-from")
    assert before == marks_of_toy([2, 2, 0, 0, 1, 1], "reads-from")
    assert before != marks_of_toy([1, 1, 2, 2, 0, 0], "reads-from") == frozenset()


def test_conflicts_are_about_order() -> None:
    """Read then write, and write then read, are two things; two reads are none."""
    read_first = marks_of_toy([1, 1, 2, 2, 0, 0], "conflicts")
    write_first = marks_of_toy([0, 0, 1, 1, 2, 2], "conflicts")
    assert read_first
    assert write_first
    assert not read_first & write_first
    order = [0, 0, 1, 1, 2, 2]
    assert marks_of_toy(order, "conflicts", writing=False) == frozenset()


def test_translations_tell_a_stale_entry_from_a_fresh_one() -> None:
    """A store through an entry that fork has changed since is marked differently."""
    seen = [marked(("translation-from",), "lost-store", seed=n) for n in range(40)]
    assert len(set(seen)) > 4


def test_a_replayed_run_marks_the_same() -> None:
    """Marks depend on the decisions alone."""
    buffers = []
    program = find_scenario("mp").program({})
    first = Run(program, parse_rules("mainline"), RandomWalk(1)).execute()
    decisions = Schedule.of(first.decisions, first.task_names).decisions
    for _ in range(2):
        buffer = bytearray(FEEDBACK_BYTES)
        coverage = cover(buffer, KINDS)
        run = Run(
            program,
            parse_rules("mainline"),
            Replay(decisions),
            watchers=coverage.watchers,
            observers=coverage.observers,
        )
        for watcher in coverage.watchers:
            watcher.start(run.world, run.machine)
        run.execute()
        buffers.append(bytes(buffer))
    assert buffers[0] == buffers[1]
