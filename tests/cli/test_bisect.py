"""Which guard closes a hole, from the command line."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from forkfuzz.cli.exploring import Ticks
from forkfuzz.search import Progress

from .programs import CLEAN, LONG, LOST, TORN, interrupted
from .running import assert_one_line, call, contents, visible_signature

FIRST, *OTHERS = (
    "  pinned_copy=protect_flush_copy instead of copy_only",
    "  child_unlock=after_flush instead of before_flush",
    "  guard_flush=on instead of off",
    "  mprotect_flags=after_vma_lock instead of before_vma_lock",
    "  split_flags=after_vma_lock instead of before_vma_lock",
)


def assert_names_the_guard(lines: list[str]) -> None:
    """Check that of mainline's five missing guards the right one is named."""
    assert lines[0] == FIRST
    assert lines[1].startswith("    makes it impossible (")
    assert lines[2::2] == OTHERS
    assert all(line.startswith("    does not prevent it (") for line in lines[3::2])
    assert len(lines) == 10


def test_0_when_a_guard_makes_the_end_of_a_test_impossible(torn: Path) -> None:
    """Its first 'exists' is the outcome; each missing guard is tried."""
    before = contents(torn.parent)
    outcome = call("bisect", torn)
    assert (outcome.code, outcome.err) == (0, "")
    first, *guards = outcome.out.splitlines()
    assert first == "exists child:A[0]=0 /\\ child:A[1]=1  rules mainline"
    assert_names_the_guard(guards)
    assert outcome.out.isascii()
    assert contents(torn.parent) == before


def test_the_violation_of_a_test_is_an_outcome_too(torn: Path) -> None:
    """Where it comes first."""
    lines = TORN.splitlines(keepends=True)
    torn.write_text("".join([*lines[:-2], lines[-1], lines[-2]]))
    outcome = call("bisect", torn)
    assert outcome.code == 0
    first, *guards = outcome.out.splitlines()
    assert first == "violates snapshot.torn  rules mainline"
    assert_names_the_guard(guards)


def test_a_schedule_is_bisected_by_what_it_violates(torn: Path, tmp_path: Path) -> None:
    """As `forkfuzz litmus --witness` writes it."""
    call("litmus", torn, "--witness", tmp_path / "w")
    outcome = call("bisect", tmp_path / "w" / "torn-snapshot-torn.schedule")
    assert outcome.code == 0
    first, *guards = outcome.out.splitlines()
    assert first == "snapshot.torn  rules mainline"
    assert_names_the_guard(guards)


@pytest.mark.slow
def test_a_crash_is_bisected_by_its_signature(campaign: Path) -> None:
    """A campaign's program has TLBs that fill by themselves; a search has not."""
    signature = visible_signature(campaign)
    before = contents(campaign)
    outcome = call("bisect", signature, "--dir", campaign, "--max-states", 60)
    assert outcome.out.startswith("snapshot.torn  rules mainline\n")
    assert "pinned_copy=protect_flush_copy instead of copy_only\n" in outcome.out
    assert contents(campaign) == before


def test_1_when_no_guard_does_it_alone(torn: Path) -> None:
    """Two are missing, and each hole is enough."""
    table = TORN.partition("exists")[0]
    torn.write_text(f"{table}violates snapshot.stale\n")
    rules = "seed,vma_lock=none,pinned_copy=copy_only"
    outcome = call("bisect", torn, "--rules", rules)
    assert outcome.code == 1
    assert outcome.out.count("    does not prevent it (") == 2


def test_1_when_the_outcome_is_impossible_as_it_is(torn: Path) -> None:
    """Then no guard is tried."""
    outcome = call("bisect", torn, "--rules", "seed")
    assert outcome.code == 1
    assert outcome.out.splitlines()[1:] == [
        "  the outcome itself is impossible under these rules"
    ]


def test_1_when_no_guard_is_missing(torn: Path) -> None:
    """What the documented protocol allows has no guard."""
    torn.write_text(TORN.replace("/\\ child:A[1]=1", "/\\ child:A[1]=0"))
    outcome = call("bisect", torn, "--rules", "seed")
    assert outcome.code == 1
    assert outcome.out.splitlines()[1:] == ["  no guard is missing"]


@pytest.mark.parametrize(
    ("bound", "says"),
    [
        (1, "  the outcome itself was not found within the limits\n"),
        (40, f"{FIRST}\n    was not decided within the limits (40 states)\n"),
    ],
)
def test_1_when_a_bound_leaves_it_open(bound: int, says: str, torn: Path) -> None:
    """What was not found within a bound is not impossible."""
    outcome = call("bisect", torn, "--max-states", bound)
    assert outcome.code == 1
    assert says in outcome.out


def test_json_is_one_document(torn: Path) -> None:
    """With what each guard does."""
    outcome = call("bisect", torn, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    (document,) = outcome.lines()
    assert set(document) == {"outcome", "rules", "possible", "guards"}
    assert document["outcome"] == "exists child:A[0]=0 /\\ child:A[1]=1"
    assert (document["rules"], document["possible"]) == ("mainline", True)
    guards = {guard["field"]: guard for guard in document["guards"]}
    assert guards["pinned_copy"]["closes"] == "yes"
    assert guards["pinned_copy"]["value"] == "copy_only"
    assert guards["child_unlock"]["closes"] == "no"
    assert guards["mprotect_flags"]["closes"] == "no"
    assert guards["split_flags"]["closes"] == "no"
    assert all(guard["states"] > 0 for guard in guards.values())


def test_2_for_what_has_no_outcome(tmp_path: Path, torn: Path) -> None:
    """A test that only claims what never happens, a witness of an end."""
    clean = tmp_path / "clean.litmus"
    clean.write_text(CLEAN)
    outcome = call("bisect", clean)
    assert_one_line(outcome, 2)
    assert "has neither 'exists' nor 'violates'" in outcome.err
    call("litmus", torn, "--witness", tmp_path / "w")
    outcome = call("bisect", tmp_path / "w" / "torn-state-2.schedule")
    assert_one_line(outcome, 2)
    assert "does not say what it violates" in outcome.err


@pytest.mark.slow
def test_130_after_an_interrupt(tmp_path: Path) -> None:
    """No further guard is tried."""
    (tmp_path / "long.litmus").write_text(LONG)
    outcome = interrupted("bisect", "long.litmus", cwd=tmp_path)
    assert outcome.code == 130
    assert "before the interrupt" in outcome.out
    assert "Traceback" not in outcome.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_130_or_143_although_the_outcome_was_seen_by_then(
    number: int, code: int, tmp_path: Path
) -> None:
    """The signal ends the whole, not only the search that it comes in."""
    (tmp_path / "lost.litmus").write_text(LOST)
    outcome = interrupted("bisect", "lost.litmus", cwd=tmp_path, number=number)
    assert outcome.code == code
    assert outcome.out.startswith("violates parent.lost-store  rules v6.4.0\n")
    assert "madvise_lock" not in outcome.out  # the last one
    assert outcome.err.endswith("bisect: interrupted; what is known is above\n")


def test_an_interrupt_before_the_first_guard_is_told(
    torn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not mean that no guard is missing."""

    def interrupt(_ticks: Ticks, progress: Progress) -> None:
        if progress.runs == 60:
            raise KeyboardInterrupt

    monkeypatch.setattr(Ticks, "__call__", interrupt)
    outcome = call("bisect", torn)
    assert outcome.code == 130
    assert outcome.out.splitlines()[1:] == [
        "  the outcome itself is possible; no guard was tried before the interrupt"
    ]
