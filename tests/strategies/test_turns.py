"""Turns are dealt so that every order of the steps at an object is as likely."""

from __future__ import annotations

from collections import Counter

from forkfuzz.engine import Task, writes
from forkfuzz.strategies.chance import Chance
from forkfuzz.strategies.turns import StepCounts, Turns


def at_page(index: int) -> Task:
    """Return a task whose next step writes the page."""

    async def body() -> None:
        """Do nothing: nobody runs it."""

    return Task(index, f"T{index}", "thread", body, access=writes("page"))


def dealing(steps: list[int], seed: int = 1) -> tuple[Turns, StepCounts]:
    """Return turns that expect each task to take so many steps at the page."""
    counts = StepCounts()
    counts.begin()
    for index, count in enumerate(steps):
        for _ in range(count):
            counts.step(at_page(index))
    counts.begin()
    return Turns(Chance(seed), counts), counts


def deal(turns: Turns, tasks: list[Task]) -> int:
    """Return which task is not held; exactly one may not be."""
    (free,) = [task.index for task in tasks if not turns.is_held(task, tasks)]
    return free


def test_every_order_is_as_likely() -> None:
    """Three steps of one task and two of another have ten orders."""
    orders: Counter[str] = Counter()
    for seed in range(4000):
        turns, counts = dealing([3, 2], seed)
        left, order = [3, 2], ""
        while any(left):
            index = deal(turns, [at_page(i) for i in (0, 1) if left[i]])
            turns.taken(at_page(index))
            counts.step(at_page(index))
            left[index] -= 1
            order += str(index)
        orders[order] += 1
    assert len(orders) == 10
    assert all(abs(count - 400) < 80 for count in orders.values())  # four sigma


def test_a_turn_is_kept_until_it_is_taken() -> None:
    """Asking twice draws once."""
    turns, _ = dealing([5, 5])
    tasks = [at_page(0), at_page(1)]
    assert len({deal(turns, tasks) for _ in range(20)}) == 1


def test_nobody_waits_for_a_task_that_cannot_step() -> None:
    """The turn of one that is blocked is dealt again."""
    turns, _ = dealing([1, 1, 1])
    tasks = [at_page(index) for index in range(3)]
    gone = deal(turns, tasks)
    others = [task for task in tasks if task.index != gone]
    assert deal(turns, others) in {task.index for task in others}


def test_beyond_the_expected_steps_nobody_is_held() -> None:
    """There is nothing to deal by."""
    turns, counts = dealing([1, 1])
    tasks = [at_page(0), at_page(1)]
    for task in tasks:
        counts.step(task)
    assert not any(turns.is_held(task, tasks) for task in tasks)
