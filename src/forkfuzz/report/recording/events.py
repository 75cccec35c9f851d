"""A run as it is read: steps, and what each of them changed.

The names of events and of their keys are those of ``docs/reference/records.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from forkfuzz.harness.result import RunResult
from forkfuzz.rules import Rules
from forkfuzz.scenarios.program import Program

Value = str | int | bool

HARDWARE = ("irq", "hardware")
"""Kinds of the tasks that stand for what a CPU does by itself."""


@attrs.frozen(slots=True, hash=False)
class Event:
    """One thing that a step did.

    Attributes:
        name: One of the fixed event names.
        data: Its keys.
    """

    name: str
    data: Mapping[str, Value]

    def text(self, key: str) -> str:
        """Return the value of *key* as text; empty if there is none."""
        return str(self.data.get(key, ""))

    def number(self, key: str) -> int:
        """Return the value of *key* as a number."""
        return int(self.data[key])

    def place(self) -> str:
        """Return the word that the event is about, as the program calls it."""
        return f"{self.data['page']}[{self.data['index']}]"


@attrs.frozen(slots=True)
class Choice:
    """An outcome that the strategy chose during a step."""

    label: str
    options: int
    value: int


@attrs.frozen(slots=True, hash=False)
class Step:
    """One step of a run.

    Attributes:
        number: Counted from 1.
        task: Who took it.
        kind: Kind of the task.
        cpu: Name of its CPU; empty for a device.
        label: Which step.
        obj: What it touched, as its access says; empty for nothing shared.
        options: How many tasks could have taken a step.
        choices: Outcomes chosen during it.
        events: What it did, in order.
    """

    number: int
    task: str
    kind: str
    cpu: str
    label: str
    obj: str
    options: int
    choices: tuple[Choice, ...]
    events: tuple[Event, ...]

    @property
    def function(self) -> str:
        """Return the kernel function that the step is in."""
        return self.label.partition(":")[0]


@attrs.frozen(slots=True)
class Waiting:
    """A task that had not come to its end when the run was over.

    Attributes:
        label: The step that it could not take.
        obj: What that step would have touched.
        holders: Tasks that hold that lock.
    """

    task: str
    label: str
    obj: str
    holders: tuple[str, ...]


@attrs.frozen(slots=True, hash=False)
class Recording:
    """A run that was replayed to be looked at.

    Attributes:
        waiting: Who could not go on at the end; empty for a run that finished.
        cpus: Name of the CPU of each thread, by the thread's name.
    """

    program: Program
    rules: Rules
    result: RunResult
    steps: tuple[Step, ...]
    waiting: tuple[Waiting, ...]
    cpus: Mapping[str, str]

    def events(self, name: str) -> Iterator[tuple[Step, Event]]:
        """Return the events called *name*, each with its step."""
        for step in self.steps:
            for event in step.events:
                if event.name == name:
                    yield step, event
