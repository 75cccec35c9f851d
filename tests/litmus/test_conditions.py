"""Conditions: what they are made of, how they bind, what they see of a run."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forkfuzz.harness import Run
from forkfuzz.litmus import (
    And,
    Atom,
    Condition,
    Not,
    Observation,
    Or,
    Register,
    evaluate,
    load,
    observables,
    observe,
)
from forkfuzz.litmus.assertions import MAX_DEPTH
from forkfuzz.strategies import Bytes, RoundRobin
from litmus.texts import FILES, IDS, make

REGISTERS = "T1 | F\na = A | fork\nb = A |\nc = A |"


def condition(words: str, table: str = REGISTERS, **parts: str) -> Condition:
    """Return a condition as it is read."""
    found = make(table, assertions=f"exists {words}", **parts).assertions[0].condition
    assert found is not None
    return found


def see(**values: int) -> Observation:
    """Return what is seen of registers of T1."""
    places = tuple(Register("T1", name) for name in values)
    return Observation(places, tuple(values.values()))


def atom(name: str) -> Atom:
    """Return the condition that a register of T1 is 1."""
    return Atom(Register("T1", name), 1)


A, B, C = map(atom, "abc")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("a", A),
        ("(a)", A),
        ("((a))", A),
        ("~a", Not(A)),
        ("~~a", Not(Not(A))),
        (r"a /\ b", And((A, B))),
        (r"a /\ b /\ c", And((A, B, C))),
        (r"a \/ b \/ c", Or((A, B, C))),
        (r"~a /\ b", And((Not(A), B))),
        (r"~(a /\ b)", Not(And((A, B)))),
        (r"a /\ b \/ c", Or((And((A, B)), C))),
        (r"a \/ b /\ c", Or((A, And((B, C))))),
        (r"(a \/ b) /\ c", And((Or((A, B)), C))),
        (r"a /\ (b /\ c)", And((A, And((B, C))))),
        (r"a\/~b/\c", Or((A, And((Not(B), C))))),
    ],
)
def test_precedence(words: str, expected: Condition) -> None:
    """Not binds closest, then and, then or; parentheses override."""
    full = "".join(f"T1:{c}=1" if c in "abc" else c for c in words)
    assert condition(full) == expected


NAMES = st.sampled_from("abc")
CONDITIONS = st.recursive(
    NAMES.map(lambda n: (f"T1:{n}=1", f"v['{n}']")),
    lambda inner: st.one_of(
        inner.map(lambda c: (f"~({c[0]})", f"(not ({c[1]}))")),
        st.tuples(inner, inner).map(
            lambda c: (f"({c[0][0]}) /\\ {c[1][0]}", f"({c[0][1]}) and {c[1][1]}")
        ),
        st.tuples(inner, inner).map(
            lambda c: (f"{c[0][0]} \\/ {c[1][0]}", f"{c[0][1]} or {c[1][1]}")
        ),
    ),
    max_leaves=8,
)


@given(CONDITIONS, st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_conditions_mean_what_python_means(
    written: tuple[str, str], values: tuple[bool, bool, bool]
) -> None:
    """The same operators in Python, whose precedence is the same, agree."""
    ours, python = written
    v = dict(zip("abc", values, strict=True))
    expected = eval(python, {"v": v})
    seen = see(**{name: int(value) for name, value in v.items()})
    assert evaluate(condition(ours), seen) == expected


def test_nesting_is_bounded_but_parentheses_are_not() -> None:
    """As deep as it may be is read and evaluated."""
    deep = condition("~" * MAX_DEPTH + "T1:a=1")
    assert evaluate(deep, see(a=1)) == (MAX_DEPTH % 2 == 0)
    assert condition("(" * 450 + "T1:a=1" + ")" * 450) == A


# Names.


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("parent:A=1", "parent:A[0]=1"),
        ("parent:A[1]=1", "parent:A[1]=1"),
        ("parent:B=1", "parent:B=1"),
        ("parent:B[0]=1", "parent:B=1"),
        ("child : A [ 1 ] = 1", "child:A[1]=1"),
        ("child2:B=1", "child2:B=1"),
        ("child:r=1", "child:r=1"),
        ("T1:a=1", "T1:a=1"),
        ("T1:segv", "T1:segv"),
        ("child:segv", "child:segv"),
        ("T1:fault", "T1:fault"),
        ("F:fork-failed", "F:fork-failed"),
        ("pte(A):dirty", "pte(A):dirty"),
        ("pte ( A ) : writable", "pte(A):writable"),
        ("pte(A):none", "pte(A):none"),
    ],
)
def test_places_have_one_name(words: str, text: str) -> None:
    """However they are written, and they are printed by that name."""
    found = condition(
        words,
        "T1 | F | child\na = A | fork | r = B\n | fork |",
        directives="faults stop\npage A[2]\npage B",
    )
    assert isinstance(found, Atom)
    assert str(Observation((found.place,), (found.value,))) == f"{text};"


def test_a_child_without_a_column_can_be_looked_at() -> None:
    """``child:A`` is a word of memory; only its registers need a column."""
    assert [p.text for p in observables(make(assertions="exists child:A[1]=0"))] == [
        "child:A[1]"
    ]


def test_observables_come_in_order_of_first_appearance() -> None:
    """Over all assertions, each once, whatever it is called."""
    test = make(
        REGISTERS,
        assertions="exists child:B=1 /\\ T1:b=1\nforbidden ~(child:B[0]=2 \\/ pte(A):none)"
        "\nalways T1:a=0 \\/ T1:b=2",
    )
    texts = [place.text for place in observables(test)]
    assert texts == ["child:B", "T1:b", "pte(A):none", "T1:a"]


def test_a_test_may_observe_nothing() -> None:
    """Then every run ends in the same state."""
    test = make()
    assert observables(test) == ()
    assert str(Observation((), ())) == ""


# What is seen.


def ends(words: str, table: str, **parts: str) -> str:
    """Run a test, every thread taking turns, and return the state that it ends in."""
    test = make(table, assertions=f"exists {words}", **parts)
    strategy = RoundRobin()
    strategy.begin()
    run = Run(test.program, test.rules, strategy)
    run.execute()
    return str(observe(run, observables(test)))


def test_words_are_seen_by_each_process() -> None:
    """Parent and child, first values and stores, single words."""
    state = ends(
        r"parent:A[1]=0 /\ child:A[1]=0 /\ child:A[0]=0 /\ child:B=0",
        "F | child\nfork | A[1] = 5\nwait s | post s\nA = 3 |",
        directives="page A[2]\npage B\ninit B=9\ninit A[1]=4",
    )
    assert state == "parent:A[1]=4; child:A[1]=5; child:A[0]=0; child:B=9;"


def test_the_second_child_is_that_of_the_second_fork() -> None:
    """Each child has the memory of its own fork."""
    state = ends(
        r"child:B=0 /\ child2:B=0 /\ parent:B=0", "F\nfork\nB = 1\nfork\nB = 2"
    )
    assert state == "child:B=0; child2:B=1; parent:B=2;"


def test_a_word_without_an_entry_is_zero_if_it_has_an_address() -> None:
    """Never touched, thrown away or wiped: 0; not inherited: nothing."""
    state = ends(
        r"parent:A=0 /\ parent:B=0 /\ child:C=0 /\ child:D=0",
        "T1\nmadvise B dontneed\nfork",
        directives="page A untouched\npage B vma=1\npage C wipeonfork vma=2\n"
        "page D dontfork vma=3\ninit B=1\ninit C=2\ninit D=3",
    )
    assert state == "parent:A=0; parent:B=0; child:C=0; child:D=-;"


def test_shared_memory_is_seen_without_an_entry() -> None:
    """What fork did not copy an entry of is still the same memory."""
    state = ends(
        r"child:A=0 /\ parent:A=0", "F\nfork\nA = 4", directives="page A shared"
    )
    assert state == "child:A=4; parent:A=4;"


def test_a_swapped_page_is_seen_in_the_swap_cache() -> None:
    """Reclaim does not change what memory holds."""
    words = r"parent:A=0 /\ pte(A):none"
    for attribute, table in (("", "kswapd\nswapout A"), ("swapped", "T1\nfork")):
        state = ends(words, table, directives=f"page A {attribute}\ninit A=6")
        assert state == "parent:A=6; ~pte(A):none;"


def test_a_guard_region_holds_nothing() -> None:
    """A load would be a SIGSEGV."""
    state = ends(
        r"parent:A=0 /\ T1:segv /\ T1:r=0",
        "T1\nmadvise A guard\nr = A",
        directives="page A",
    )
    assert state == "parent:A=-; T1:segv; T1:r=-;"


def test_a_child_that_has_exited_has_no_memory() -> None:
    """Its registers are still known."""
    state = ends(
        r"child:B=0 /\ child:r=0",
        "F | child\nfork | r = B\n | exit",
        directives="page B\ninit B=2",
    )
    assert state == "child:B=-; child:r=2;"


def test_a_fork_that_fails_leaves_no_child() -> None:
    """The thread that forked knows; others, and forks that succeed, do not."""
    parts = {"directives": "page A\nfail dup_mmap"}
    words = r"F:fork-failed /\ child:A=0 /\ child:r=0"
    table = "F | child\nfork | r = A"
    assert ends(words, table, **parts) == "F:fork-failed; child:A=-; child:r=-;"
    words = r"F:fork-failed /\ child:A=0 /\ child2:A=0"
    assert ends(words, "F\nfork\nfork", **parts) == (
        "F:fork-failed; child:A=-; child2:A=0;"
    )
    assert ends(words, "F\nfork\nfork", directives="page A") == (
        "~F:fork-failed; child:A=0; child2:A=0;"
    )


def test_a_thread_that_faults_ends() -> None:
    """Its later loads set nothing."""
    state = ends(
        r"T1:segv /\ T1:r=0 /\ T2:segv",
        "T1 | T2\nA = 1 | s = A\nr = A |",
        directives="page A prot=r",
    )
    assert state == "T1:segv; T1:r=-; ~T2:segv;"


def test_a_fault_ends_a_thread_where_it_is_to_stop() -> None:
    """No kernel brings the page in."""
    directives = "faults stop\npage A untouched\npage B"
    words = r"T1:fault /\ T1:r=0 /\ F:fault"
    state = ends(words, "T1 | F\nr = A | B = 1", directives=directives)
    assert state == "T1:fault; T1:r=-; ~F:fault;"


def test_memory_that_may_not_be_accessed_still_holds_what_it_held() -> None:
    """mprotect takes rights away, munmap the memory."""
    words = r"parent:A=0 /\ parent:B=0 /\ pte(A):writable /\ pte(B):none /\ T1:segv"
    state = ends(
        words,
        "T1\nA = 5\nmprotect A none\nmunmap B\nr = A",
        directives="page A\npage B vma=1",
    )
    assert state == "parent:A=5; parent:B=-; ~pte(A):writable; pte(B):none; T1:segv;"


def test_raw_entries_are_followed() -> None:
    """What an entry leads to is what is seen, whoever stored it."""
    words = r"parent:A=0 /\ parent:B=0 /\ parent:C=0 /\ T1:r=0 /\ T1:s=0"
    state = ends(
        words,
        "T1\npte A = B\nr = swap-pte B none\ns = swap-pte B none",
        directives="page A\npage B\npage C maps=A\ninit A=1\ninit B=2",
    )
    assert state == "parent:A=2; parent:B=0; parent:C=1; T1:r=1; T1:s=0;"


@pytest.mark.parametrize(
    ("attributes", "table", "state"),
    [
        ("", "T1\nr = A", "pte(A):dirty; pte(A):writable; ~pte(A):none;"),
        ("clean", "T1\nr = A", "~pte(A):dirty; pte(A):writable; ~pte(A):none;"),
        ("clean", "T1\nA = 1", "pte(A):dirty; pte(A):writable; ~pte(A):none;"),
        ("", "F\nfork", "pte(A):dirty; ~pte(A):writable; ~pte(A):none;"),
        ("pte=ro", "T1\nr = A", "pte(A):dirty; ~pte(A):writable; ~pte(A):none;"),
        ("untouched", "T1\npost s", "~pte(A):dirty; ~pte(A):writable; pte(A):none;"),
    ],
)
def test_entries_are_seen_as_they_are(attributes: str, table: str, state: str) -> None:
    """The dirty state counts wherever pte_wrprotect has put it."""
    words = r"pte(A):dirty /\ pte(A):writable /\ pte(A):none"
    assert ends(words, table, directives=f"page A {attributes}") == state


def test_what_was_not_seen_equals_nothing() -> None:
    """Neither 0 nor anything else; its negation holds."""
    seen = Observation((Register("T1", "a"),), (None,))
    assert not evaluate(Atom(Register("T1", "a"), 0), seen)
    assert evaluate(Not(Atom(Register("T1", "a"), 0)), seen)


def test_observations_are_equal_if_they_saw_the_same() -> None:
    """So that states can be counted."""
    assert see(a=1, b=2) == see(a=1, b=2)
    assert hash(see(a=1, b=2)) == hash(see(a=1, b=2))
    assert see(a=1, b=2) != see(a=2, b=2)


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_files_hold_as_far_as_a_few_runs_can_tell(path: Path) -> None:
    """Nothing forbidden happens, what is always so is so, and clean tests are clean."""
    test = load(path)
    places = observables(test)
    rng = Random(1)
    clean = any(a.kind == "clean" for a in test.assertions)
    for _ in range(40):
        run = Run(test.program, test.rules, Bytes(rng.randbytes(400)))
        result = run.execute()
        seen = observe(run, places)
        for assertion in test.assertions:
            if assertion.condition is not None and assertion.kind != "exists":
                holds = evaluate(assertion.condition, seen)
                assert holds == (assertion.kind == "always"), assertion.text
        assert not (clean and result.violations)
