"""What a picture of a race shows: the lines of its table, and what arrows need."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from forkfuzz.checkers import Violation
from forkfuzz.checkers.violation import StoreRef
from forkfuzz.report.flows import READS, Flow, flows
from forkfuzz.report.layout import Line
from forkfuzz.report.race.action import Action
from forkfuzz.report.race.actions import actions
from forkfuzz.report.race.dots import DOTS
from forkfuzz.report.race.focus import Focus
from forkfuzz.report.race.table import chosen, header, lines_of
from forkfuzz.report.recording.events import Recording
from forkfuzz.report.sanitize import brief
from forkfuzz.report.words import place_of

STORES = ("store", "device_store")


@attrs.frozen(slots=True)
class Picture:
    """Lanes, lines in them, and arrows between the lines.

    Attributes:
        headers: Name of each lane, that of the forking task first.
        lines: In order of steps.
        arrows: A flow, with the line that it begins in and the one that it ends in.
        marked: Lines of the stores that the violation names.
        cut: Line after which the cut comes; -1 if it is not shown.
        noticed: Last line that comes before the violation was noticed.
    """

    headers: tuple[str, ...]
    lines: tuple[Line, ...]
    arrows: tuple[tuple[Flow, int, int], ...]
    marked: frozenset[int]
    cut: int
    noticed: int


def picture(recording: Recording, violation: Violation) -> Picture:
    """Choose what to show of *violation*."""
    found = flows(recording)
    shown = _with_causes(recording, chosen(recording, violation), found)
    lines = tuple(lines_of(shown))
    told = [(i, line) for i, line in enumerate(lines) if line.text != DOTS]
    of_step = {step: i for i, line in told for step in line.steps}
    pair = {step_of(recording, store) for store in violation.pair}
    return Picture(
        tuple(header(recording, task) for task in shown.columns),
        lines,
        tuple(_arrows(found, of_step)),
        frozenset(of_step[step] for step in pair if step in of_step),
        max((i for i, line in enumerate(lines) if line.note), default=-1),
        max(
            (i for i, line in enumerate(lines) if line.step <= violation.step),
            default=len(lines) - 1,
        ),
    )


def step_of(recording: Recording, store: StoreRef) -> int:
    """Return the step of a store; a reference may be to where it was noticed."""
    made = [
        step.number
        for step in recording.steps[: store.step]
        for event in step.events
        if event.name in STORES
        and step.task == brief(store.task)
        and event.place() == place_of(store)
        and event.data["value"] == store.value
    ]
    return made[-1] if made else store.step


def _arrows(
    found: list[Flow], of_step: dict[int, int]
) -> Iterator[tuple[Flow, int, int]]:
    """Return each flow whose ends are shown in two lines, once for two lines."""
    seen = set()
    for flow in found:
        start, end = of_step.get(flow.start, -1), of_step.get(flow.end, -1)
        if min(start, end) >= 0 and start != end and (start, end) not in seen:
            seen.add((start, end))
            yield flow, start, end


def _with_causes(recording: Recording, shown: Focus, found: list[Flow]) -> Focus:
    """Add what a shown line has come from: stores, and the acks of a flush."""
    every = actions(recording)
    steps = {action.step for action in shown.shown if action.text != DOTS}
    begun = {a.step: a for a in shown.shown if a.kind == "flush"}
    causes = {f.start for f in found if f.kind == READS and f.end in steps}
    acks = {f.end: f.start for f in found if f.kind != READS and f.start in begun}
    ends = {f.end: acks[f.start] for f in found if f.start in acks}
    added = []
    for action in every:
        step = action.step
        if step in steps or not action.task:
            continue
        if (action.kind == "ack" and step in acks) or (
            action.kind in ("store", "dma") and step in causes
        ):
            added.append(action)
        elif action.kind == "flush_end" and step in ends:
            added.append(attrs.evolve(action, call=begun[ends[step]].call))
    both = sorted([*shown.shown, *added], key=_by_step)
    tasks = dict.fromkeys([*shown.columns, *(action.task for action in both)])
    return Focus(tuple(tasks), tuple(both))


def _by_step(action: Action) -> int:
    return action.step
