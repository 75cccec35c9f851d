"""A run: set-up, outcome, and what becomes of threads that end early."""

from __future__ import annotations

import pytest

from driving import Race, child, device, forker, ld, program, st, thread
from forkfuzz.checkers import PROPERTIES, Severity
from forkfuzz.engine import Outcome
from forkfuzz.harness.run import Run
from forkfuzz.harness.setup import build_world
from forkfuzz.mm.mm_types import VM_DONTCOPY, VM_SHARED, VM_WIPEONFORK, VM_WRITE
from forkfuzz.mm.pgtable import PAGE_DIRTY, PAGE_PRESENT, PAGE_RW, pte_dirty, pte_pfn
from forkfuzz.rules import Rules, parse_rules
from forkfuzz.scenarios import open_program
from forkfuzz.scenarios.program import (
    DmaStore,
    PageSpec,
    Pin,
    Post,
    Program,
    Statement,
    Thread,
    Unpin,
    Wait,
)
from forkfuzz.strategies import RandomWalk


def page(**fields: object) -> tuple[int, int, bool]:
    """Return (entry, refcount, exclusive) of a page set up from *fields*."""
    spec = PageSpec("A", **fields)  # type: ignore[arg-type]
    world = build_world(Program("p", (spec,), (Thread("T", ()),)), Rules())
    pte = world.mms[0].page_table.entries[0]
    folio = world.frames[pte >> 12]
    return pte, folio.refcount, folio.anon_exclusive


def test_a_page_starts_present_writable_dirty_and_exclusive() -> None:
    """The common case, and each way to differ from it."""
    pte, refs, exclusive = page()
    assert (
        pte & (PAGE_PRESENT | PAGE_RW | PAGE_DIRTY)
        == PAGE_PRESENT | PAGE_RW | PAGE_DIRTY
    )
    assert (refs, exclusive) == (1, True)
    assert page(untouched=True)[0] == 0
    assert not page(read_only=True)[0] & PAGE_RW
    assert page(read_only=True)[2]
    assert page(clean=True)[0] & PAGE_RW
    assert not pte_dirty(page(clean=True)[0])
    assert not page(prot="r")[0] & PAGE_RW
    assert page(refs=5)[1] == 6
    assert page(pin="rw")[1] == 1025
    assert not page(shared=True)[2]


def test_neighbours_with_one_number_share_a_vma() -> None:
    """Flags go by VMA."""
    specs = (
        PageSpec("A"),
        PageSpec("B"),
        PageSpec("C", vma=1, shared=True),
        PageSpec("D", vma=2, dontfork=True, prot="r"),
        PageSpec("E", vma=3, wipeonfork=True, untouched=True),
    )
    world = build_world(Program("p", specs, (Thread("T", ()),)), Rules())
    vmas = world.mms[0].vmas
    assert [(vma.vm_start, vma.vm_end) for vma in vmas] == [
        (0, 2),
        (2, 3),
        (3, 4),
        (4, 5),
    ]
    assert vmas[0].vm_flags & VM_WRITE
    assert vmas[1].vm_flags & VM_SHARED
    assert vmas[2].vm_flags & (VM_DONTCOPY | VM_WRITE) == VM_DONTCOPY
    assert vmas[3].vm_flags & VM_WIPEONFORK
    assert [vma.anon_vma for vma in vmas] == [True, False, True, False]


def test_pages_of_a_file_are_in_the_page_cache_alone() -> None:
    """Mapped without W, or not at all; the VMA has no anonymous page yet."""
    specs = (
        PageSpec("A", file=True, init=(5,)),
        PageSpec("B", file=True, init=(6,), untouched=True),
    )
    world = build_world(Program("p", specs, (Thread("T", ()),)), Rules())
    vma, entries = world.mms[0].vmas[0], world.mms[0].page_table.entries
    cached = [world.frames[vma.shmem[vpn]] for vpn in range(2)]
    assert not vma.anon_vma
    assert not vma.is_anonymous()
    assert entries[0] & (PAGE_PRESENT | PAGE_RW) == PAGE_PRESENT
    assert pte_pfn(entries[0]) == cached[0].pfn
    assert entries[1] == 0
    assert [(f.refcount, f.mapcount, f.anon) for f in cached] == [
        (2, 1, False),
        (1, 0, False),
    ]
    assert [world.stores[f.words[0]][1] for f in cached] == [5, 6]


def test_a_page_pinned_from_before_sets_the_flag_of_the_mm() -> None:
    """MMF_HAS_PINNED, as the pin would have done."""
    for spec, expected in (
        (PageSpec("A", pin="ro"), True),
        (PageSpec("A", refs=9), False),
    ):
        world = build_world(Program("p", (spec,), (Thread("T", ()),)), Rules())
        assert world.mms[0].has_pinned == expected


def test_first_values_are_there_and_named() -> None:
    """They are stores like others, made before the run."""
    race = Race(
        program([PageSpec("A", words=2, init=(5, 6))], thread("T1", ld("A", index=1)))
    )
    race.finish("T1")
    assert race.register("T1", "r") == 6
    assert race.value("A") == 5


def test_only_threads_of_the_parent_start_with_its_mm_loaded() -> None:
    """Children load theirs when they start; devices have no CPU."""
    race = Race(program(["A"], forker(), child(ld("A")), device()))
    assert len(race.world.cpus) == 2
    assert race.mm().mm_cpumask == [0]
    race.finish("F")
    race.step("C")
    assert race.mm("child").mm_cpumask == [1]


def test_a_run_that_ends_well_has_no_violation_and_a_digest() -> None:
    """Equal decisions, equal bytes."""
    results = []
    for _ in range(2):
        strategy = RandomWalk(3)
        strategy.begin()
        run = Run(open_program("mp"), parse_rules("seed"), strategy)
        results.append(run.execute())
    assert results[0].outcome is Outcome.FINISHED
    assert results[0].violations == ()
    assert results[0].trace() == results[1].trace()
    assert results[0].digest() == results[1].digest()


def test_threads_that_wait_for_each_other_are_a_deadlock() -> None:
    """I14."""
    race = Race(
        program(
            ["A"],
            thread("T1", Wait("a"), Post("b")),
            thread("T2", Wait("b"), Post("a")),
        )
    )
    result = race.end()
    assert result.outcome is Outcome.DEADLOCK
    assert [v.prop for v in result.violations] == ["run.stuck"]
    assert result.violations[0].points == ("semaphore:wait",)


def test_a_run_that_does_not_end_is_a_livelock() -> None:
    """The step bound."""
    strategy = RandomWalk(3)
    strategy.begin()
    run = Run(open_program("mp"), parse_rules("seed"), strategy, max_steps=20)
    result = run.execute()
    assert result.outcome is Outcome.LIVELOCK
    assert [v.prop for v in result.violations] == ["run.livelock"]


def test_a_violation_that_a_program_can_see_is_the_headline() -> None:
    """Rather than the first one."""
    race = Race(
        program(["A"], forker(), thread("T1", st("A", 1)), child(ld("A"))),
        "seed,final_flush=none",
    )
    race.fill("cpu1", "A")
    race.cut()
    race.op("T1")
    result = race.end()
    headline = result.headline()
    assert headline is not None
    assert headline.severity is Severity.PROGRAM
    assert result.violations[0].prop == "tlb.stale-writable"
    assert all(v.prop in PROPERTIES for v in result.violations)


@pytest.mark.parametrize("before", [True, False])
def test_a_fork_that_is_never_reached_leaves_no_child_waiting(before: bool) -> None:
    """Its thread was killed before; the child's threads never run."""
    statements: list[Statement] = [st("A", 1), *forker().statements]
    if not before:
        statements.reverse()
    race = Race(
        program(
            [PageSpec("A", prot="r")], Thread("F", tuple(statements)), child(ld("A"))
        )
    )
    assert race.props() == []
    assert ("C", "r") in race.run.execution.registers or before


def test_a_device_whose_reference_never_comes_gives_up() -> None:
    """The pin failed, or its thread was killed before it."""
    for statements in ((Pin("A"),), (st("A", 1), Pin("A"))):
        race = Race(
            program(
                [PageSpec("A", prot="r")],
                Thread("T1", statements),
                device(DmaStore("A", 0, 1), Post("done")),
                thread("T2", Wait("done")),
            )
        )
        assert race.props() == []


def test_an_unpin_gives_the_oldest_reference_back() -> None:
    """References on a page are a queue."""
    race = Race(program(["A"], thread("T1", Pin("A"), Pin("A", get=True), Unpin("A"))))
    race.finish("T1")
    assert [pin.released for pin in race.world.pins] == [True, False]
    assert race.folio("A").refcount == 2
    assert race.props() == []


def test_a_child_of_a_failed_fork_never_runs() -> None:
    """And nobody waits for it."""
    race = Race(program(["A"], forker(), child(ld("A")), fail_sites=("dup_mmap",)))
    assert race.props() == []
    assert ("C", "r") not in race.run.execution.registers


def test_a_large_program_is_not_taken_for_a_livelock() -> None:
    """The step bound grows with pages, words and statements."""
    program = open_program("mp pages=60 words=30 threads=6 rounds=2")
    strategy = RandomWalk(1)
    result = Run(program, parse_rules("seed"), strategy).execute()
    assert result.outcome is Outcome.FINISHED
    assert result.violations == ()
