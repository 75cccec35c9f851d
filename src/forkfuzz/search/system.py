"""What a search needs to know of what it searches."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Protocol, TypeVar

from forkfuzz.engine import Machine, Strategy, Task

from .coroutine import Names
from .futures import Accesses, Locks


class Trial(Protocol):
    """One run of a program, looked into while it goes on.

    Attributes:
        machine: With all its tasks spawned.
        names: How to name the objects whose contents are in the shared state.
    """

    machine: Machine
    names: Names

    def shared_state(self) -> Iterable[Hashable]:
        """Return all that tasks share, part by part.

        Parts that seldom change together are best kept apart: equal ones are stored
        once.
        """
        ...

    def watch(self) -> None:
        """Take note of what is read and changed, from now on and after each step."""
        ...

    def accesses(self, label: str = "") -> Accesses:
        """Return the objects touched since the last call, by the step *label*."""
        ...

    def held(self, task: Task) -> Locks:
        """Return what nobody else can get while *task* takes no step: locks above all.

        A task waits for it at a point whose access has that name.
        """
        ...

    def close(self) -> None:
        """Forget everything; the run is over."""
        ...


T = TypeVar("T", bound=Trial)
T_co = TypeVar("T_co", bound=Trial, covariant=True)


class System(Protocol[T_co]):
    """A program that can be run again and again."""

    def begin(self, strategy: Strategy) -> T_co:
        """Set up a run that asks *strategy*."""
        ...

    def alike(self) -> Sequence[Sequence[int]]:
        """Return groups of tasks, by index, that can be exchanged for each other.

        Exchanging two of a group must turn every run into a run with the same shared
        states: their code is the same, and nothing that is shared tells them apart.
        """
        ...
