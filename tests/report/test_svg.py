"""The picture of a race."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple
from xml.etree import ElementTree as ET

import attrs
import pytest
from syrupy.assertion import SnapshotAssertion

from forkfuzz.errors import UsageError
from forkfuzz.report import Recording, race_rows, svg_picture
from forkfuzz.report.flows import ACKS, DONE, READS, flows
from forkfuzz.report.picture.rows import picture
from shown import NAMES, exhibit_run

ROUNDED = 0.15
SVG = "{http://www.w3.org/2000/svg}"


class Box(NamedTuple):
    """A rectangle."""

    left: float
    top: float
    right: float
    bottom: float


def boxes_of(root: ET.Element) -> list[Box]:
    """Return the boxes that hold the lines of the table."""
    found = []
    for rect in root.iter(f"{SVG}rect"):
        if rect.get("rx") == "3" and rect.get("width") != "34":
            x, y, w, h = (float(rect.attrib[k]) for k in ("x", "y", "width", "height"))
            found.append(Box(x, y, x + w, y + h))
    return found


def legs_of(root: ET.Element) -> list[Box]:
    """Return the straight parts of all arrows."""
    found = []
    for path in root.iter(f"{SVG}path"):
        d = path.get("d", "")
        way = re.fullmatch(r"M(\S+) (\S+)H(\S+)V(\S+)H(\S+)", d)
        if way is not None:
            x1, y1, x, y2, x2 = map(float, way.groups())
            for (a, b), (c, e) in pairwise(((x1, y1), (x, y1), (x, y2), (x2, y2))):
                found.append(Box(min(a, c), min(b, e), max(a, c), max(b, e)))
    return found


def overlap(one: Box, other: Box) -> bool:
    """Return whether two rectangles share more than an edge, as rounded."""
    return (
        one.left + ROUNDED < other.right
        and other.left + ROUNDED < one.right
        and one.top + ROUNDED < other.bottom
        and other.top + ROUNDED < one.bottom
    )


@pytest.mark.parametrize("name", ["gup-fast", "lost-store"])
def test_a_picture_is_as_it_was_looked_at(
    name: str, snapshot: SnapshotAssertion
) -> None:
    """In a browser, and approved."""
    run = exhibit_run(name)
    assert svg_picture(run.recording, run.violation) == snapshot


@pytest.mark.parametrize("name", NAMES)
def test_nothing_overlaps(name: str) -> None:
    """No two boxes, no box and an arrow, and nothing is outside of the picture."""
    run = exhibit_run(name)
    root = ET.fromstring(svg_picture(run.recording, run.violation))
    boxes, legs = boxes_of(root), legs_of(root)
    assert len(boxes) == len(picture(run.recording, run.violation).lines)
    width, height = (float(n) for n in root.attrib["viewBox"].split()[2:])
    for box in (*boxes, *legs):
        assert 0 <= box.left <= box.right <= width
        assert 0 <= box.top <= box.bottom <= height
    for number, box in enumerate(boxes):
        assert not any(overlap(box, other) for other in boxes[number + 1 :])
        assert not any(overlap(box, leg) for leg in legs)


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_loads_and_runs_nothing(name: str) -> None:
    """It has a title and a description, and everything of the table."""
    run = exhibit_run(name)
    text = svg_picture(run.recording, run.violation)
    root = ET.fromstring(text)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {
        *("svg", "title", "desc", "defs", "marker", "path", "rect", "g", "line"),
        "text",
    }
    assert not re.search(r"href|url\([^#]|@import|style=", text)
    assert root[0].tag == f"{SVG}title"
    assert run.violation.prop in str(root[0].text)
    told = " ".join(str(root[1].text).split())
    for line in race_rows(run.recording, run.violation)[1]:
        if line.text == "...":
            continue
        for part in re.split(r", | {2}", line.text):
            assert part.removeprefix("copies ") in told


@pytest.mark.parametrize("name", NAMES)
def test_stores_that_the_violation_names_are_marked(name: str) -> None:
    """Each as far as the table shows it, and in a box of its own."""
    run = exhibit_run(name)
    shown = picture(run.recording, run.violation)
    words = [f"{store.place} = {store.value}" for store in run.violation.pair]
    zeros = [store.place[0] for store in run.violation.pair if not store.value]
    words += [f"zap_pte_range({page})" for page in zeros]
    words += [f"madvise_guard_install({page})" for page in zeros]
    for number in shown.marked:
        assert any(word in shown.lines[number].text for word in words)
    root = ET.fromstring(svg_picture(run.recording, run.violation))
    marked = [rect for rect in root.iter(f"{SVG}rect") if rect.get("width") != "34"]
    assert sum(r.get("stroke-width") == "2" for r in marked) == len(shown.marked)


def test_a_torn_snapshot_has_both_stores_and_the_cut(torn: Recording) -> None:
    """And the copy comes from no store of the run."""
    violation = torn.result.headline()
    assert violation is not None
    shown = picture(torn, violation)
    assert sorted(shown.lines[i].text for i in shown.marked) == ["A[0] = 1", "B[0] = 1"]
    assert shown.lines[shown.cut].note == "<- the cut"


@pytest.mark.parametrize("name", NAMES)
def test_arrows_go_forward_from_causes(name: str) -> None:
    """A read has the value of its store; a flush is over after its acks."""
    recording = exhibit_run(name).recording
    found = flows(recording)
    assert found
    for flow in found:
        start, end = recording.steps[flow.start - 1], recording.steps[flow.end - 1]
        assert start.number < end.number
        names = {event.name for event in end.events}
        if flow.kind == READS:
            place, value = flow.text.split(" = ")
            assert any(
                str(event.data.get("value")) == value and event.place() == place
                for event in end.events
                if "index" in event.data
            )
            assert {event.name for event in start.events} & {"store", "device_store"}
        elif flow.kind == ACKS:
            assert "flush_acknowledged" in names
        else:
            assert flow.kind == DONE
            assert "flush_completed" in names


@pytest.mark.parametrize("name", NAMES)
def test_every_acknowledgement_belongs_to_a_flush(name: str) -> None:
    """By the generation that both name."""
    recording = exhibit_run(name).recording
    acked = [step.number for step, _ in recording.events("flush_acknowledged")]
    assert [f.end for f in flows(recording) if f.kind == ACKS] == acked


def test_without_a_violation_there_is_no_picture(torn: Recording) -> None:
    """Nothing would be in it."""
    clean = attrs.evolve(torn.result, violations=())
    with pytest.raises(UsageError, match=r"^a picture shows a violation"):
        svg_picture(torn, clean.headline())
