"""A run as trace viewers see one: tracks, slices, instants and flows.

The model has no clock: one step is shown as one microsecond.
"""

from __future__ import annotations

import attrs

from forkfuzz.report.flows import flows
from forkfuzz.report.recording.events import Recording, Step, Value
from forkfuzz.report.sanitize import LONGEST_TITLE, printable
from forkfuzz.report.steps import describe
from forkfuzz.rules import format_rules

CLOCK = "the model has no clock: 1 step is shown as 1 us"
MARKS = {"fork_cut": "the cut", "violation": "violation"}
"""Events that are worth a mark of their own."""


@attrs.frozen(slots=True, hash=False)
class Slice:
    """One step.

    Attributes:
        track: Number of the track, from 0.
        step: Number of the step, from 1; it ends after as many microseconds.
        name: Its label.
        about: What a viewer shows beside it.
        begins: Numbers of the flows that begin in it.
        ends: Numbers of the flows that end in it.
    """

    track: int
    step: int
    name: str
    about: dict[str, Value]
    begins: tuple[int, ...]
    ends: tuple[int, ...]


@attrs.frozen(slots=True)
class Instant:
    """Something in the middle of a step that must not be overlooked."""

    track: int
    step: int
    name: str
    text: str


@attrs.frozen(slots=True, hash=False)
class Arrow:
    """A flow, under the number that slices call it by."""

    number: int
    kind: str
    start: int
    end: int
    text: str


@attrs.frozen(slots=True, hash=False)
class Timeline:
    """All that a viewer is to show.

    Attributes:
        name: Of the run.
        tracks: Name of each track: the CPUs, then what has none.
        slices: One for each step.
        instants: The cut, and violations.
        arrows: Who read which store, and who acknowledged which flush.
    """

    name: str
    tracks: tuple[str, ...]
    slices: tuple[Slice, ...]
    instants: tuple[Instant, ...]
    arrows: tuple[Arrow, ...]


def timeline(recording: Recording) -> Timeline:
    """Return a run as a viewer is to show it."""
    name = printable(recording.program.name, LONGEST_TITLE)
    title = f"{name} under {format_rules(recording.rules)} ({CLOCK})"
    tracks = _tracks(recording)
    arrows = [
        Arrow(number, flow.kind, flow.start, flow.end, flow.text)
        for number, flow in enumerate(flows(recording), 1)
    ]
    begins: dict[int, list[int]] = {}
    ends: dict[int, list[int]] = {}
    for arrow in arrows:
        begins.setdefault(arrow.start, []).append(arrow.number)
        ends.setdefault(arrow.end, []).append(arrow.number)
    slices = tuple(
        Slice(
            tracks[_place(step)],
            step.number,
            step.label,
            _about(step),
            tuple(begins.get(step.number, ())),
            tuple(ends.get(step.number, ())),
        )
        for step in recording.steps
    )
    instants = tuple(
        Instant(tracks[_place(step)], step.number, MARKS[event.name], describe(event))
        for step in recording.steps
        for event in step.events
        if event.name in MARKS
    )
    return Timeline(title, _names(recording, tracks), slices, instants, tuple(arrows))


def _place(step: Step) -> str:
    """Return what a step is done by: its CPU, or a device."""
    return step.cpu or step.task


def _tracks(recording: Recording) -> dict[str, int]:
    """Return the number of each track, CPUs first, in their order."""
    cpus = list(dict.fromkeys(recording.cpus.values()))
    others = dict.fromkeys(_place(step) for step in recording.steps)
    names = [*cpus, *(name for name in others if name not in cpus)]
    return {name: number for number, name in enumerate(names)}


def _names(recording: Recording, tracks: dict[str, int]) -> tuple[str, ...]:
    threads = {cpu: task for task, cpu in recording.cpus.items() if ":" not in task}
    return tuple(
        f"{place}: {threads[place]}" if place in threads else place for place in tracks
    )


def _about(step: Step) -> dict[str, Value]:
    about: dict[str, Value] = {"step": step.number, "task": step.task}
    if step.obj:
        about["object"] = step.obj
    for choice in step.choices:
        about[f"outcome for {choice.label}"] = f"{choice.value} of {choice.options}"
    told = [describe(event) for event in step.events]
    return about | {f"did {number}": text for number, text in enumerate(told, 1)}
