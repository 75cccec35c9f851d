"""What `format_test` writes is read back as the same test, or is refused in one line."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from forkfuzz.errors import UsageError
from forkfuzz.litmus import LitmusTest, format_test, load, normal_form, parse
from forkfuzz.rules import PRESETS, parse_rules
from forkfuzz.scenarios import SCENARIOS
from forkfuzz.scenarios import program as p
from forkfuzz.scenarios.program import PageSpec, Program, Thread

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.litmus"))


def printed(program: Program, rules: str = "") -> LitmusTest:
    """Return the test that a program is written down as."""
    text = format_test("t", program, rules)
    assert text.isascii()
    assert not [line for line in text.split("\n") if line != line.rstrip()]
    return parse(text)


def again(program: Program) -> Program:
    """Return what comes back of a program."""
    return attrs.evolve(printed(program).program, name=program.name)


def one(*statements: p.Statement, name: str = "T1", **fields: object) -> Program:
    """Return a program of two pages with one column beside a thread that forks."""
    pages = (PageSpec("A", words=2), PageSpec("B"))
    threads = (Thread(name, statements), Thread("F", (p.Fork(),)))
    return Program("small", pages, threads, **fields)  # type: ignore[arg-type]


def with_page(page: PageSpec) -> Program:
    """Return a program with one page."""
    return Program("small", (page,), (Thread("F", (p.Fork(),)),))


def refusal(program: Program, rules: str = "", *assertions: str) -> str:
    """Return the end of the line that a program is refused with."""
    with pytest.raises(UsageError) as caught:
        format_test("t", program, rules, assertions=assertions)
    message = str(caught.value)
    start = "small: no litmus test can say "
    assert message.startswith(start)
    assert message.isprintable()
    return message.removeprefix(start)


# What there is.


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_comes_back(path: Path) -> None:
    """Program, rules, description and assertions of the library's tests."""
    test = load(path)
    lines = [f"{a.kind} {a.text}" for a in test.assertions if not a.implied]
    text = format_test(
        test.name, test.program, test.rules_text, test.description, lines
    )
    back = parse(text, test.path)
    nowhere = [attrs.evolve(a, line=0) for a in test.assertions]
    assert normal_form(test.program) == test.program
    assert [attrs.evolve(a, line=0) for a in back.assertions] == nowhere
    assert attrs.evolve(back, assertions=test.assertions) == test


@pytest.mark.parametrize(
    "name", ["pinned-mp", "xu", "vmsplice-fixed", "raw-clear-flush-set", "wipeonfork"]
)
def test_the_text_is_as_a_person_has_written_it(name: str) -> None:
    """Letter for letter."""
    path = HERE / f"{name}.litmus"
    test = load(path)
    lines = [f"{a.kind} {a.text}" for a in test.assertions if not a.implied]
    assert path.read_text() == format_test(
        test.name, test.program, test.rules_text, test.description, lines
    )


UNSAYABLE = {
    "vma-flags": "vma-flags: no litmus test can say that C1 and C2 are one child's",
    "signal": "signal: no litmus test can say that T2 stores to A in the kernel",
    "copy-to-user": "copy-to-user: no litmus test can say that T1 stores to A in the kernel",
    "vmsplice": "vmsplice: no litmus test can say '| s = dma A': "
    "expected dma in the column of a device, "
    "found it in that of 'child', a thread of a child",
}
"""The scenarios that no litmus test can be written of, and what they are told."""


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name not in UNSAYABLE])
def test_every_scenario_comes_back(name: str) -> None:
    """With its default parameters, in the words of the language."""
    program = SCENARIOS[name].program()
    assert again(program) == normal_form(program)


@pytest.mark.parametrize("name", UNSAYABLE)
def test_some_scenarios_need_more_than_the_language_has(name: str) -> None:
    """There is a reason for each."""
    with pytest.raises(UsageError) as caught:
        format_test("t", SCENARIOS[name].program())
    assert str(caught.value) == UNSAYABLE[name]


@pytest.mark.parametrize("preset", PRESETS)
def test_rules_come_back_as_they_were_given(preset: str) -> None:
    """The preset that was named, and blanks where there may be some."""
    given_rules = f"{preset}, vma_recheck = off"
    test = printed(one(), given_rules)
    assert test.rules_text == f"{preset},vma_recheck=off"
    assert test.rules == parse_rules(given_rules)


# The form.


def test_a_test_in_full() -> None:
    """Columns in line, short ones filled up, assertions below each other."""
    program = Program(
        "any",
        (
            PageSpec("A", words=2, init=(0, 7), pin="ro", refs=3),
            PageSpec("B", vma=1, prot="r"),
        ),
        (
            Thread("T1", (p.Store("A", 1, 5), p.Load("B", 0, "r"))),
            Thread("forker", (p.Fork(),)),
        ),
        hw_dirty_lax=True,
        fail_sites=("dup_mmap",),
    )
    lines = ("exists child:A[1]=7", "violates snapshot.torn")
    assert (
        format_test("all-1", program, "mainline", "what it shows", lines)
        == """\
litmus all-1
"what it shows"

rules mainline
hardware dirty=lax
fail dup_mmap
page A[2] pinned=ro refs=3
page B prot=r vma=1
init A[1]=7

T1       | forker
A[1] = 5 | fork
r = B    |

exists    child:A[1]=7
violates  snapshot.torn
"""
    )


def test_without_title_rules_and_assertions() -> None:
    """The documented protocol, and nothing that is found."""
    assert format_test("t", with_page(PageSpec("A"))) == (
        "litmus t\n\nrules seed\npage A\n\nF\nfork\n\nclean\n"
    )


@pytest.mark.parametrize(
    ("statements", "spelled"),
    [
        ((p.Pin("A", get=True), p.Unpin("A")), ["get A", "put A"]),
        ((p.Pin("A"), p.Pin("A", get=True), p.Unpin("A")), ["pin A", "get A"]),
        ((p.Pin("A", write=False, fast=False),), ["pin A ro slow"]),
        ((p.Shootdown(), p.Shootdown("A")), ["shootdown", "shootdown A"]),
        ((p.RawPte("A", "map", "B"), p.RawPte("A", "none")), ["pte A = B"]),
        ((p.RawPte("A", "ro"), p.SwapPte("A", "r")), ["pte A ro", "r = swap-pte A"]),
    ],
)
def test_statements_are_spelled(
    statements: tuple[p.Statement, ...], spelled: list[str]
) -> None:
    """A reference is put back as it was taken; defaults are left out."""
    program = one(*statements)
    text = format_test("t", program)
    assert again(program) == normal_form(program)
    rows = text.partition("T1")[2].split("\n")[1:]
    for row, words in zip(rows, spelled, strict=False):
        assert row.startswith(words)


def test_threads_that_do_nothing_are_columns() -> None:
    """A table has a row at least."""
    pages = (PageSpec("A"),)
    program = Program("idle", pages, (Thread("T1", ()), Thread("T2", ())))
    assert again(program) == program


# The normal form.


def test_the_threads_of_children_are_named_after_them() -> None:
    """Whatever they were called."""
    threads = (
        Thread("F", (p.Fork(), p.Fork())),
        Thread("second", (p.Exit(),), "child", 2),
        Thread("C", (), "child"),
    )
    program = Program("two", (PageSpec("A"),), threads)
    assert [t.name for t in again(program).threads] == ["F", "child2", "child"]


def test_vmas_are_numbered_in_their_order() -> None:
    """Where they are not; only neighbours share one."""
    pages = [PageSpec(name, vma=vma) for name, vma in zip("ABCD", (5, 5, 2, 5))]  # noqa: B905
    program = Program("vmas", tuple(pages), (Thread("F", (p.Fork(),)),))
    assert [page.vma for page in again(program).pages] == [0, 0, 1, 2]
    in_order = attrs.evolve(program, pages=(PageSpec("A", vma=3), PageSpec("B", vma=9)))
    assert again(in_order) == in_order


@pytest.mark.parametrize(
    ("init", "back"), [((), ()), ((0,), (0, 0)), ((7,), (7, 0)), ((1, 2, 3), (1, 2))]
)
def test_first_values_are_for_all_words(
    init: tuple[int, ...], back: tuple[int, ...]
) -> None:
    """Or for none."""
    program = with_page(PageSpec("A", words=2, init=init))
    assert again(program).pages == (PageSpec("A", words=2, init=back),)


def test_what_is_not_of_the_program_is_left_out() -> None:
    """How it is explored, and what a campaign looks for."""
    plain = one(p.Store("A", 0, 1))
    busy = attrs.evolve(plain, lazy_tlb=True, hardware_events=0, sometimes=("a:b",))
    assert again(busy) == plain


# What the language does not have.


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (one(p.Kill("F")), "that T1 kills F"),
        (one(p.Store("A", 0, 1, kernel=True)), "that T1 stores to A in the kernel"),
        (
            one(p.Pin("A", get=True, fast=False)),
            "that T1 gets A by the slow path alone",
        ),
        (one(hardware_events=0), "that a CPU sees 0 TLB events"),
        (
            one(hw_dirty_lax=True, tlb_evictions=False),
            "both dirty=lax and evictions=none",
        ),
        (one(fail_sites=("dup_mmap",) * 17), "that 17 allocations fail"),
        (
            Program("small", (PageSpec("A"),), (Thread("T1", ()),)),
            "that nothing is done",
        ),
        (
            Program(
                "small",
                (PageSpec("A" * 32),),
                (Thread("T1", (p.SwapPte("A" * 32, "r" * 32),) * 1000),),
            ),
            "as much, in 82070 bytes: expected at most 65536",
        ),
        (one(name="child"), "that child is not a child's thread"),
        (one(name="devil"), "that 'devil' is of the kind 'parent', not 'device'"),
        (one(name="kswapd"), "that 'kswapd' is of the kind 'parent', not 'kernel'"),
        (
            Program(
                "small",
                (PageSpec("A", dontfork=True),),
                (Thread("khugepaged", (p.Collapse(),), "kernel"),),
            ),
            "that khugepaged collapses memory of a child that has none",
        ),
    ],
)
def test_what_has_no_words_is_refused(program: Program, told: str) -> None:
    """And named."""
    assert refusal(program) == told


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (
            one(p.Load("A", 0, "B")),
            (
                "'B = A[0] | fork': expected a register, which is not named like a page, "
                "found 'B'"
            ),
        ),
        (
            one(p.Madvise("A", "free")),
            "'madvise A free | fork': expected what the model has, found madvise free",
        ),
        (
            one(p.Store("A", 0, 2**64)),
            (
                f"'A[0] = {2**64} | fork': expected a number from 0 to {2**64 - 1}, "
                f"found '{2**64}'"
            ),
        ),
        (
            one(p.Wait("s")),
            (
                "'wait s | fork': expected a semaphore that some column posts, "
                "as 'post s' does, found 's'"
            ),
        ),
        (
            with_page(PageSpec("fork")),
            (
                "'page fork': expected a name for a page that is no word of the language, "
                "found 'fork'"
            ),
        ),
        (
            with_page(PageSpec("A", clean=True, read_only=True)),
            (
                "'page A pte=ro clean': expected nothing that contradicts 'pte=ro', "
                "found 'clean'"
            ),
        ),
        (with_page(PageSpec("A shared")), "what page 'A shared' is"),
        (with_page(PageSpec("A", pin="both")), "what page 'A' is"),
        (
            one(name="T1 # x"),
            "'| fork': expected no more cells than columns, found '|'",
        ),
    ],
)
def test_what_the_parser_refuses_is_refused(program: Program, told: str) -> None:
    """In the words of the parser, with the line that it does not read."""
    assert refusal(program) == told


def test_assertions_are_read_too() -> None:
    """So that the text is a test."""
    assert refusal(one(), "", "exists child:Z=1") == (
        "'exists    child:Z=1': expected a page that is declared (A, B), found 'Z'"
    )


@pytest.mark.parametrize("rules", ["linux", "seed,vma_lock=perhaps"])
def test_rules_are_checked(rules: str) -> None:
    """As everywhere."""
    with pytest.raises(UsageError, match=r"^no (preset|value) "):
        format_test("t", one(), rules)
