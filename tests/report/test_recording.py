"""What a recording holds."""

from __future__ import annotations

import pytest

from forkfuzz.engine import Decision, Outcome, Schedule, run_inline
from forkfuzz.engine.trio_driver import TrioHost
from forkfuzz.errors import ReplayError
from forkfuzz.report import Recording, record


def decisions(recording: Recording) -> tuple[Decision, ...]:
    """Return the schedule of a recorded run."""
    result = recording.result
    return Schedule.of(result.decisions, result.task_names).decisions


def test_every_step_of_the_run_is_recorded_once(torn: Recording) -> None:
    """Steps are numbered from 1, without gaps."""
    numbers = [step.number for step in torn.steps]
    assert numbers == list(range(1, torn.result.steps + 1))


def test_recording_does_not_change_the_run(torn: Recording) -> None:
    """The same decisions give the same trace, recorded or not."""
    again = record(torn.program, torn.rules, decisions(torn))
    assert again.result.digest() == torn.result.digest()
    assert again == torn


def test_both_drivers_give_the_same_recording(torn: Recording) -> None:
    """A recording does not say which driver made it."""
    with TrioHost() as host:
        trio = record(torn.program, torn.rules, decisions(torn), host.run)
    assert trio == record(torn.program, torn.rules, decisions(torn), run_inline)


def test_stores_know_what_the_page_table_would_have_said(torn: Recording) -> None:
    """Before B is write-protected, no store is stale."""
    stores = [event.data for _, event in torn.events("store")]
    assert [(s["page"], s["value"], s["stale"]) for s in stores] == [
        ("A", 1, False),
        ("B", 1, False),
    ]


def test_entries_are_decoded(torn: Recording) -> None:
    """Sharing B takes W away and keeps the dirty state in software."""
    changes = [
        (event.text("old"), event.text("new"))
        for step, event in torn.events("pte_set")
        if step.label == "__copy_present_ptes:wrprotect_ptes"
    ]
    assert changes == [("frame 2 W D A", "frame 2 SD A")]


def test_the_cut_and_the_violation_are_at_their_steps(torn: Recording) -> None:
    """A torn snapshot is noticed at the cut."""
    [(cut, _)] = torn.events("fork_cut")
    [(noticed, event)] = torn.events("violation")
    assert cut is noticed
    assert event.text("property") == "snapshot.torn"


def test_a_finished_run_has_nobody_waiting(torn: Recording) -> None:
    """Only runs that could not go on have waiting tasks."""
    assert torn.result.outcome is Outcome.FINISHED
    assert torn.waiting == ()


def test_a_schedule_of_another_model_is_refused(torn: Recording) -> None:
    """The message names the first step that differs."""
    wrong = (Decision("F", "dup_mm:renamed", 4, 0),)
    with pytest.raises(ReplayError, match=r"^schedule step 0 wants F at dup_mm:ren"):
        record(torn.program, torn.rules, wrong)
