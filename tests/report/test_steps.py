"""The list of steps."""

from __future__ import annotations

from collections.abc import Callable

from driving import forker, program
from forkfuzz.report import Recording, step_list
from forkfuzz.scenarios import Program


def test_each_step_has_a_line_and_what_it_changed_below(torn: Recording) -> None:
    """A copy of a word names the frames and the value."""
    lines = step_list(torn).split("\n")
    at = next(i for i, text in enumerate(lines) if "copy_mc_user_highpage" in text)
    assert lines[at].split()[1:] == ["F", "copy_present_page:copy_mc_user_highpage"]
    assert lines[at + 1].strip() == "A[0] == 0 copied from frame 1 to 3"


def test_steps_are_numbered_to_the_end(torn: Recording) -> None:
    """The list says how the run ended."""
    lines = step_list(torn).split("\n")
    numbered = [int(line[:3]) for line in lines if line[:3].strip().isdecimal()]
    assert numbered == list(range(1, torn.result.steps + 1))
    assert lines[-1] == "the run is over: finished"


def test_a_flush_of_everything_is_told_from_that_of_a_page(torn: Recording) -> None:
    """fork's last flush is complete before the cut."""
    text = step_list(torn)
    assert text.index("flush of everything in parent is complete") < text.index(
        "the cut: child must have the memory of parent now"
    )


def test_outcomes_stand_below_the_step_that_asked_for_them(
    record_one: Callable[[Program, str], Recording],
) -> None:
    """A spontaneous fill says which entry was chosen of how many."""
    recording = record_one(program(["A", "B"], forker(), hardware_events=9), "seed")
    lines = step_list(recording).split("\n")
    asked = [i for i, line in enumerate(lines) if "mmu:which_entry" in line]
    assert asked
    assert all("mmu:fill_or_evict" in lines[i - 1] for i in asked)
    assert lines[asked[0]].strip().startswith("outcome ")
