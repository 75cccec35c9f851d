"""Raw statements, and programs without a fault handler: page tables and TLBs alone."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable

import pytest

from driving import Race, forker, ld, program, st, thread
from forkfuzz import checkers
from forkfuzz.engine import Outcome
from forkfuzz.harness.run import Run
from forkfuzz.mm.pgtable import NONE, PAGE_DIRTY, PAGE_PRESENT, PAGE_RW
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios.program import (
    Invlpg,
    Load,
    Madvise,
    Mprotect,
    PageSpec,
    Program,
    RawPte,
    Shootdown,
    Statement,
    Store,
    SwapOut,
    SwapPte,
    Thread,
)
from walking import Walk

A, B = PageSpec("A", words=2, init=(1,)), PageSpec("B", words=2, init=(2,))
WALKS = 300


def raw(*threads: Thread, pages: tuple[PageSpec, ...] = (A, B)) -> Race:
    """Return a race without a fault handler."""
    return Race(program(pages, *threads, faults_stop=True))


def test_a_page_can_be_mapped_to_the_frame_of_another_one() -> None:
    """And back to its own: that of the start."""
    change = (RawPte("A", "map", "B"), ld("A"), st("A", 9), RawPte("A", "map", "A"))
    race = raw(thread("T1", *change))
    race.past("T1", "store:write_word")
    assert race.register("T1", "r") == 2
    assert race.value("B") == 9
    race.finish("T1")
    assert race.value("A") == 1
    assert race.props() == []


def test_one_store_changes_an_entry_and_nothing_else() -> None:
    """No lock, no count, no flush."""
    for action in ("map", "none", "ro", "rw"):
        race = raw(thread("T1", RawPte("A", action, "B" if action == "map" else "")))
        counts = [(f.refcount, f.mapcount) for f in race.world.frames]
        race.finish("T1")
        assert race.labels("T1") == ["set_pte_raw:set_pte"]
        assert [(f.refcount, f.mapcount) for f in race.world.frames] == counts


def test_w_is_cleared_and_set_alone() -> None:
    """D stays where the hardware has it."""
    race = raw(thread("T1", RawPte("A", "ro"), RawPte("A", "rw")))
    before = race.pte("A")
    race.step("T1")
    assert race.pte("A") == before & ~PAGE_RW
    race.finish("T1")
    assert race.pte("A") == before


def test_w_of_an_empty_entry_cannot_be_set() -> None:
    """It would be an entry that means nothing."""
    race = raw(thread("T1", RawPte("A", "none"), RawPte("A", "rw"), RawPte("A", "ro")))
    race.finish("T1")
    assert race.pte("A") == NONE


def test_an_access_that_faults_ends_its_thread() -> None:
    """Whatever the kernel would have done; the other thread goes on."""
    race = raw(
        thread("T1", RawPte("A", "none"), ld("A"), st("B", 7)),
        thread("T2", RawPte("B", "ro"), st("B", 8)),
        thread("T3", ld("B")),
    )
    race.finish("T1", "T2", "T3")
    assert race.run.execution.faults == {"T1": "fault", "T2": "fault"}
    assert race.value("B") == 2
    assert race.register("T3", "r") == 2
    assert race.props() == []


def test_the_exchange_is_atomic_with_the_setting_of_d() -> None:
    """A store that has translated, but not yet set D, finds the entry gone."""
    clean = PageSpec("A", clean=True)
    race = raw(
        thread("T1", SwapPte("A", "r")), thread("T2", st("A", 1)), pages=(clean, B)
    )
    race.to("T2", "store:set_dirty")
    race.finish("T1")
    race.finish("T2")
    assert race.register("T1", "r") == 0
    assert race.run.execution.faults == {"T2": "fault"}


def test_the_exchange_says_whether_the_page_was_dirty() -> None:
    """As the hardware has set D in the entry."""
    clean = PageSpec("A", clean=True)
    race = raw(
        thread("T1", SwapPte("A", "r")), thread("T2", st("A", 1)), pages=(clean, B)
    )
    assert not race.pte("A") & PAGE_DIRTY
    race.finish("T2", "T1")
    assert race.register("T1", "r") == 1
    assert race.pte("A") == NONE


def test_invlpg_drops_the_entry_of_one_cpu() -> None:
    """In one step; the other CPU goes on with what it has."""
    race = raw(
        thread("T1", ld("A"), RawPte("A", "map", "B"), Invlpg("A"), ld("A", "after")),
        thread("T2", ld("A"), ld("A", "after")),
    )
    race.op("T1")
    race.op("T2")
    race.finish("T1")
    assert race.labels("T1").count("invlpg:drop") == 1
    race.finish("T2")
    assert race.register("T1", "after") == 2
    assert race.register("T2", "after") == 1


@pytest.mark.parametrize("page", ["A", ""])
def test_a_shootdown_waits_for_every_cpu(page: str) -> None:
    """Of one page, or of all."""
    race = raw(
        thread("T1", RawPte("A", "map", "B"), Shootdown(page)),
        thread("T2", ld("A"), ld("B"), ld("A", "after")),
    )
    race.op("T2")
    race.op("T2")
    race.to("T1", "flush_tlb_mm_range:wait_for_acks")
    assert race.blocked("T1")
    race.ack("cpu1")
    assert sorted(race.cpu("cpu1").tlb) == ([1] if page else [])
    race.finish("T1", "T2")
    assert race.register("T2", "after") == 2


def outcomes(remap: tuple[Statement, ...]) -> set[tuple[int, int]]:
    """Return what a thread may read: the flag, then a page that was remapped."""
    flag = PageSpec("FLAG")
    found = set()
    strategy = Walk(3)
    told = program(
        (A, B, flag),
        thread("T1", *remap, Store("FLAG", 0, 1)),
        thread("T2", Load("FLAG", 0, "f"), Load("A", 0, "r")),
        faults_stop=True,
    )
    for _ in range(WALKS):
        strategy.begin()
        run = Run(told, parse_rules("seed"), strategy)
        result = run.execute()
        assert result.outcome is Outcome.FINISHED
        assert result.violations == ()
        registers = run.execution.registers
        found.add((registers["T2", "f"], registers["T2", "r"]))
    return found


def test_after_a_shootdown_nobody_reads_through_the_old_translation() -> None:
    """Remap, shoot down, tell."""
    remap = (RawPte("A", "map", "B"), Shootdown("A"))
    assert outcomes(remap) == {(0, 1), (0, 2), (1, 2)}


def test_a_local_invalidation_is_not_enough() -> None:
    """The other CPU may still use what it has cached."""
    remap = (RawPte("A", "map", "B"), Invlpg("A"))
    assert outcomes(remap) == {(0, 1), (0, 2), (1, 2), (1, 1)}


def test_a_frame_can_be_mapped_twice_from_the_start() -> None:
    """Counted twice, and written through both."""
    pages = (A, PageSpec("B", words=2, maps="A"))
    race = raw(thread("T1", ld("B"), st("B", 7), ld("A", "after")), pages=pages)
    assert race.folio("A") is race.folio("B")
    assert (race.folio("A").refcount, race.folio("A").mapcount) == (2, 2)
    race.finish("T1")
    assert race.register("T1", "r") == 1
    assert race.register("T1", "after") == 7
    assert race.props() == []


@pytest.mark.parametrize("statement", [RawPte("A", "none"), SwapPte("A", "r")])
def test_what_the_program_does_itself_the_kernel_is_not_blamed_for(
    statement: Statement,
) -> None:
    """Only the checkers of locks look on."""
    told = program((A, B), forker(), thread("T1", statement))
    run = Run(told, parse_rules("seed"), Walk(1))
    assert tuple(map(type, run.checkers)) == checkers.OF_RAW
    assert told.raw


def test_what_is_judged_there_are_whole_groups_of_properties() -> None:
    """Those of their checkers, which no other has a part in, and those of the run."""
    others = [kind for kind in checkers.ALL if kind not in checkers.OF_RAW]
    assert groups(checkers.OF_RAW) | {"run"} == checkers.JUDGED_OF_RAW
    assert not groups(others) & checkers.JUDGED_OF_RAW


def groups(kinds: Iterable[type[checkers.Checker]]) -> set[str]:
    """Return the groups of the properties that the source of some checkers names."""
    source = "".join(inspect.getsource(sys.modules[k.__module__]) for k in kinds)
    named = [prop for prop in checkers.PROPERTIES if f'"{prop}"' in source]
    return {prop.partition(".")[0] for prop in named}


def test_other_programs_have_every_judge() -> None:
    """A program that only invalidates is an ordinary one, on however many CPUs."""
    flushes = (Invlpg("A"), Shootdown("A"), Shootdown())
    told = program((A, B), forker(), thread("T1", *flushes, Mprotect("A", "r")))
    run = Run(told, parse_rules("seed"), Walk(1))
    assert tuple(map(type, run.checkers)) == checkers.ALL
    assert not told.raw


@pytest.mark.parametrize("page", ["A", ""])
def test_a_shootdown_without_need_may_overtake_reclaim(page: str) -> None:
    """The entry is gone when it is over; the flush for that is reclaim's, to come."""
    race = Race(
        program(
            (A, B),
            thread("T1", Shootdown(page)),
            thread("T2", st("A", 2)),
            Thread("kswapd", (SwapOut("A"),), "kernel"),
        )
    )
    race.to("T1", "flush_tlb_mm_range:wait_for_acks")
    race.all_acks()
    race.to("T2", "store:write_word")
    race.past("kswapd", "try_to_unmap_one:ptep_get_and_clear")
    race.finish("T1")
    assert race.run.violations() == []
    race.finish("T2", "kswapd")
    assert race.props() == []


def test_a_shootdown_does_not_hide_what_the_kernel_does_wrong() -> None:
    """Near miss: the flush that is missing is that of fork."""
    race = Race(
        program((A,), forker(), thread("T1", Shootdown("A"), st("A", 2))),
        "seed,final_flush=none",
    )
    race.past("T1", "flush_tlb_mm_range:wait_for_acks")
    race.fill("cpu1", "A")
    race.finish("F", "T1")
    assert "snapshot.leak-to-child" in race.props()


def test_a_raw_program_may_go_on_to_ask_the_kernel() -> None:
    """Faults, zaps and forks after it neither crash nor hang, nor are they judged."""
    strategy = Walk(5)
    for action in ("map", "none", "ro"):
        source = "B" if action == "map" else ""
        told = Program(
            "raw",
            (A, B),
            (
                forker(st("A", 3)),
                thread("T1", RawPte("A", action, source), st("A", 4), st("B", 5)),
                thread("T2", Madvise("B", "dontneed"), ld("B")),
            ),
        )
        for _ in range(30):
            strategy.begin()
            result = Run(told, parse_rules("seed"), strategy).execute()
            assert result.outcome is Outcome.FINISHED
            assert result.violations == ()


def test_a_page_swapped_out_from_the_start_comes_back() -> None:
    """With its mark and W, as if reclaim had just been there."""
    page = PageSpec("A", words=2, init=(5,), swapped=True)
    race = Race(program([page], thread("T1", ld("A"), st("A", 6))))
    folio = race.folio("A")
    assert (folio.refcount, folio.mapcount, folio.swap_count) == (1, 0, 1)
    race.finish("T1")
    assert race.register("T1", "r") == 5
    assert race.folio("A") is folio
    assert race.pte("A") & (PAGE_PRESENT | PAGE_RW) == PAGE_PRESENT | PAGE_RW
    assert (folio.refcount, folio.mapcount, folio.swap_cache) == (1, 1, False)
    assert race.props() == []
