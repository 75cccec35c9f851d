"""What a task can do at a point: stop, wait, choose, and know whose turn it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from forkfuzz.engine import (
    CHOICE,
    NOTHING,
    Access,
    Machine,
    Task,
    choose,
    point,
    reads,
    this_machine,
    this_task,
    writes,
)
from forkfuzz.errors import InternalError, UsageError

Drive = Callable[[Machine], None]


class First:
    """Gives the step to the first task, and always the same outcome."""

    def __init__(self, value: int = 0) -> None:
        self.value = value

    def begin(self) -> None:
        """Forget nothing."""

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Take the first."""
        return 0

    def next_value(self, label: str, options: int) -> int:
        """Give the fixed value."""
        return self.value


@pytest.mark.parametrize("value", [-1, 3])
def test_choice_out_of_range_is_an_internal_error(drive: Drive, value: int) -> None:
    """A strategy that gives an impossible outcome is forkfuzz's own fault."""
    machine = Machine(First(value))

    async def body() -> None:
        await point("mmu:walk")
        choose("mmu:insert", 3)

    machine.spawn("T1", body)
    expected = rf"^forkfuzz bug: strategy chose {value} of 3 at mmu:insert$"
    with pytest.raises(InternalError, match=expected):
        drive(machine)
    assert machine.decisions == [(0, "mmu:walk", 1, 0)]


def test_choice_is_recorded_with_its_value(drive: Drive) -> None:
    """An outcome is a decision like any other, in its place between the steps."""
    machine = Machine(First(2))
    got: list[int] = []

    async def body() -> None:
        await point("mmu:walk")
        got.append(choose("mmu:insert", 3))

    machine.spawn("T1", body)
    drive(machine)
    assert got == [2]
    assert machine.decisions[1:] == [(CHOICE, "mmu:insert", 3, 2)]


def test_access_of_the_next_step_is_known(drive: Drive) -> None:
    """While a task stands at a point, one can see what its step will touch."""
    seen: list[Access] = []

    class Watch:
        def on_step(self, task: Task) -> None:
            """Note the access."""
            seen.append(task.access)

    async def body() -> None:
        await point("load:word", reads("page:3.0"))
        await point("store:word", writes("page:3.0"))
        await point("think:hard")

    machine = Machine(First(), observers=[Watch()])
    machine.spawn("T1", body)
    drive(machine)
    assert seen == [
        Access("page:3.0", write=False),
        Access("page:3.0", write=True),
        NOTHING,
    ]


def test_condition_belongs_to_no_step(drive: Drive) -> None:
    """Who would step is asked between the steps, when it is nobody's turn."""
    machine = Machine(First())

    async def body() -> None:
        await point("wait:self", when=lambda: this_task().name == "T1")

    machine.spawn("T1", body)
    with pytest.raises(UsageError, match=r"^no task is taking a step here$"):
        drive(machine)


def test_point_outside_a_run_is_a_usage_error() -> None:
    """Model code cannot be awaited by itself."""

    async def body() -> None:
        await point("walk:on")

    expected = r"^point 'walk:on' was reached outside a run$"
    with pytest.raises(UsageError, match=expected):
        body().send(None)


def test_machine_and_task_are_known_only_inside_a_run(drive: Drive) -> None:
    """A step can ask whose it is; outside there is no answer."""
    with pytest.raises(UsageError, match=r"^no run is under way here$"):
        this_machine()
    machine = Machine(First())
    names: list[str] = []

    async def body() -> None:
        await point("ask:name")
        names.append(this_task().name)

    machine.spawn("T1", body)
    drive(machine)
    assert names == ["T1"]
    with pytest.raises(UsageError, match=r"^no run is under way here$"):
        this_task()


def test_machine_without_driver_cannot_park() -> None:
    """A task started by hand is told that nobody drives it."""
    machine = Machine(First())
    assert machine.park is not None
    with pytest.raises(UsageError, match=r"^no driver is running this machine$"):
        machine.park()
