"""Random small programs that change what is mapped, and how: nothing breaks."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as some

from drawing import MORE_KINDS, NAMES, PLACE, page_of, specs_of
from forkfuzz.engine import Outcome
from forkfuzz.harness.run import Run
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios.program import (
    Collapse,
    DmaStore,
    Exit,
    Fork,
    Load,
    Madvise,
    Mprotect,
    Munmap,
    Peek,
    Pin,
    Program,
    Statement,
    Store,
    SwapOut,
    Thread,
)
from walking import Walk

PAGE = page_of(MORE_KINDS)
KINDS = [
    *("store", "store", "load", "kernel-store", "dontneed", "pin", "pin-ro"),
    *("mprotect-r", "mprotect-rw", "mprotect-rw", "mprotect-none", "munmap"),
]
STEPS = some.lists(some.tuples(some.sampled_from(KINDS), PLACE), max_size=4)


def statement(kind: str, page: str, index: int, number: int) -> Statement:
    """Return a statement; none of them waits for another thread."""
    match kind:
        case "store" | "kernel-store":
            return Store(page, index, number, kernel=kind != "store")
        case "load":
            return Load(page, index, f"r{number}")
        case "dontneed":
            return Madvise(page, "dontneed")
        case "pin" | "pin-ro":
            return Pin(page, write=kind == "pin", fast=bool(index))
        case "munmap":
            return Munmap(page)
        case _:
            return Mprotect(page, kind.removeprefix("mprotect-"))


def body(
    steps: list[tuple[str, tuple[int, int]]], pages: int, base: int
) -> list[Statement]:
    """Return the statements of one thread."""
    return [
        statement(kind, NAMES[page % pages], index, number)
        for number, (kind, (page, index)) in enumerate(steps, base)
    ]


@some.composite
def programs(draw: some.DrawFn) -> Program:
    """Draw a program with up to three threads, a child, and who else there is."""
    specs = specs_of(draw(some.lists(PAGE, min_size=1, max_size=3)))
    count = len(specs)
    forker = body(draw(STEPS)[:2], count, 100)
    forker.insert(draw(some.integers(0, len(forker))), Fork())
    threads = [Thread("F", tuple(forker))]
    threads += [
        Thread(f"T{n}", tuple(body(draw(STEPS), count, 100 + 100 * n)))
        for n in range(1, draw(some.integers(2, 3)))
    ]
    if draw(some.booleans()):
        threads.append(Thread("C", tuple(draw(children(count))), "child"))
    if draw(some.booleans()):
        threads.append(Thread("dev", (DmaStore(NAMES[0], 0, 600),), "device"))
    if draw(some.booleans()):
        threads.append(Thread("khugepaged", (Collapse(),), "kernel"))
    if draw(some.booleans()):
        outs = tuple(SwapOut(name) for name in NAMES[:count])
        threads.append(Thread("kswapd", outs, "kernel"))
    return Program("random", specs, tuple(threads), draw(some.booleans()))


@some.composite
def children(draw: some.DrawFn, count: int) -> list[Statement]:
    """Draw what a child does, which may keep a reference and may exit."""
    name = NAMES[draw(some.integers(0, count - 1))]
    found = body(draw(STEPS), count, 500)
    if draw(some.booleans()):
        found = [Pin(name, get=True), *found, Peek(name, 0, "p")]
    return [*found, Exit()] if draw(some.booleans()) else found


@given(programs(), some.integers(0, 1 << 30))
@settings(max_examples=150)
def test_no_change_of_mappings_breaks_the_documented_protocol(
    program: Program, seed: int
) -> None:
    """Whatever is protected, unmapped and split, and by whom."""
    strategy = Walk(seed)
    for _ in range(6):
        strategy.begin()
        result = Run(program, parse_rules("seed"), strategy).execute()
        assert result.violations == ()
        assert result.outcome is Outcome.FINISHED
