"""parent.lost-store, parent.stale-read: a process and its own memory."""

from __future__ import annotations

from driving import Race, device, forker, ld, program, st, thread
from forkfuzz.checkers.threads import OwnStoresChecker
from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.scenarios.program import DmaStore, Madvise, PageSpec
from staging import RW, Stage


def test_memory_that_holds_the_last_store_to_each_word_is_in_order() -> None:
    """Whoever made it."""
    here = Stage(OwnStoresChecker)
    here.store(1, cpu=0)
    here.store(2, cpu=1)
    here.load(cpu=0)
    here.checker.finish()
    assert here.props() == []


def test_a_store_to_a_frame_that_is_no_longer_mapped_is_lost() -> None:
    """I9, the corruption of 2023."""
    here = Stage(OwnStoresChecker)
    old = here.folio()
    here.set(here.parent, "A", here.alloc(), RW)
    here.store(7, folio=old)
    here.checker.finish()
    assert here.props() == ["parent.lost-store"]
    assert here.checker.violations[0].message == (
        "A[0] = 7 by T0 is lost in parent; memory holds 0"
    )


def test_a_store_to_a_page_just_thrown_away_is_not_lost() -> None:
    """Near miss: MADV_DONTNEED is under way, its flush pending."""
    here = Stage(OwnStoresChecker)
    old = here.folio()
    here.parent.tlb_flush_pending = 1
    here.zap(here.parent)
    here.store(7, folio=old)
    here.parent.tlb_flush_pending = 0
    here.checker.finish()
    assert here.props() == []


def test_reading_an_older_value_than_ones_own_store_is_reported() -> None:
    """I10."""
    here = Stage(OwnStoresChecker)
    old = here.folio()
    here.store(1, folio=old)
    new = here.alloc()
    here.set(here.parent, "A", new, RW)
    here.store(2)
    here.load(folio=old)
    assert here.props() == ["parent.stale-read"]
    assert (
        here.checker.violations[0].message == "T0 reads A[0] = 1 after A[0] = 2 by T0"
    )


def test_what_the_child_throws_away_leaves_the_parent_its_memory() -> None:
    """The parent still must not read what was there before its own store."""
    here = Stage(OwnStoresChecker)
    old = here.folio()
    here.store(1, folio=old)
    here.set(here.parent, "A", here.alloc(), RW)
    here.store(2)
    child_mm = here.fork()
    here.zap(child_mm)
    here.load(folio=old)
    assert here.props() == ["parent.stale-read"]


def test_reading_somebody_elses_newer_store_is_in_order() -> None:
    """Near miss: something newer is fine."""
    here = Stage(OwnStoresChecker)
    here.store(1, cpu=0)
    here.store(2, cpu=1)
    here.load(cpu=0)
    assert here.props() == []


def test_reading_zero_after_the_page_was_thrown_away_is_in_order() -> None:
    """The thread's own store is gone by its process's own wish."""
    here = Stage(OwnStoresChecker)
    here.store(1)
    here.zap(here.parent)
    here.set(here.parent, "A", here.alloc(), RW)
    here.load()
    here.checker.finish()
    assert here.props() == []


def test_a_device_write_that_overwrites_a_store_is_in_order() -> None:
    """The word holds the last write, whoever made it."""
    here = Stage(OwnStoresChecker)
    pin = here.pin()
    here.store(1)
    here.dma(pin, 2)
    here.load()
    here.checker.finish()
    assert here.props() == []


def test_shared_mappings_have_no_memory_of_their_own() -> None:
    """Another process may have stored there."""
    here = Stage(OwnStoresChecker, [PageSpec("A", shared=True)])
    here.store(1)
    here.folio().words[0] = 0
    here.checker.finish()
    assert here.props() == []


def lost(rules: str) -> list[str]:
    """Drive the race of 2023: copy, store through a stale entry, clear, flush, set."""
    race = Race(
        program(
            [PageSpec("A", words=2, vma=0), PageSpec("B", vma=1)],
            forker(),
            thread("T1", st("A", 1)),
            thread("T2", st("A", 7, 1), ld("A", index=1)),
        ),
        rules,
    )
    race.fill("cpu2", "A")
    race.past("F", "copy_page_range:write_protect_seq_end")
    if rules != "seed":
        race.to("T1", "spin_lock:acquire")
        race.step("T1")
        race.to("T1", "spin_lock:acquire")
        race.op("T2")
        race.finish("T1", "T2")
    else:
        race.op("T2")
        race.to("T1", "down_read:acquire")
        assert race.blocked("T1")
    return race.props()


def test_a_fork_without_vma_locks_loses_a_store() -> None:
    """C3a: the copy is made outside the lock, the store goes to the old frame."""
    props = lost("seed,vma_lock=none")
    assert {"parent.lost-store", "parent.stale-read"} <= set(props)


def test_a_fork_with_vma_locks_loses_nothing() -> None:
    """The fault waits for the unlock, and the flush comes before it."""
    assert lost("seed") == []


def test_a_store_through_a_stale_entry_after_the_fork_loses_nothing() -> None:
    """Without the flush it gets into the child as well; the parent has it too."""
    race = Race(
        program(["A"], thread("T1", st("A", 1)), forker()), "seed,final_flush=none"
    )
    race.fill("cpu0", "A")
    race.finish("F", "T1")
    assert race.props() == ["snapshot.leak-to-child", "tlb.stale-writable"]


def test_dropping_the_lock_between_clear_and_set_loses_a_store() -> None:
    """M-PTL: another fault installs a page in the gap."""
    race = Race(
        program(["A"], forker(), thread("T1", st("A", 1)), thread("T2", st("A", 7, 1))),
        "seed,cow_order=drop_ptl",
    )
    race.finish("F")
    race.past("T1", "wp_page_copy:ptep_clear")
    race.past("T1", "spin_unlock:release")
    race.finish("T2")
    race.finish("T1")
    assert "parent.lost-store" in race.props()


def test_a_device_that_writes_a_pinned_page_during_fork_loses_nothing() -> None:
    """The parent keeps the frame."""
    race = Race(
        program(
            [PageSpec("A", words=2, pin="rw")],
            forker(),
            device(DmaStore("A", 0, 1)),
            thread("T1", st("A", 2, 1), ld("A", "r", 0)),
        )
    )
    race.past("F", "copy_present_page:copy_mc_user_highpage")
    race.finish("dev")
    race.finish("F", "T1")
    assert race.register("T1", "r") == 1
    assert race.props() == []


def test_a_store_that_races_with_a_zap_is_either_kept_or_thrown_away() -> None:
    """Through the old translation before the flush: thrown away with the page."""
    race = Race(
        program(["A"], thread("T1", Madvise("A", "dontneed")), thread("T2", st("A", 1)))
    )
    race.step("T2")
    race.past("T1", "spin_unlock:release")
    race.finish("T2")
    assert race.props() == []
    assert race.pte("A") == 0


def inherited(*, own: bool) -> tuple[Stage[OwnStoresChecker], MmStruct]:
    """Share A, which holds 1, with a child; let it store there too if *own*."""
    here = Stage(OwnStoresChecker)
    here.store(1)
    child_mm = here.fork()
    here.share(child_mm)
    here.cut(child_mm)
    here.run_child(child_mm)
    if own:
        here.set(child_mm, "A", here.alloc(), RW)
        here.store(3, cpu=1)
    return here, child_mm


def test_a_store_of_the_parent_in_the_childs_memory_is_a_leak_and_no_loss() -> None:
    """The child has not stored to the word; the parent's newer store is elsewhere."""
    here, _ = inherited(own=False)
    here.store(2)
    here.checker.finish()
    assert here.props() == []


def test_a_store_of_the_child_in_the_parents_memory_loses_the_parents_own() -> None:
    """Near miss: the parent had stored to the word."""
    here, _ = inherited(own=False)
    here.store(2, cpu=1)
    here.checker.finish()
    assert here.props() == ["parent.lost-store"]
    assert here.checker.violations[0].message == (
        "A[0] = 1 by T0 is lost in parent; memory holds 2"
    )


def test_a_store_of_the_parent_in_the_place_of_the_childs_own_is_a_loss() -> None:
    """Near miss: the child had stored to the word since the fork."""
    here, child_mm = inherited(own=True)
    here.store(2, folio=here.folio("A", child_mm))
    here.set(here.parent, "A", here.folio("A", child_mm), RW)
    here.checker.finish()
    assert here.props() == ["parent.lost-store"]
    assert here.checker.violations[0].message == (
        "A[0] = 3 by T1 is lost in child1; memory holds 2"
    )


def test_a_child_may_not_lose_what_it_inherited() -> None:
    """Near miss: what is there instead is older, and nobody's store."""
    here, child_mm = inherited(own=False)
    here.set(child_mm, "A", here.alloc(), RW)
    here.checker.finish()
    assert here.props() == ["parent.lost-store"]
    assert here.checker.violations[0].message == (
        "A[0] = 1 by T0 is lost in child1; memory holds 0"
    )


def test_an_older_store_of_the_parent_is_no_leak() -> None:
    """Near miss: it is what the child had before, or never."""
    here = Stage(OwnStoresChecker)
    first = here.store(1)
    here.store(2)
    child_mm = here.fork()
    here.share(child_mm)
    here.cut(child_mm)
    copy = here.alloc()
    copy.words[0] = first
    here.set(child_mm, "A", copy, RW)
    here.checker.finish()
    assert here.props() == ["parent.lost-store"]


def test_whose_a_devices_store_is_belongs_to_the_state() -> None:
    """It writes through anybody's reference, and the judgement depends on whose."""
    states = []
    for reverse in (False, True):
        here, child_mm = inherited(own=False)
        pins = [here.pin(), here.pin(mm=child_mm)]
        here.zap(here.parent)
        here.zap(child_mm)
        here.dma(pins[reverse], 2)
        states.append(here.checker.state())
    assert states[0] != states[1]


def test_a_device_write_while_the_entry_is_cleared_for_a_moment_counts() -> None:
    """The page is still there: a fault, or khugepaged, sets the entry again."""
    here = Stage(OwnStoresChecker)
    pin = here.pin()
    folio = here.folio()
    here.store(1)
    here.set(here.parent, "A", None, 0)
    here.dma(pin, 2)
    here.set(here.parent, "A", folio, RW)
    here.checker.finish()
    assert here.props() == []


def test_a_device_write_to_a_page_thrown_away_does_not_count() -> None:
    """Near miss: the process has other memory there by now."""
    here = Stage(OwnStoresChecker)
    pin = here.pin()
    here.zap(here.parent)
    here.dma(pin, 2)
    here.set(here.parent, "A", here.alloc(), RW)
    here.store(3)
    here.checker.finish()
    assert here.props() == []


def test_a_device_write_to_a_page_that_khugepaged_has_copied_excuses_nothing() -> None:
    """The process gets the copy, wherever the empty entry led before."""
    for copied, props in ((False, []), (True, ["parent.lost-store"])):
        here = Stage(OwnStoresChecker)
        pin = here.pin()
        here.store(1)
        here.set(here.parent, "A", None, 0)
        if copied:
            here.checker.collapse_copied(here.parent, here.vpn("A"))
        here.dma(pin, 2)
        here.set(here.parent, "A", here.alloc(), RW)
        here.checker.finish()
        assert here.props() == props


def test_a_store_while_the_entry_is_cleared_for_a_moment_counts() -> None:
    """Even if the flush of some other page is pending: this one was not zapped."""
    here = Stage(OwnStoresChecker, ["A", "B"])
    folio = here.folio()
    here.store(1)
    here.parent.tlb_flush_pending = 1
    here.zap(here.parent, "B")
    here.set(here.parent, "A", None, 0)
    here.store(2, folio=folio)
    here.set(here.parent, "A", folio, RW)
    here.checker.finish()
    assert here.props() == []


def test_a_store_to_an_old_frame_is_lost_whatever_flush_is_pending_elsewhere() -> None:
    """Near miss: the page was copied, not thrown away."""
    here = Stage(OwnStoresChecker, ["A", "B"])
    old = here.folio()
    here.parent.tlb_flush_pending = 1
    here.zap(here.parent, "B")
    here.set(here.parent, "A", here.alloc(), RW)
    here.store(2, folio=old)
    here.checker.finish()
    assert here.props() == ["parent.lost-store"]
