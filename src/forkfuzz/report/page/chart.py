"""A line in a frame: how something grew with time. No script, no library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree import ElementTree as ET

WIDTH, HEIGHT = 560, 190
LEFT, RIGHT, TOP, BOTTOM = 58, 24, 22, 34
TICKS = 4
"""So many parts of each axis have a number."""

ROOFS = (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10)
"""Ends of an axis, times a power of ten."""

Point = tuple[float, float]


def chart(points: Sequence[Point], title: str, unit: str) -> str:
    """Return an SVG element to stand in a page, in the colours of that.

    Args:
        points: Seconds and a value, in order of time.
        title: What the value is, for who cannot see.
        unit: Of the value, in one word.
    """
    x_most = _roof(max((x for x, _ in points), default=0))
    y_most = _roof(max((y for _, y in points), default=0))
    root = ET.Element(
        "svg", {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "role": "img", "class": "chart"}
    )
    ET.SubElement(root, "title").text = title
    for part in range(TICKS + 1):
        _tick(root, part / TICKS, x_most, y_most)
    seconds = {"x": str(WIDTH - RIGHT), "y": str(HEIGHT - 2), "text-anchor": "end"}
    ET.SubElement(root, "text", seconds).text = "seconds"
    ET.SubElement(root, "text", {"x": "0", "y": "10"}).text = unit
    ET.SubElement(
        root,
        "polyline",
        {"points": " ".join(f"{_x(x / x_most)},{_y(y / y_most)}" for x, y in points)},
    )
    return ET.tostring(root, encoding="unicode")


def _tick(root: ET.Element, share: float, x_most: float, y_most: float) -> None:
    """Draw a line across at a share of both axes, with what it stands for."""
    y, x = _y(share), _x(share)
    ET.SubElement(
        root,
        "line",
        {"x1": str(LEFT), "x2": str(WIDTH - RIGHT), "y1": str(y), "y2": str(y)},
    )
    beside = {"x": str(LEFT - 6), "y": str(y + 4), "text-anchor": "end"}
    ET.SubElement(root, "text", beside).text = f"{share * y_most:g}"
    below = {"x": str(x), "y": str(HEIGHT - BOTTOM + 14), "text-anchor": "middle"}
    ET.SubElement(root, "text", below).text = f"{share * x_most:g}"


def _roof(most: float) -> float:
    """Return the next number above that reads well, and so do its quarters."""
    if not most:
        return 1
    power = math.pow(10, math.floor(math.log10(most)))
    return next(n * power for n in ROOFS if n * power >= most)


def _x(share: float) -> float:
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _y(share: float) -> float:
    return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)
