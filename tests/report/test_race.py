"""The race table: what mm developers read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from syrupy.assertion import SnapshotAssertion

from driving import forker, program, thread
from forkfuzz.checkers import Violation
from forkfuzz.report import Recording, race_rows, race_table
from forkfuzz.scenarios import SCENARIOS, Program
from forkfuzz.scenarios.program import PageSpec, Post, Store, Wait

Find = Callable[[str, str, int], Iterator[tuple[Recording, Violation]]]
RULES = (
    "mainline",
    "seed,final_flush=none",
    "v6.4.0",
    "seed,vma_recheck=off",
    "seed,early_cow=off",
    "seed,cow_order=drop_ptl",
    "v5.8",
)


@pytest.mark.parametrize(
    "name", ["torn", "torn_in_page", "lost_store", "leak", "pinned_and_shared"]
)
def test_known_races_read_like_commit_messages(
    name: str, cases: dict[str, Callable[[], Recording]], snapshot: SnapshotAssertion
) -> None:
    """Each historical race has a table that was looked at and approved."""
    recording = cases[name]()
    assert recording.result.headline() is not None
    assert "\n".join(race_table(recording)) == snapshot


def test_a_deadlock_says_who_waits_for_what(
    record_one: Callable[[Program, str], Recording], snapshot: SnapshotAssertion
) -> None:
    """Two threads that wait for each other both have a line."""
    crossed = program(
        ["A"],
        thread("T1", Wait("a"), Post("b")),
        thread("T2", Wait("b"), Post("a")),
    )
    recording = record_one(crossed, "mainline")
    headline = recording.result.headline()
    assert headline is not None
    assert headline.prop == "run.stuck"
    assert "\n".join(race_table(recording)) == snapshot


def test_a_deadlock_between_locks_names_their_holders(
    backwards: Callable[[int], Recording], snapshot: SnapshotAssertion
) -> None:
    """fork has mmap_lock and wants the page-table lock, madvise the reverse."""
    recording = backwards(1)
    headline = recording.result.headline()
    assert headline is not None
    assert headline.prop == "lock.deadlock"
    table = "\n".join(race_table(recording))
    assert "for ptl:parent, held by T1" in table
    assert "for mmap_lock:parent, held by F" in table
    assert table == snapshot


def test_a_wrong_lock_order_shows_who_takes_what(
    backwards: Callable[[int], Recording], snapshot: SnapshotAssertion
) -> None:
    """Without a deadlock the order alone is the violation."""
    recording = backwards(0)
    violations = {v.prop: v for v in recording.result.violations}
    table = "\n".join(race_table(recording, violations["lock.order"]))
    assert "takes mmap_lock:parent" in table
    assert "takes ptl:parent" in table
    assert table == snapshot


def test_a_run_without_violation_has_no_table(
    record_one: Callable[[Program, str], Recording],
) -> None:
    """There is nothing to show."""
    assert race_table(record_one(program(["A"], forker()), "seed")) == []


@pytest.mark.slow
def test_every_violation_fits_in_seventy_five_columns_of_ascii(find: Find) -> None:
    """So does the table of every violation of 300 runs of all scenarios."""
    lengths = []
    for rules in RULES:
        for spec in SCENARIOS:
            for recording, violation in find(spec, rules, 300 // len(SCENARIOS) + 1):
                table = race_table(recording, violation)
                assert table
                assert all(len(line) <= 75 for line in table)
                assert all(line.isascii() and line.isprintable() for line in table)
                lengths.append(len(table))
    assert len(lengths) > 100
    assert sorted(lengths)[len(lengths) // 2] <= 25


@pytest.mark.parametrize(("spec", "rules"), [("mp", "mainline"), ("horn", "mainline")])
def test_a_torn_snapshot_shows_both_stores_and_the_cut(
    spec: str, rules: str, find: Find
) -> None:
    """Whatever else is left out, the pair that no cut separates is there."""
    tables = [
        (violation, "\n".join(race_table(recording, violation)))
        for recording, violation in find(spec, rules, 60)
        if violation.prop == "snapshot.torn"
    ]
    assert tables
    for violation, table in tables:
        assert "<- the cut" in table
        for store in violation.pair:
            assert f"{store.place} = {store.value}" in table


def test_a_test_that_is_made_again_at_once_is_shown_once(find: Find) -> None:
    """fork tests a pinned page once more when it has allocated one for the copy."""
    pairs = [
        (one.text, following.text)
        for recording, violation in find("pinned-device", "seed,reuse=refcount", 60)
        if violation.prop == "pin.diverged"
        for one, following in pairwise(race_rows(recording, violation)[1])
    ]
    text = "folio_needs_cow_for_dma(A): yes"
    assert text in {one for one, _ in pairs}
    assert (text, text) not in pairs


def test_the_lost_store_comes_before_the_one_that_the_child_has(
    torn: Recording,
) -> None:
    """The order of lines is the order of steps."""
    lines = [line.strip() for line in race_table(torn)]
    copied = lines.index("copy_present_page(A)  A[0]=0")
    assert copied < lines.index("A[0] = 1") < lines.index("B[0] = 1")


def test_the_forking_thread_has_the_first_column(torn: Recording) -> None:
    """Its functions stand at the left."""
    assert race_table(torn)[0].split() == ["F", "(fork)", "T1"]


def test_names_with_control_characters_cannot_reach_a_terminal(
    record_one: Callable[[Program, str], Recording],
) -> None:
    """Pages and semaphores may come from a file that somebody else wrote."""
    hostile = program(
        [PageSpec("A\x1b[2J")],
        thread("T1", Store("A\x1b[2J", 0, 1), Wait("never\x07")),
    )
    recording = record_one(hostile, "mainline")
    table = race_table(recording)
    assert any(line.endswith("for semaphore:never\\x07") for line in table)
    assert all(line.isascii() and line.isprintable() for line in table)
