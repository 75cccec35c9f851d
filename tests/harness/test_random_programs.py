"""Random small programs and schedules: the documented protocol holds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as some

from drawing import NAMES, PAGE, PLACE, specs_of
from forkfuzz.engine import Outcome
from forkfuzz.harness.run import Run
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios.program import (
    Collapse,
    DmaLoad,
    DmaStore,
    Exit,
    Fork,
    Load,
    Madvise,
    Pin,
    Program,
    Shootdown,
    Statement,
    Store,
    SwapOut,
    Thread,
    Unpin,
)
from walking import Walk


def statement(kind: str, page: str, index: int, number: int) -> list[Statement]:
    """Return a statement, or a pair of a pin and its end."""
    match kind:
        case "store":
            return [Store(page, index, number)]
        case "kernel-store":
            return [Store(page, index, number, kernel=True)]
        case "load":
            return [Load(page, index, f"r{number}")]
        case "dontneed":
            return [Madvise(page, "dontneed")]
        case "shootdown":
            return [Shootdown(page)]
        case "pin" | "pin-ro" | "pin-slow" | "get":
            pin = Pin(page, kind != "pin-ro", kind == "get", kind != "pin-slow")
            return [pin, Store(page, index, number), Unpin(page)]
        case _:
            return [DmaStore(page, index, number), DmaLoad(page, index, f"d{number}")]


PINS = ["pin", "pin-ro", "pin-slow", "get"]
STEPS = some.lists(
    some.tuples(
        some.sampled_from(
            [
                *(*["store"] * 3, *["load"] * 2, "dontneed", "kernel-store"),
                *("shootdown", *PINS),
            ]
        ),
        PLACE,
    ),
    max_size=4,
)


def body(
    steps: list[tuple[str, tuple[int, int]]], pages: int, base: int
) -> list[Statement]:
    """Return the statements of one thread."""
    found: list[Statement] = []
    for number, (kind, (page, index)) in enumerate(steps, base):
        found += statement(kind, NAMES[page % pages], index, number)
    return found


@some.composite
def programs(draw: some.DrawFn) -> Program:
    """Draw a program with up to three threads, two forks, children and a device."""
    specs = specs_of(draw(some.lists(PAGE, min_size=1, max_size=3)))
    count = len(specs)
    forker = body(draw(STEPS)[:2], count, 100)
    for _ in range(draw(some.integers(1, 2))):
        forker.insert(draw(some.integers(0, len(forker))), Fork())
    threads = [Thread("F", tuple(forker))]
    threads += [
        Thread(f"T{n}", tuple(body(draw(STEPS), count, 100 + 100 * n)))
        for n in range(1, draw(some.integers(2, 3)))
    ]
    if draw(some.booleans()):
        steps = [s for s in draw(STEPS) if not s[0].startswith(("pin", "get"))]
        end = [Exit()] if draw(some.booleans()) else []
        threads.append(Thread("C", (*body(steps, count, 500), *end), "child"))
    if draw(some.booleans()):
        dma = [("dma", place) for place in draw(some.lists(PLACE, max_size=2))]
        threads.append(Thread("dev", tuple(body(dma, count, 600)), "device"))
    if draw(some.booleans()):
        threads.append(Thread("khugepaged", (Collapse(),), "kernel"))
    if draw(some.booleans()):
        outs = [
            SwapOut(NAMES[n % count]) for n, _ in draw(some.lists(PLACE, max_size=2))
        ]
        threads.append(Thread("kswapd", tuple(outs), "kernel"))
    lax = draw(some.booleans())
    sites = draw(some.lists(some.sampled_from(SITES), max_size=1))
    return Program("random", specs, tuple(threads), lax, tuple(sites))


SITES = ("dup_mmap", "vm_area_dup", "copy_present_page")


@given(programs(), some.integers(0, 1 << 30))
@settings(max_examples=200)
def test_no_program_and_no_schedule_breaks_the_documented_protocol(
    program: Program, seed: int
) -> None:
    """Whatever threads, forks, pins, zaps and devices do."""
    strategy = Walk(seed)
    for _ in range(6):
        strategy.begin()
        result = Run(program, parse_rules("seed"), strategy).execute()
        assert result.violations == ()
        assert result.outcome is Outcome.FINISHED
