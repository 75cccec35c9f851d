"""Programs as data, and scenarios by name."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from forkfuzz.engine import Outcome
from forkfuzz.errors import UsageError
from forkfuzz.harness.run import Run
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios import SCENARIOS, open_program, parse_spec
from forkfuzz.scenarios.program import (
    MAX_WORDS,
    Kill,
    Mprotect,
    PageSpec,
    Program,
    RawPte,
    Store,
    Thread,
)
from forkfuzz.strategies import Pct, RandomWalk
from walking import Walk


def test_a_program_must_use_pages_that_it_has() -> None:
    """The message names thread and page."""
    with pytest.raises(UsageError, match=r"^p: T uses 'B', not a page$"):
        Program("p", (PageSpec("A"),), (Thread("T", (Store("B", 0, 1),)),))


@pytest.mark.parametrize("target", ["F", "dev"])
def test_a_program_must_kill_threads_that_it_has(target: str) -> None:
    """A device gets no signals."""
    threads = (Thread("T", (Kill(target),)), Thread("dev", (), "device"))
    with pytest.raises(UsageError, match=rf"^p: T kills '{target}', not a thread$"):
        Program("p", (PageSpec("A"),), threads)


def test_a_program_must_stay_inside_its_pages() -> None:
    """Words are counted from 0."""
    with pytest.raises(UsageError, match=r"^p: A\[1\] is outside its page$"):
        Program("p", (PageSpec("A"),), (Thread("T", (Store("A", 1, 1),)),))


A, T = PageSpec("A"), Thread("T", ())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"prot": "w"}, r"^B: no protection 'w', expected one of rw, r, none$"),
        ({"maps": "A", "swapped": True}, "^B cannot be both maps and swapped$"),
        ({"maps": "A", "init": (1,)}, "^B cannot be both maps and init$"),
        ({"maps": "A", "pin": "rw"}, "^B cannot be both maps and pin$"),
        ({"swapped": True, "untouched": True}, "^B cannot be both swapped and untou"),
        ({"swapped": True, "refs": 1}, "^B cannot be both swapped and refs$"),
        ({"swapped": True, "shared": True}, "^B cannot be both swapped and shared$"),
        ({"file": True, "shared": True}, "^B cannot be both file and shared$"),
        ({"file": True, "pin": "ro"}, "^B cannot be both file and pin$"),
        ({"file": True, "clean": True}, "^B cannot be both file and clean$"),
    ],
)
def test_attributes_of_a_page_must_not_contradict_each_other(
    fields: dict[str, Any], message: str
) -> None:
    """The message names both."""
    with pytest.raises(UsageError, match=message):
        PageSpec("B", **fields)


@pytest.mark.parametrize(
    "pages",
    [
        (PageSpec("B", maps="A"), A),
        (PageSpec("A", untouched=True), PageSpec("B", maps="A")),
        (PageSpec("A", swapped=True), PageSpec("B", maps="A")),
        (PageSpec("A", shared=True), PageSpec("B", maps="A", vma=1)),
        (PageSpec("A", file=True), PageSpec("B", maps="A", vma=1)),
        (PageSpec("B", maps="B"),),
    ],
)
def test_a_page_maps_the_frame_of_one_before_it(pages: tuple[PageSpec, ...]) -> None:
    """Which must have one, and be its only owner."""
    with pytest.raises(UsageError, match=r"^p: B maps '[AB]', expected an anonymous"):
        Program("p", pages, (T,))


def test_pages_of_a_file_share_no_vma_with_others() -> None:
    """What is behind a mapping is a matter of its VMA."""
    file = PageSpec("B", file=True)
    with pytest.raises(UsageError, match=r"^p: A and B share a VMA, but only one is "):
        Program("p", (A, file), (T,))
    Program("p", (A, attrs.evolve(file, vma=1)), (T,))
    Program("p", (attrs.evolve(file, name="A"), file), (T,))


def test_a_raw_statement_maps_a_frame_that_there_is() -> None:
    """That of the start."""
    pages = (A, PageSpec("B", untouched=True))
    for source in ("", "B", "C"):
        change = Thread("T", (RawPte("A", "map", source),))
        with pytest.raises(UsageError, match=f"^p: T maps '{source}', expected a page"):
            Program("p", pages, (change,))


def test_statements_know_what_there_is_to_ask_for() -> None:
    """The message lists it."""
    with pytest.raises(UsageError, match=r"^no protection 'x', expected one of rw, r"):
        Mprotect("A", "x")
    with pytest.raises(UsageError, match=r"^no action 'x' on an entry, expected one "):
        RawPte("A", "x")


def test_names_in_a_program_are_unique() -> None:
    """Of pages, and of threads."""
    with pytest.raises(UsageError, match=r"^two pages are named 'A'$"):
        Program("p", (PageSpec("A"), PageSpec("A")), (Thread("T", ()),))
    with pytest.raises(UsageError, match=r"^two threads are named 'T'$"):
        Program("p", (PageSpec("A"),), (Thread("T", ()), Thread("T", ())))


def test_a_program_without_pages_or_with_too_many_words_is_refused() -> None:
    """Limits, with the number found and the numbers allowed."""
    with pytest.raises(UsageError, match=r"^p: 0 pages, expected 1 to 256$"):
        Program("p", (), (Thread("T", ()),))
    with pytest.raises(UsageError, match=r"^p: 65 words in a page, expected 1 to 64$"):
        Program("p", (PageSpec("A", words=MAX_WORDS + 1),), (Thread("T", ()),))


def test_the_name_of_a_program_says_which_parameters_differ() -> None:
    """And opening it by that name gives the same program."""
    program = open_program("mp rounds=2 pages=3")
    assert program.name == "mp pages=3 rounds=2"
    assert open_program(program.name) == program
    assert open_program("mp").name == "mp"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nope", r"^no scenario 'nope'; there are mp, .*$"),
        ("mp rounds", r"^'rounds' is not a parameter, expected name=number$"),
        ("mp rounds=-1", r"^'rounds=-1' is not a parameter, expected name=number$"),
        ("mp rounds=1001", r"^rounds=1001 is out of range, expected 0 to 1000$"),
        ("mp depth=1", r"^mp has no parameter 'depth'; it has .*$"),
        ("MP", r"^'MP' is not a scenario, expected NAME \[parameter=value \.\.\.\]$"),
        ("", r"^'' is not a scenario, expected NAME \[parameter=value \.\.\.\]$"),
    ],
)
def test_a_wrong_name_is_refused_with_what_would_be_right(
    spec: str, message: str
) -> None:
    """Nothing is guessed."""
    with pytest.raises(UsageError, match=message):
        open_program(spec)


def test_a_spec_is_split_into_name_and_numbers() -> None:
    """As it is written on the command line."""
    assert parse_spec("mp rounds=2 pages=3") == ("mp", {"rounds": 2, "pages": 3})


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_reaches_its_target_and_keeps_the_documented_protocol(
    name: str,
) -> None:
    """No violation in some random runs, and every `sometimes` label was met."""
    program = open_program(name)
    reached: set[str] = set()
    for strategy in (RandomWalk(1), Pct(1), Walk(1)):
        for _ in range(30):
            strategy.begin()
            result = Run(program, parse_rules("seed"), strategy).execute()
            assert result.outcome is Outcome.FINISHED
            assert result.violations == ()
            reached.update(result.reached)
    assert reached == set(program.sometimes)
