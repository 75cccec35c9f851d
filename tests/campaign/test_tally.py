"""What a campaign has seen is counted, on success too."""

from __future__ import annotations

import attrs
import pytest

from forkfuzz.campaign import CampaignConfig, Finished, TargetSpec, fuzz
from forkfuzz.campaign.tally import Tally
from forkfuzz.engine import CHOICE, Outcome
from forkfuzz.harness import RunResult

RUN = RunResult(
    Outcome.FINISHED,
    (),
    [(0, "a:one", 2, 0), (CHOICE, "a:which", 3, 2), (1, "b:two", 1, 0)],
    ("T1", "T2"),
    2,
)


def test_equal_runs_are_one_interleaving() -> None:
    """Who steps and what hardware picks tell runs apart."""
    tally = Tally("seed")
    for _ in range(3):
        tally.note(RUN)
    assert tally.reach.interleavings == 1
    other_choice = [RUN.decisions[0], (CHOICE, "a:which", 3, 1), RUN.decisions[2]]
    tally.note(attrs.evolve(RUN, decisions=other_choice))
    other_task = [(1, "b:two", 2, 0), *RUN.decisions[1:]]
    tally.note(attrs.evolve(RUN, decisions=other_task))
    assert tally.reach.interleavings == 3


def test_outcomes_are_what_threads_loaded() -> None:
    """However many ways lead to one."""
    tally = Tally("seed")
    for end in ("x=1", "x=2", "x=1"):
        tally.note(attrs.evolve(RUN, end=end))
    assert tally.reach.outcomes == 2


def test_points_are_the_labels_of_steps() -> None:
    """A choice of hardware is none."""
    tally = Tally("seed")
    assert not tally.reach.points
    tally.note(RUN)
    assert tally.reach.points == ("a:one", "b:two")


@pytest.mark.parametrize("engine", ["atheris", "builtin"])
def test_a_campaign_says_what_it_has_seen(engine: str) -> None:
    """Whoever drove it."""
    if engine == "atheris":
        pytest.importorskip("atheris")
    spec = TargetSpec("mp", driver="inline")
    config = CampaignConfig(spec, engine=engine, runs=150)  # type: ignore[arg-type]
    *_, end = fuzz(config)
    assert isinstance(end, Finished)
    assert 20 < end.reach.interleavings <= 150
    assert 1 <= end.reach.outcomes < 20
    assert "copy_present_page:set_pte_at" in end.reach.points
