"""What a slow pin looks for after the fault that it took."""

from __future__ import annotations

import pytest

from driving import Race, child, device, forker, ld, program, thread
from forkfuzz.mm.folio import ZERO_PFN
from forkfuzz.scenarios.program import (
    DmaStore,
    Madvise,
    PageSpec,
    Pin,
    SwapOut,
    Thread,
)

FAULTED = "wp_page_reuse:set_pte"
DROPPED = "seed,gup_retry=drops_write"


def zapped(rules: str) -> Race:
    """Return a race in which the page is thrown away before the second lookup."""
    race = Race(
        program(
            [PageSpec("A", init=(5,), read_only=True), PageSpec("B", untouched=True)],
            thread("T1", Pin("A", fast=False)),
            thread("T2", Madvise("A", "dontneed")),
            thread("T3", ld("B")),
            device(DmaStore("A", 0, 9)),
        ),
        rules,
    )
    race.past("T1", FAULTED)
    race.past("T1", "spin_unlock:release")
    race.finish("T2")
    race.finish("T1", "dev", "T3")
    return race


def test_a_page_thrown_away_after_the_fault_is_faulted_in_again_for_writing() -> None:
    """The lookup keeps asking for W, and gets a new page of the process' own."""
    race = zapped("seed")
    assert race.folio("A").anon_exclusive
    assert race.world.pins[0].pfn == race.folio("A").pfn
    assert race.value("A") == 9
    assert race.register("T3", "r") == 0
    assert race.props() == []


def test_a_lookup_that_asks_to_read_only_pins_the_zero_page_for_writing() -> None:
    """Then every process reads what the device wrote."""
    race = zapped(DROPPED)
    assert race.world.pins[0].pfn == ZERO_PFN
    assert race.world.pins[0].write
    assert race.register("T3", "r") == 9
    assert race.props() == ["parent.lost-store", "pin.not-exclusive"]


def dirty_cow(rules: str) -> Race:
    """Return a race in which the copy of a file's page is thrown away in between."""
    race = Race(
        program(
            [PageSpec("A", init=(5,), file=True)],
            thread("T1", Pin("A", fast=False)),
            thread("T2", Madvise("A", "dontneed"), Madvise("A", "dontneed"), ld("A")),
            device(DmaStore("A", 0, 9)),
        ),
        rules,
    )
    race.past("T1", "wp_page_copy:folio_put")
    race.past("T1", "wp_page_copy:folio_put")
    assert race.folio("A").anon_exclusive
    race.past("T2", "tlb_finish_mmu:dec_tlb_flush_pending")
    race.finish("T1", "dev", "T2")
    return race


def test_a_copy_thrown_away_after_the_fault_is_made_again() -> None:
    """The device writes a page of the process' own, and the file stays as it is."""
    race = dirty_cow("seed")
    cached = race.mm().vmas[0].shmem[0]
    assert race.world.pins[0].pfn != cached
    assert race.register("T2", "r") == 5
    assert race.props() == []


def test_a_lookup_that_asks_to_read_only_pins_the_page_cache_for_writing() -> None:
    """Dirty COW: the write intent was given up when the copy was made."""
    race = dirty_cow(DROPPED)
    cached = race.mm().vmas[0].shmem[0]
    assert race.world.pins[0].pfn == cached
    assert race.register("T2", "r") == 9
    assert race.props() == ["file.written"]


def swapped(rules: str) -> Race:
    """Return a race in which the fault finds that the entry has changed."""
    race = Race(
        program(
            [PageSpec("A", init=(5,))],
            forker(),
            thread("T1", Pin("A", fast=False)),
            thread("T2", ld("A")),
            Thread("kswapd", (SwapOut("A"),), "kernel"),
            child(ld("A")),
        ),
        rules,
    )
    race.finish("F")
    race.past("T1", "handle_pte_fault:ptep_get_lockless")
    race.finish("kswapd", "T2")
    race.past("T1", "handle_pte_fault:pte_same")
    race.finish("T1", "C")
    return race


@pytest.mark.parametrize("rules", ["seed", DROPPED])
def test_a_fault_that_did_nothing_is_followed_by_one_that_does(rules: str) -> None:
    """Asked to read only, a pin that finds a shared page unshares it at least."""
    race = swapped(rules)
    assert race.folio("A").anon_exclusive
    assert race.props() == []


def test_without_unsharing_the_page_that_fork_has_shared_is_pinned() -> None:
    """As before there was an exclusive mark: the child maps the device's frame."""
    race = swapped(f"{DROPPED},gup_unshare=off")
    assert race.world.pins[0].pfn == race.folio("A").pfn
    assert race.props() == ["pin.diverged", "pin.not-exclusive"]
