"""Which way the arrows of a picture take, so that none runs over another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import attrs

from .rows import Picture


@attrs.frozen(slots=True)
class Route:
    """The way of one arrow.

    Attributes:
        kind: Of its flow.
        text: What to say of it.
        start: Line that it leaves.
        end: Line that it arrives at.
        gap: Lane that it runs down on the right of.
        track: How far from that lane, in arrows.
        leaves: At which part of the height of its first line.
        arrives: At which part of the height of its last line.
    """

    kind: str
    text: str
    start: int
    end: int
    gap: int
    track: int
    leaves: float = 0.5
    arrives: float = 0.5


def routes(picture: Picture) -> tuple[list[Route], list[int]]:
    """Return the arrows of a picture, and how many run beside each lane."""
    gaps: list[list[list[tuple[int, int]]]] = [[] for _ in picture.headers]
    found = []
    for flow, start, end in picture.arrows:
        gap = _gap(picture.lines[start].column, picture.lines[end].column)
        track = _free(gaps[gap], min(start, end), max(start, end))
        found.append(Route(flow.kind, flow.text, start, end, gap, track))
    return _with_ports(picture, found), [len(tracks) for tracks in gaps]


def _gap(first: int, last: int) -> int:
    """Return the lane beside which an arrow runs: between the two, near the last."""
    if first < last:
        return last - 1
    return last


def _free(tracks: list[list[tuple[int, int]]], top: int, bottom: int) -> int:
    """Return the first track of a gap that is free for an arrow, now taken."""
    for number, taken in enumerate(tracks):
        if all(bottom < other or top > last for other, last in taken):
            taken.append((top, bottom))
            return number
    tracks.append([(top, bottom)])
    return len(tracks) - 1


def _with_ports(picture: Picture, found: Sequence[Route]) -> list[Route]:
    """Spread the arrows that meet on one side of a line."""
    meeting: dict[tuple[int, bool], list[tuple[int, str]]] = defaultdict(list)
    for number, route in enumerate(found):
        for line, name in ((route.start, "leaves"), (route.end, "arrives")):
            right = picture.lines[line].column <= route.gap
            meeting[line, right].append((number, name))
    ports: list[dict[str, float]] = [{} for _ in found]
    for ends in meeting.values():
        # What arrives comes from above, what leaves goes down.
        ends.sort(key=lambda end: (end[1] == "leaves", end[0]))
        for position, (number, name) in enumerate(ends, 1):
            ports[number][name] = position / (len(ends) + 1)
    return [
        attrs.evolve(route, leaves=port["leaves"], arrives=port["arrives"])
        for route, port in zip(found, ports, strict=True)
    ]
