"""Random programs, written down as litmus tests: each comes back, or is refused."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from hypothesis import given, settings
from hypothesis import strategies as some

from drawing import MORE_KINDS, NAMES, page_of, specs_of
from forkfuzz.errors import UsageError
from forkfuzz.litmus import format_test, normal_form, parse
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios import program as p
from forkfuzz.scenarios.program import PageSpec, Program, Thread

PLACES = some.tuples(some.sampled_from(NAMES), some.integers(0, 1))
VALUES = some.integers(0, 2**64 - 1)
REGISTERS = some.sampled_from(["r", "r1", "x_2"])
ANY_PAGE = some.sampled_from(NAMES)


def _at(
    make: type[p.Statement], *more: some.SearchStrategy[object]
) -> some.SearchStrategy[p.Statement]:
    """Return what to draw a statement about a word from."""
    return some.builds(lambda place, *rest: make(*place, *rest), PLACES, *more)


OF_THREADS = some.one_of(
    _at(p.Store, VALUES),
    _at(p.Load, REGISTERS),
    _at(p.Peek, REGISTERS),
    some.builds(p.Pin, ANY_PAGE, write=some.booleans(), fast=some.booleans()),
    some.builds(p.Pin, ANY_PAGE, write=some.booleans(), get=some.just(True)),
    some.builds(p.Unpin, ANY_PAGE),
    some.builds(p.Mprotect, ANY_PAGE, some.sampled_from(p.PROTECTIONS)),
    some.builds(
        p.Madvise,
        ANY_PAGE,
        some.sampled_from(["dontneed", "dontfork", "wipeonfork", "guard"]),
    ),
    some.builds(p.Munmap, ANY_PAGE),
    some.builds(p.RawPte, ANY_PAGE, some.sampled_from(["none", "ro", "rw"])),
    some.builds(p.SwapPte, ANY_PAGE, REGISTERS),
    some.builds(p.Invlpg, ANY_PAGE),
    some.builds(p.Shootdown, some.sampled_from(["", *NAMES])),
    some.builds(p.Post, some.just("s")),
)
OF_PARENTS = some.one_of(OF_THREADS, some.just(p.Fork()))
OF_DEVICES = some.one_of(
    _at(p.DmaStore, VALUES),
    _at(p.DmaLoad, REGISTERS),
    some.builds(p.Unpin, ANY_PAGE),
    some.just(p.Wait("s")),
)


def thread(
    statements: some.SearchStrategy[p.Statement], name: str, kind: str = "parent"
) -> some.SearchStrategy[Thread]:
    """Return what to draw a column from."""
    bodies = some.lists(statements, max_size=4).map(tuple)
    return some.builds(Thread, some.just(name), bodies, some.just(kind))


@some.composite
def programs(draw: some.DrawFn) -> Program:
    """Draw a program of what the language has."""
    pages = some.lists(page_of(MORE_KINDS), min_size=3, max_size=3)
    forker = Thread("F", (p.Fork(), *draw(thread(OF_PARENTS, "F")).statements))
    others = [
        thread(OF_PARENTS, "T1"),
        thread(OF_PARENTS, "T_2"),
        thread(OF_THREADS, "C", "child"),
        thread(OF_DEVICES, "dev1", "device"),
        thread(some.builds(p.SwapOut, ANY_PAGE), "kswapd", "kernel"),
    ]
    poster = Thread("poster", (p.Post("s"),))
    drawn = [draw(other) for other in others if draw(some.booleans())]
    lax = draw(some.booleans())
    sites = ["dup_mmap", "vm_area_dup", "copy_present_page"]
    return Program(
        "random",
        specs_of(draw(pages)),
        tuple(draw(some.permutations([forker, poster, *drawn]))),
        lax,
        tuple(draw(some.lists(some.sampled_from(sites), max_size=2))),
        tlb_evictions=lax or draw(some.booleans()),
        faults_stop=draw(some.booleans()),
    )


@settings(max_examples=60)
@given(programs(), some.sampled_from(["", "mainline", "v5.8,cow_order=drop_ptl"]))
def test_random_programs_come_back(program: Program, rules: str) -> None:
    """Each is written, and read as its normal form."""
    text = format_test("t", program, rules)
    test = parse(text)
    assert attrs.evolve(test.program, name="random") == normal_form(program)
    assert test.rules == parse_rules(rules or "seed")
    assert format_test("t", test.program, rules) == text


WORDS = some.sampled_from(["A", "fork", "T1", "dev", "child2", "kswapd", "r = A", "|"])
WILD_PAGES = some.builds(
    PageSpec,
    WORDS,
    words=some.integers(1, 3),
    init=some.lists(some.integers(-1, 2), max_size=2).map(tuple),
    untouched=some.booleans(),
    read_only=some.booleans(),
    clean=some.booleans(),
    vma=some.integers(-1, 10_000),
    has_pinned=some.booleans(),
)
WILD_STATEMENTS = some.one_of(
    some.just(p.Fork()),
    some.just(p.Exit()),
    some.just(p.Collapse()),
    some.builds(p.Kill, WORDS),
    some.builds(p.Post, WORDS),
    some.builds(p.Wait, WORDS),
    some.builds(p.Shootdown),
)
WILD_THREADS = some.builds(
    Thread,
    WORDS,
    some.lists(WILD_STATEMENTS, max_size=3).map(tuple),
    some.sampled_from(["parent", "child", "device", "kernel", "other"]),
    some.integers(0, 3),
)


@settings(max_examples=100)
def aimed(threads: list[Thread]) -> Iterator[Thread]:
    """Let threads kill one of the parent that does something, or nobody."""
    targets = [t.name for t in threads if t.kind == "parent" and t.statements][:1]
    for thread in threads:
        statements: list[p.Statement] = []
        for statement in thread.statements:
            if isinstance(statement, p.Kill):
                statements += map(p.Kill, targets)
            else:
                statements.append(statement)
        yield attrs.evolve(thread, statements=tuple(statements))


@given(
    some.lists(WILD_PAGES, min_size=1, max_size=2, unique_by=lambda page: page.name),
    some.lists(WILD_THREADS, min_size=1, max_size=2, unique_by=lambda t: t.name),
)
def test_wild_programs_come_back_or_are_refused(
    pages: list[PageSpec], threads: list[Thread]
) -> None:
    """Nothing is written that means something else."""
    program = Program("wild", tuple(pages), tuple(aimed(threads)))
    try:
        text = format_test("t", program)
    except UsageError as error:
        told = str(error)
    else:
        told = "wild: no litmus test can say nothing"
        back = attrs.evolve(parse(text).program, name="wild")
        assert back == normal_form(program)
    assert told.startswith("wild: no litmus test can say ")
    assert told.isprintable()
