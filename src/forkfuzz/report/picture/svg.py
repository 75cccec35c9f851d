"""The race as a picture: a lane for each task, a row for each line, arrows between.

The file needs nothing else: no script, no font, no address. It has a background of its
own, so it can be read on any page.

A row has a line in one lane only. An arrow leaves its line sideways, runs down the gap
beside a lane and arrives sideways, so none of them crosses any text.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

import attrs

from forkfuzz.checkers import Violation
from forkfuzz.errors import UsageError
from forkfuzz.report.flows import ACKS, DONE, READS
from forkfuzz.report.race.dots import DOTS
from forkfuzz.report.recording.events import Recording
from forkfuzz.report.sanitize import LONGEST_TITLE, printable
from forkfuzz.report.words import shown
from forkfuzz.rules import format_rules

from .routes import Route, routes
from .rows import Picture, picture

CHAR = 7.4
"""Width of a character, of any font that may be there."""

LINE = 16
PAD = 6
ROW_GAP = 8
INDENT = 14
MARGIN = 20
NUMBERS = 40
"""Width of the column of step numbers."""

TRACK = 9
"""Room for one arrow beside another."""

LONGEST = 38
"""Characters in a line of text."""

FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
INK, FAINT, PAPER, RULE = "#1b1f24", "#59636e", "#ffffff", "#d1d9e0"
BOX, MARK, MARKED = "#f6f8fa", "#b3002d", "#fdeef1"
CUT = "#6f42c1"
CUT_WORDS, NOTICED_WORDS = "the cut", "violation"
STYLES = {
    # flow: (colour, dashes, words)
    READS: ("#0b63b0", "", "read from that store"),
    ACKS: ("#9a4f00", "6 3", "flush begun, acknowledged by a CPU"),
    DONE: ("#9a4f00", "2 3", "acknowledged, flush complete"),
}


def svg_picture(recording: Recording, violation: Violation | None) -> str:
    """Return the picture of the race as a document of its own.

    Raises:
        UsageError: There is no violation.
    """
    if violation is None:
        msg = "a picture shows a violation, and the run has none"
        raise UsageError(msg)
    message = shown(recording.program, violation.message)
    name = printable(recording.program.name, LONGEST_TITLE)
    drawing = _Drawing(picture(recording, violation))
    root = drawing.draw(
        f"{violation.prop} in {name}",
        f"rules {format_rules(recording.rules)}",
        f"step {violation.step}: {message}",
    )
    ET.indent(root, "")
    return ET.tostring(root, encoding="unicode")


@attrs.frozen(slots=True)
class _Box:
    """Where a line of the table stands.

    Attributes:
        text: As wrapped.
    """

    x: float
    y: float
    width: float
    height: float
    text: tuple[str, ...]


class _Drawing:
    """Computes where everything is, then draws it."""

    def __init__(self, shown_: Picture) -> None:
        self._picture = shown_
        self._texts = [_wrapped(line.text) for line in shown_.lines]
        self._headers = [_one_line(text) for text in shown_.headers]
        self._routes, gaps = routes(shown_)
        self._place_lanes(gaps)

    def _place_lanes(self, gaps: Sequence[int]) -> None:
        """Give each lane the room it needs, and each gap that of its arrows."""
        self._lanes: list[float] = []
        self._widths: list[float] = []
        x = float(MARGIN + NUMBERS)
        for lane, head in enumerate(self._headers):
            needs = [len(head) * CHAR + PAD, len(NOTICED_WORDS) * CHAR]
            for line, text in zip(self._picture.lines, self._texts, strict=True):
                if line.column == lane:
                    longest = max(map(len, text)) * CHAR
                    needs.append(line.depth * INDENT + longest + 2 * PAD)
            self._lanes.append(x)
            self._widths.append(max(needs))
            x += self._widths[-1] + (gaps[lane] + 3) * TRACK
        self._right = x

    def draw(self, title: str, rules: str, message: str) -> ET.Element:
        """Return the document."""
        legend = self._legend_width()
        width = max(self._right + MARGIN, MARGIN + legend + MARGIN, 480)
        room = int((width - 2 * MARGIN) / CHAR)
        top = (
            (title, {"font-weight": "bold", "fill": INK}),
            (rules, {"fill": FAINT}),
            (message, {"font-weight": "bold", "fill": MARK}),
        )
        self._body = ET.Element("g")
        y = self._rows(self._heading(top, room), width)
        self._arrows()
        y = self._legend(y)
        root = ET.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {_n(width)} {_n(y + MARGIN)}",
                "width": _n(width),
                "height": _n(y + MARGIN),
                "role": "img",
                "aria-labelledby": "title desc",
                "font-family": FONT,
                "font-size": "12",
            },
        )
        ET.SubElement(root, "title", {"id": "title"}).text = title
        ET.SubElement(root, "desc", {"id": "desc"}).text = self._told(message)
        root.append(_heads())
        page = {"width": "100%", "height": "100%", "fill": PAPER, "rx": "6"}
        ET.SubElement(root, "rect", page)
        root.append(self._body)
        return root

    def _told(self, message: str) -> str:
        """Return the picture in words, for those who cannot see it."""
        headers = self._picture.headers
        told = [f"{headers[line.column]}: {line.text}" for line in self._picture.lines]
        return ". ".join([*told, message])

    def _heading(self, top: Iterable[tuple[str, dict[str, str]]], room: int) -> float:
        y = float(MARGIN)
        for whole, style in top:
            for text in textwrap.wrap(whole, room, break_on_hyphens=False):
                y += LINE
                self._text(MARGIN, y, text, **style)
        y += LINE + ROW_GAP
        for x, text in zip(self._lanes, self._headers, strict=True):
            self._text(x + PAD, y, text, **{"font-weight": "bold", "fill": INK})
        return y + ROW_GAP

    def _rows(self, y: float, width: float) -> float:
        """Draw the rows, and the cut and the violation between them."""
        lanes, self._boxes = ET.SubElement(self._body, "g"), list[_Box]()
        top = y
        for number, line in enumerate(self._picture.lines):
            text = self._texts[number]
            x = self._lanes[line.column] + line.depth * INDENT
            across = max(map(len, text)) * CHAR + 2 * PAD
            self._boxes.append(_Box(x, y, across, len(text) * LINE + PAD, text))
            self._box(number, self._boxes[-1])
            y += self._boxes[-1].height + ROW_GAP
            if number == self._picture.cut:
                y = self._rule(y, width, CUT_WORDS, CUT, "8 4")
            if number == self._picture.noticed:
                y = self._rule(y, width, NOTICED_WORDS, MARK, "")
        for x in self._lanes:
            at = {"x1": _n(x + PAD), "x2": _n(x + PAD), "y1": _n(top), "y2": _n(y)}
            ET.SubElement(lanes, "line", {**at, "stroke": RULE})
        return y

    def _box(self, number: int, box: _Box) -> None:
        marked = number in self._picture.marked
        at = {"x": _n(box.x), "y": _n(box.y), "rx": "3"}
        size = {"width": _n(box.width), "height": _n(box.height)}
        paint = {
            "fill": MARKED if marked else BOX,
            "stroke": MARK if marked else RULE,
            "stroke-width": "2" if marked else "1",
        }
        ET.SubElement(self._body, "rect", {**at, **size, **paint})
        for row, text in enumerate(box.text):
            self._text(box.x + PAD, box.y + 15 + row * LINE, text, fill=INK)
        line = self._picture.lines[number]
        if line.step and line.text != DOTS:
            self._text(
                MARGIN + NUMBERS - 12,
                box.y + 15,
                str(line.step),
                **{"fill": FAINT, "text-anchor": "end"},
            )

    def _rule(
        self, y: float, width: float, words: str, colour: str, dashes: str
    ) -> float:
        """Draw a line across all lanes, and words below it that stay in the first."""
        at = {"x1": _n(MARGIN), "x2": _n(width - MARGIN), "y1": _n(y + 3)}
        paint = {"stroke": colour, "stroke-width": "1.5"}
        if dashes:
            paint["stroke-dasharray"] = dashes
        ET.SubElement(self._body, "line", {**at, "y2": at["y1"], **paint})
        size = {"width": _n(len(words) * CHAR), "height": _n(LINE), "fill": PAPER}
        ET.SubElement(self._body, "rect", {"x": _n(MARGIN), "y": _n(y + 6), **size})
        bold = {"fill": colour, "font-weight": "bold"}
        self._text(MARGIN, y + 18, words, **bold)
        return y + LINE + 2 * ROW_GAP

    def _arrows(self) -> None:
        for route in self._routes:
            colour, dashes, _ = STYLES[route.kind]
            paint = {
                "fill": "none",
                "stroke": colour,
                "stroke-width": "1.5",
                "marker-end": f"url(#{_head_id(colour)})",
            }
            if dashes:
                paint["stroke-dasharray"] = dashes
            path = ET.SubElement(self._body, "path", {"d": self._path(route), **paint})
            ET.SubElement(path, "title").text = route.text

    def _path(self, route: Route) -> str:
        """Return the way of an arrow: sideways, along a gap, sideways."""
        start, end = self._boxes[route.start], self._boxes[route.end]
        gap = self._lanes[route.gap] + self._widths[route.gap]
        x = gap + (route.track + 1.5) * TRACK
        ends = []
        for box, port in ((start, route.leaves), (end, route.arrives)):
            edge = box.x + box.width if box.x < x else box.x
            ends.append((edge, box.y + box.height * port))
        (x1, y1), (x2, y2) = ends
        return f"M{_n(x1)} {_n(y1)}H{_n(x)}V{_n(y2)}H{_n(x2 + (3 if x2 < x else -3))}"

    def _legend_width(self) -> float:
        return 46 + max(len(words) for *_, words in STYLES.values()) * CHAR

    def _legend(self, y: float) -> float:
        """Say what the arrows are that there are."""
        kinds = {route.kind for route in self._routes}
        y += ROW_GAP
        for kind, (colour, dashes, words) in STYLES.items():
            if kind not in kinds:
                continue
            at = f"M{MARGIN} {_n(y + 10)}H{MARGIN + 34}"
            paint = {"fill": "none", "stroke": colour, "stroke-width": "1.5"}
            if dashes:
                paint["stroke-dasharray"] = dashes
            head = {"marker-end": f"url(#{_head_id(colour)})"}
            ET.SubElement(self._body, "path", {"d": at, **paint, **head})
            self._text(MARGIN + 46, y + 14, words, fill=FAINT)
            y += LINE
        if self._picture.marked:
            box = {"x": _n(MARGIN), "y": _n(y + 3), "width": "34", "height": "14"}
            paint = {"fill": MARKED, "stroke": MARK, "stroke-width": "2", "rx": "3"}
            ET.SubElement(self._body, "rect", {**box, **paint})
            self._text(
                MARGIN + 46, y + 14, "a store that the violation names", fill=FAINT
            )
            y += LINE
        return y

    def _text(self, x: float, y: float, text: str, **style: str) -> None:
        at = {"x": _n(x), "y": _n(y)}
        ET.SubElement(self._body, "text", {**at, **style}).text = text


def _heads() -> ET.Element:
    """Return an arrow head of each colour."""
    defs = ET.Element("defs")
    for colour in sorted({colour for colour, *_ in STYLES.values()}):
        head = ET.SubElement(
            defs,
            "marker",
            {
                "id": _head_id(colour),
                "viewBox": "0 0 8 8",
                "refX": "7",
                "refY": "4",
                "markerWidth": "8",
                "markerHeight": "8",
                "markerUnits": "userSpaceOnUse",
                "orient": "auto",
            },
        )
        ET.SubElement(head, "path", {"d": "M0 0.5L8 4L0 7.5Z", "fill": colour})
    return defs


def _head_id(colour: str) -> str:
    return f"head-{colour[1:]}"


def _wrapped(text: str) -> tuple[str, ...]:
    words = " ".join(text.split())
    return tuple(textwrap.wrap(words, LONGEST, break_on_hyphens=False)) or ("",)


def _one_line(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 2]}.."


def _n(number: float) -> str:
    """Return a coordinate as it is written, the same on any machine."""
    return f"{number:.1f}".removesuffix(".0")
