"""Every directive, attribute, column, statement and assertion means what it says."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from forkfuzz.checkers import PROPERTIES
from forkfuzz.litmus import load, parse
from forkfuzz.rules import PRESETS, Rules, parse_rules
from forkfuzz.scenarios import program as p
from forkfuzz.scenarios.program import PageSpec
from litmus.texts import FILES, IDS, make, pages, statement, text

TWO_PAGES = (PageSpec("A", words=2), PageSpec("B"))


def test_a_test_is_name_description_rules_program_and_assertions() -> None:
    """All parts of a file arrive."""
    test = parse(
        'litmus a-1\n"what it shows"\nrules v6.4.0 , vma_recheck = off\npage A\n\n'
        "T1 | F\nA = 1 | fork\n\nexists child:A=1\nviolates snapshot\n",
        "x.litmus",
    )
    assert (test.name, test.description, test.path) == (
        "a-1",
        "what it shows",
        "x.litmus",
    )
    assert test.rules_text == "v6.4.0,vma_recheck=off"
    assert test.rules == parse_rules(test.rules_text)
    assert test.program == p.Program(
        "a-1",
        (PageSpec("A"),),
        (p.Thread("T1", (p.Store("A", 0, 1),)), p.Thread("F", (p.Fork(),))),
    )
    assert [a.kind for a in test.assertions] == ["exists", "violates"]


def test_what_is_left_out_has_defaults() -> None:
    """No description, the documented protocol, strict hardware, no failure."""
    test = make()
    assert (test.description, test.rules_text, test.rules) == ("", "seed", Rules())
    assert test.program.pages == TWO_PAGES
    assert not test.program.hw_dirty_lax
    assert not test.program.faults_stop
    assert test.program.fail_sites == ()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_blanks_and_comments_are_free(newline: str) -> None:
    """Blank lines, comments, indentation and a missing last newline change nothing."""
    plain = """litmus t
"a # b"
page A[2]
page B
T1 | F
A = 1 | fork

clean"""
    decorated = """# first

 litmus\tt#c

"a # b" # "c"
# c
page A [ 2 ]

\tpage B  # the second

T1|F # c
# a comment does not end the table
  # nor does this one
A=1|fork
\t
# here it is over

clean # c

"""
    test = parse(decorated.replace("\n", newline))
    assert [a.line for a in test.assertions] == [18]
    moved = tuple(attrs.evolve(a, line=8) for a in test.assertions)
    assert attrs.evolve(test, assertions=moved) == parse(plain)


def test_bytes_are_utf_8() -> None:
    """A description may be in any language."""
    test = parse(text(heading='litmus t\n"été — 分叉"').encode())
    assert test.description == "été — 分叉"


def test_a_column_alone_is_a_table() -> None:
    """Without a bar there is one column, and an empty cell is nothing."""
    assert make("T1\nA = 1\nA = 2").program.threads == (
        p.Thread("T1", (p.Store("A", 0, 1), p.Store("A", 0, 2))),
    )
    assert make("T1 | F\n | fork\n | \nA = 1 |").program.threads == (
        p.Thread("T1", (p.Store("A", 0, 1),)),
        p.Thread("F", (p.Fork(),)),
    )


# Directives.


@pytest.mark.parametrize("preset", PRESETS)
def test_rules_take_every_preset(preset: str) -> None:
    """Dots and hyphens included."""
    test = make(directives=f"rules {preset}\npage A")
    assert test.rules == PRESETS[preset].rules


def test_init_sets_single_words() -> None:
    """Words that it does not name are 0."""
    assert pages("page A[3]", "init A[2]=7", "init A = 1") == (
        PageSpec("A", words=3, init=(1, 0, 7)),
    )


def test_other_directives_set_fields_of_the_program() -> None:
    """The hardware's dirty bit, faults, failures."""
    program = make(
        directives="hardware dirty=lax\nfaults stop\nmemory sc\npage A\n"
        "fail dup_mmap\nfail copy_present_page"
    ).program
    assert program.hw_dirty_lax
    assert program.faults_stop
    assert program.fail_sites == ("dup_mmap", "copy_present_page")
    program = make(directives="hardware dirty = strict\nfaults kernel\npage A").program
    assert not program.hw_dirty_lax
    assert not program.faults_stop


@pytest.mark.parametrize(
    ("attributes", "fields"),
    [
        ("anon", {}),
        ("shared", {"shared": True}),
        ("file", {"file": True}),
        ("file untouched", {"file": True, "untouched": True}),
        ("untouched", {"untouched": True}),
        ("pte=ro", {"read_only": True}),
        ("clean", {"clean": True}),
        ("swapped", {"swapped": True}),
        ("prot=r", {"prot": "r"}),
        ("prot=none", {"prot": "none"}),
        ("vma=3", {"vma": 3}),
        ("pinned", {"pin": "rw"}),
        ("pinned=ro", {"pin": "ro"}),
        ("refs=1023", {"refs": 1023}),
        ("has-pinned", {"has_pinned": True}),
        ("dontfork", {"dontfork": True}),
        ("wipeonfork", {"wipeonfork": True}),
        (
            "pinned vma = 2 clean has-pinned refs=1",
            {"pin": "rw", "vma": 2, "clean": True, "has_pinned": True, "refs": 1},
        ),
    ],
)
def test_attributes_set_fields_of_the_page(
    attributes: str, fields: dict[str, object]
) -> None:
    """Each its own field, and several of them several."""
    (page,) = pages(f"page A {attributes}")
    assert page == PageSpec("A", **fields)  # type: ignore[arg-type]


def test_a_page_can_map_the_frame_of_one_before_it() -> None:
    """``maps=`` names it."""
    assert pages("page A", "page B maps=A")[1] == PageSpec("B", maps="A")


def test_vmas_lie_in_the_order_of_their_numbers() -> None:
    """Pages with the same number stay in the order of the file."""
    names = [p.name for p in pages("page A vma=2", "page B", "page C vma=2", "page D")]
    assert names == ["B", "D", "A", "C"]


# Columns.


def test_the_name_of_a_column_decides_what_it_is() -> None:
    """Devices, children, kernel threads; everything else is a thread of the parent."""
    names = (
        "T1 | F | dev | dev2 | child | child2 | kswapd | migrate | ksmd | khugepaged"
    )
    cells = "fork | fork" + " |" * 8
    threads = make(f"{names}\n{cells}").program.threads
    assert [(t.name, t.kind, t.fork) for t in threads] == [
        ("T1", "parent", 1),
        ("F", "parent", 1),
        ("dev", "device", 1),
        ("dev2", "device", 1),
        ("child", "child", 1),
        ("child2", "child", 2),
        ("kswapd", "kernel", 1),
        ("migrate", "kernel", 1),
        ("ksmd", "kernel", 1),
        ("khugepaged", "kernel", 1),
    ]


# Statements.


@pytest.mark.parametrize("column", ["T1", "child"])
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("A = 1", p.Store("A", 0, 1)),
        ("A[1] = 2", p.Store("A", 1, 2)),
        ("A = 18446744073709551615", p.Store("A", 0, 2**64 - 1)),
        ("r = A", p.Load("A", 0, "r")),
        ("ra_1 = A[1]", p.Load("A", 1, "ra_1")),
        ("pin A", p.Pin("A")),
        ("pin A ro", p.Pin("A", write=False)),
        ("pin A fast", p.Pin("A")),
        ("pin A slow", p.Pin("A", fast=False)),
        ("pin A slow ro", p.Pin("A", write=False, fast=False)),
        ("unpin A", p.Unpin("A")),
        ("get A", p.Pin("A", write=False, get=True)),
        ("put A", p.Unpin("A")),
        ("r = peek A[1]", p.Peek("A", 1, "r")),
        ("mprotect A r", p.Mprotect("A", "r")),
        ("mprotect A rw", p.Mprotect("A", "rw")),
        ("mprotect A none", p.Mprotect("A", "none")),
        ("madvise A dontneed", p.Madvise("A", "dontneed")),
        ("madvise A dontfork", p.Madvise("A", "dontfork")),
        ("madvise A wipeonfork", p.Madvise("A", "wipeonfork")),
        ("madvise A guard", p.Madvise("A", "guard")),
        ("munmap B", p.Munmap("B")),
        ("pte A = B", p.RawPte("A", "map", "B")),
        ("pte A = none", p.RawPte("A", "none")),
        ("pte A ro", p.RawPte("A", "ro")),
        ("pte A rw", p.RawPte("A", "rw")),
        ("r = swap-pte A none", p.SwapPte("A", "r")),
        ("invlpg A", p.Invlpg("A")),
        ("shootdown A", p.Shootdown("A")),
        ("shootdown", p.Shootdown("")),
        ("post go", p.Post("go")),
    ],
)
def test_statements_of_threads(words: str, expected: p.Statement, column: str) -> None:
    """Threads of the parent and of a child can do the same, but for fork and exit."""
    assert statement(words, column) == expected


@pytest.mark.parametrize(
    ("column", "words", "expected"),
    [
        ("T1", "fork", p.Fork()),
        ("child", "exit", p.Exit()),
        ("dev", "dma A[1] = 5", p.DmaStore("A", 1, 5)),
        ("dev", "r = dma A", p.DmaLoad("A", 0, "r")),
        ("dev", "unpin A", p.Unpin("A")),
        ("dev", "post go", p.Post("go")),
        ("kswapd", "swapout A", p.SwapOut("A")),
        ("kswapd", "post go", p.Post("go")),
        ("khugepaged", "collapse A", p.Collapse()),
        ("migrate", "post go", p.Post("go")),
        ("ksmd", "post go", p.Post("go")),
    ],
)
def test_statements_of_others(column: str, words: str, expected: p.Statement) -> None:
    """What only some columns can do."""
    assert statement(words, column) == expected


def test_a_wait_has_a_post() -> None:
    """In any column, before it or after."""
    threads = make("T1 | dev\nwait go | post go").program.threads
    assert threads[0].statements == (p.Wait("go"),)


def test_order_goes_on_after_exit() -> None:
    """A child that has exited can still let others go on."""
    test = make("F | child\nfork | exit\nwait gone | post gone")
    assert test.program.threads[1].statements == (p.Exit(), p.Post("gone"))


def test_a_register_may_have_the_name_of_a_protection() -> None:
    """``r`` is a keyword elsewhere."""
    test = make("T1\nr = A\nmprotect A r", assertions="exists T1:r=0")
    assert test.program.threads[0].statements == (
        p.Load("A", 0, "r"),
        p.Mprotect("A", "r"),
    )


# Assertions.


def test_assertions_keep_kind_text_and_line() -> None:
    """In the order in which they are written."""
    test = make(
        assertions="exists   child:A=1   # c\nforbidden ~ T1:segv\n"
        "always parent:B=0\n violates lock\nviolates pin.diverged"
    )
    assert [(a.kind, a.text, a.line, a.implied) for a in test.assertions] == [
        ("exists", "child:A=1", 7, False),
        ("forbidden", "~ T1:segv", 8, False),
        ("always", "parent:B=0", 9, False),
        ("violates", "lock", 10, False),
        ("violates", "pin.diverged", 11, False),
    ]


@pytest.mark.parametrize(
    ("assertions", "implied"),
    [
        ("exists child:A=1", [True]),
        ("clean\nexists child:A=1", [False]),
        ("violates snapshot\nexists child:A=1", []),
    ],
)
def test_clean_is_understood(assertions: str, implied: list[bool]) -> None:
    """Unless it is written, or there is a violates."""
    found = [a for a in make(assertions=assertions).assertions if a.kind == "clean"]
    assert [a.implied for a in found] == implied
    assert all(a.text == "" and a.condition is None for a in found)


@pytest.mark.parametrize("prop", PROPERTIES)
def test_violates_covers_a_property_and_its_group(prop: str) -> None:
    """A group is every property below it, a property is itself alone."""
    group = prop.partition(".")[0]
    (one,) = make(assertions=f"violates {prop}").assertions
    (many,) = make(assertions=f"violates {group}").assertions
    assert [p for p in PROPERTIES if one.covers(p)] == [prop]
    assert [p for p in PROPERTIES if many.covers(p)] == [
        p for p in PROPERTIES if p.startswith(f"{group}.")
    ]


# Files.


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_files_are_tests(path: Path) -> None:
    """Each is called like its file and says what it shows."""
    test = load(path)
    assert test.name == path.stem
    assert test.path == str(path)
    assert test.description
    assert test.assertions


def test_there_are_files() -> None:
    """Those that come with the language, at least."""
    assert len(FILES) >= 14
