"""Small programs for hypothesis to draw, and what can come of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as some

from forkfuzz.exhaustive import Decided
from forkfuzz.harness import Run
from forkfuzz.mm.pgtable import PAGE_PRESENT, PTE_SWAP
from forkfuzz.rules import FIELDS, Rules
from forkfuzz.scenarios import program as p

Seen = tuple[Any, ...]


def memory(run: Run) -> Seen:
    """Return all that a program could see of the end of a run."""
    world = run.world
    words = tuple(
        (mm.name, vpn, tuple(world.stores[store][1] for store in _words(run, pte)))
        for mm in world.mms
        for vpn, pte in enumerate(mm.page_table.entries)
    )
    registers = tuple(sorted(run.execution.registers.items()))
    return words, registers, tuple(sorted(run.execution.faults.items()))


def _words(run: Run, pte: int) -> list[int]:
    if not pte & (PAGE_PRESENT | PTE_SWAP):
        return []
    return run.world.frames[pte >> 12].words


def came(decided: Decided[Seen]) -> tuple[set[Seen], list[str], set[str]]:
    """Return what two searches must agree on: ends, properties, other outcomes."""
    unfinished = {outcome.value for outcome in decided.unfinished}
    return set(decided.ends), decided.properties, unfinished


RULES = some.one_of(
    some.just(Rules()),
    some.sampled_from(
        [
            (name, value)
            for name, field in FIELDS.items()
            for value in field.metadata["values"][1:]
        ]
    ).map(lambda change: Rules(**{change[0]: change[1]})),
)

PAGE_KINDS: list[dict[str, Any]] = [
    *({}, {}, {"words": 2}, {"clean": True}, {"read_only": True}),
    *({"untouched": True}, {"pin": "rw"}, {"refs": 1}, {"refs": 1023, "pin": "ro"}),
    *({"file": True}, {"file": True, "untouched": True}),
]


@some.composite
def without_fork(draw: Any) -> p.Program:
    """Draw two threads that need no kernel: eight steps, which few orders have."""
    pages = tuple(p.PageSpec(name, clean=draw(some.booleans())) for name in "AB")
    statement = some.one_of(
        some.builds(p.Store, some.sampled_from("AB"), some.just(0), VALUE),
        some.builds(p.Load, some.sampled_from("AB"), some.just(0), REGISTER),
        some.builds(p.Post, some.just("s")),
        some.builds(p.Wait, some.just("s")),
    )
    threads = tuple(
        p.Thread(name, tuple(draw(some.lists(statement, max_size=2))))
        for name in ("T1", "T2")
    )
    return p.Program("drawn", pages, threads)


VALUE = some.integers(1, 9)
REGISTER = some.sampled_from("rs")


@some.composite
def with_fork(draw: Any) -> p.Program:
    """Draw a thread beside a fork, and perhaps a device or a child."""
    kind = draw(some.sampled_from(PAGE_KINDS))
    pages = [p.PageSpec("A", **kind)]
    index = some.integers(0, pages[0].words - 1)
    statement = some.one_of(
        some.builds(p.Store, some.just("A"), index, VALUE),
        some.builds(p.Load, some.just("A"), index, REGISTER),
        some.builds(p.Pin, some.just("A"), write=some.booleans(), fast=some.booleans()),
        some.builds(p.Madvise, some.just("A"), some.just("dontneed")),
    )
    threads = [
        p.Thread("T1", (draw(statement),)),
        p.Thread("F", (p.Fork(),)),
    ]
    if draw(some.integers(0, 3)) == 0:
        threads.append(p.Thread("dev", (p.DmaStore("A", 0, 77),), kind="device"))
    return p.Program("drawn", tuple(pages), tuple(threads))
