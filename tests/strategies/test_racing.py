"""Which steps race is learned from the runs before."""

from __future__ import annotations

import pytest

from forkfuzz.engine import Access, Task, reads, writes
from forkfuzz.strategies.racing import RacingSteps


def standing(index: int, access: Access, label: str = "step") -> Task:
    """Return a task that stands at a step."""

    async def body() -> None:
        """Do nothing: nobody runs it."""

    return Task(index, f"T{index}", "thread", body, label=label, access=access)


def seen(*steps: Task) -> RacingSteps:
    """Return what one run of these steps has taught."""
    racing = RacingSteps()
    racing.begin()
    for task in steps:
        racing.step(task)
    racing.begin()
    return racing


def test_nothing_is_known_until_a_run_has_ended() -> None:
    """Then what nobody else has touched does not race."""
    racing = RacingSteps()
    racing.begin()
    task = standing(0, reads("page"))
    racing.step(task)
    known = [racing.known]
    racing.begin()
    assert [*known, racing.known] == [False, True]
    assert not racing.will_race(task)


@pytest.mark.parametrize(
    ("one", "other", "race"),
    [
        (reads("page"), reads("page"), False),
        (reads("page"), writes("page"), True),
        (writes("page"), reads("page"), True),
        (writes("page"), writes("page"), True),
        (writes("page"), writes("pte"), False),
    ],
)
def test_a_race_takes_two_tasks_one_object_and_a_write(
    one: Access, other: Access, *, race: bool
) -> None:
    """That is when two steps conflict."""
    racing = seen(standing(0, one), standing(1, other))
    assert racing.will_race(standing(0, one)) is race


def test_a_task_does_not_race_with_itself() -> None:
    """However often it touches an object."""
    racing = seen(*[standing(0, writes("page"))] * 3)
    assert not racing.will_race(standing(0, writes("page")))


def test_a_race_is_over_when_the_rival_has_had_its_steps() -> None:
    """None is expected to come in this run; in the next one it is."""
    racing = seen(standing(0, writes("page")), *[standing(1, reads("page"))] * 2)
    mine = standing(0, writes("page"))
    for _ in range(2):
        assert racing.will_race(mine)
        racing.step(standing(1, reads("page")))
    assert not racing.will_race(mine)
    racing.begin()
    assert racing.will_race(mine)


def test_the_longest_run_says_what_to_expect() -> None:
    """A shorter one after it does not make a race less likely."""
    racing = seen(standing(0, writes("page")), *[standing(1, reads("page"))] * 2)
    racing.step(standing(1, reads("page")))
    racing.begin()
    racing.step(standing(1, reads("page")))
    assert racing.will_race(standing(0, writes("page")))
