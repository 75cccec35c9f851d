"""Programs get smaller too, and nothing that can be left out is left in."""

from __future__ import annotations

import attrs
import pytest

from forkfuzz.bench.exhibits import EXHIBITS, Exhibit, find_exhibits
from forkfuzz.exhaustive import certify, plainest_violation
from forkfuzz.harness import Run, RunResult
from forkfuzz.litmus import parse
from forkfuzz.rules import format_rules, parse_rules
from forkfuzz.scenarios import SCENARIOS, Program, open_program
from forkfuzz.scenarios.program import Store
from forkfuzz.shrink import Shrunk, again, shrink, turns_of
from forkfuzz.shrink.attempt import Attempts
from forkfuzz.shrink.program import _smaller
from forkfuzz.strategies import Races, Stay

QUICK = [
    e
    for e in EXHIBITS
    if e.name in ("pinned-copy", "no-flush", "ro-pin", "cow-flush", "two-zaps")
]
each = pytest.mark.parametrize("exhibit", QUICK, ids=lambda exhibit: exhibit.name)


def found(exhibit: Exhibit) -> tuple[Program, RunResult, str]:
    """Return a run that shows an exhibit, and the signature of its violation."""
    program, rules = open_program(exhibit.scenario), parse_rules(exhibit.rules)
    strategy = Races(1)
    for _ in range(500):
        strategy.begin()
        result = Run(program, rules, strategy).execute()
        for violation in result.violations:
            if violation.prop == exhibit.prop:
                return program, result, violation.signature(format_rules(rules))
    pytest.fail(f"{exhibit.name} was not found in 500 runs")


def shrunk(exhibit: Exhibit) -> tuple[Shrunk, str]:
    """Return an exhibit's run shrunk, and the signature of its violation."""
    program, result, signature = found(exhibit)
    return shrink(program, parse_rules(exhibit.rules), result, signature), signature


def size(program: Program) -> tuple[int, int, int]:
    """Return how many threads, statements and words there are."""
    statements = sum(len(thread.statements) for thread in program.threads)
    return len(program.threads), statements, sum(page.words for page in program.pages)


@each
def test_the_violation_is_kept_in_a_smaller_program(exhibit: Exhibit) -> None:
    """No more threads, statements, words or preemptions than before, and no hardware."""
    program, result, signature = found(exhibit)
    rules = parse_rules(exhibit.rules)
    small = shrink(program, rules, result, signature)
    signatures = {v.signature(format_rules(rules)) for v in small.result.violations}
    assert signature in signatures
    assert all(
        one <= other
        for one, other in zip(size(small.program), size(program), strict=True)
    )
    assert size(small.program) < size(program)
    assert small.program.lazy_tlb
    assert sum(len(thread.statements) for thread in small.program.threads) <= 4


@each
def test_the_program_is_1_minimal(exhibit: Exhibit) -> None:
    """Along the run's turns, nothing more can be left out."""
    small, signature = shrunk(exhibit)
    attempts = Attempts(parse_rules(exhibit.rules), signature)
    turns = turns_of(small.result.decisions, small.result.task_names)
    for program in _smaller(small.program):
        assert attempts.make(program, turns) is None


@each
def test_shrinking_again_changes_nothing(exhibit: Exhibit) -> None:
    """What is as plain as can be stays as it is."""
    small, signature = shrunk(exhibit)
    twice = shrink(small.program, parse_rules(exhibit.rules), small.result, signature)
    assert twice.program == small.program
    assert twice.result.decisions == small.result.decisions


def test_a_long_run_of_a_large_program_becomes_a_short_one_of_a_small() -> None:
    """Four threads, eight pages, twenty rounds: a store, a fork, and a store between."""
    (large,) = find_exhibits(("lost-store-large",))
    program, result, _ = found(large)
    small, _ = shrunk(large)
    assert result.steps > 1000
    assert sum(len(thread.statements) for thread in program.threads) > 1000
    assert small.result.steps < 100
    assert small.preemptions == 0
    threads, statements, words = size(small.program)
    assert (threads, statements, words) == (3, 3, 2)


def test_accesses_are_of_words_that_come_early() -> None:
    """A page then needs no others."""
    test = parse("litmus words\npage A[4]\n\nT1 | F\nA[3] = 7 | fork\n\nclean\n")
    smaller = [p.threads[0].statements for p in _smaller(test.program)]
    for plainer in (Store("A", 0, 7), Store("A", 2, 7), Store("A", 3, 1)):
        assert (plainer,) in smaller


@each
def test_the_certificate_is_what_the_search_proves(exhibit: Exhibit) -> None:
    """As few preemptions as there can be."""
    small, signature = shrunk(exhibit)
    rules = parse_rules(exhibit.rules)
    proved = certify(small, rules, exhibit.prop, signature)
    best = plainest_violation(small.program, rules, exhibit.prop, signature=signature)
    assert best is not None
    assert proved.proved == best.states
    assert proved.preemptions == best.preemptions <= small.preemptions
    if proved.preemptions:
        assert f", none with fewer ({best.states} states)" in str(proved)


def test_too_many_states_leave_the_run_as_it_is() -> None:
    """Without a proof nothing is claimed."""
    small, signature = shrunk(QUICK[0])
    rules = parse_rules(QUICK[0].rules)
    same = certify(small, rules, QUICK[0].prop, signature, max_states=1)
    assert same == small
    assert "none with fewer" not in str(same)


def test_a_run_is_the_same_under_other_names() -> None:
    """A program whose threads are called otherwise repeats it; another one does not."""
    small, signature = shrunk(QUICK[0])
    rules = parse_rules(QUICK[0].rules)
    threads = small.program.threads
    renamed = attrs.evolve(
        small.program,
        threads=tuple(
            attrs.evolve(thread, name=f"X{n}") for n, thread in enumerate(threads)
        ),
    )
    repeated = again(small, renamed, rules, signature)
    assert repeated is not None
    assert repeated.result.steps == small.result.steps
    fewer = attrs.evolve(small.program, threads=threads[:1])
    assert again(small, fewer, rules, signature) is None
    assert again(small, renamed, parse_rules("seed"), signature) is None


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_smaller_program_can_be_run(name: str) -> None:
    """Nothing in it is about what was left out."""
    strategy = Stay()
    for program in _smaller(open_program(name)):
        strategy.begin()
        Run(program, parse_rules("seed"), strategy).execute()
