"""Whether a document is what its form says it is, as the programs that read it see it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
from perfetto.protos.perfetto.trace import perfetto_trace_pb2

from forkfuzz.engine import loads
from forkfuzz.litmus import parse
from forkfuzz.report import records_schema

VALIDATORS = {
    name: jsonschema.Draft202012Validator(kind)
    for name, kind in records_schema()["$defs"].items()
}
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\U0010ffff]")


class _Tags(HTMLParser):
    """Notes every element of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append(tag)


def assert_well_formed(form: str, document: str | bytes, steps: int) -> None:
    """Check a document of a run with so many steps."""
    if isinstance(document, bytes):
        assert form == "perfetto"
        assert slices_of(document) == steps
        return
    assert not CONTROL.search(document), form
    assert document == document.rstrip("\n")
    _CHECKS[form](document)


def slices_of(data: bytes) -> int:
    """Return how many slices a trace has; each is closed and on a track there is."""
    trace = perfetto_trace_pb2.Trace.FromString(data)
    kinds = perfetto_trace_pb2.TrackEvent
    tracks = {p.track_descriptor.uuid for p in trace.packet if p.HasField(TRACK)}
    events = [p.track_event for p in trace.packet if p.HasField("track_event")]
    begun = [event for event in events if event.type == kinds.TYPE_SLICE_BEGIN]
    ended = [event for event in events if event.type == kinds.TYPE_SLICE_END]
    assert {event.track_uuid for event in events} <= tracks
    assert [e.track_uuid for e in begun] == [e.track_uuid for e in ended]
    starts = [flow for event in begun for flow in event.flow_ids]
    ends = [flow for event in begun for flow in event.terminating_flow_ids]
    assert sorted(starts) == sorted(ends)
    assert len(set(starts)) == len(starts)
    return len(begun)


TRACK = "track_descriptor"


def _table(text: str) -> None:
    assert text.startswith("VIOLATION ")


def _steps(text: str) -> None:
    assert text.split("\n")[-1].startswith("the run is over: ")


def _page(text: str) -> None:
    tags = _Tags()
    tags.feed(text)
    tags.close()
    assert tags.tags.count("script") == 2
    assert not {"img", "svg", "iframe", "object", "a", "link", "b"} & set(tags.tags)


def _diagram(text: str) -> None:
    first, *lines = text.split("\n")
    assert first == "sequenceDiagram"
    for line in lines:
        assert re.fullmatch(
            r"    (participant P\d+ as .*|P(\d+)->>P\2: .*|Note over P\d+(,P\d+)?: .*)",
            line,
        ), line
        assert not re.search(r"[;#<{}\"'`&%]", line)


def _xml(text: str) -> None:
    root = ET.fromstring(text)
    assert not any(element.tag.endswith("script") for element in root.iter())


def _results(text: str) -> None:
    log: Any = json.loads(text)
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)


def _records(text: str) -> None:
    for line in text.split("\n"):
        record = json.loads(line)
        VALIDATORS[record["event"]].validate(record)


_CHECKS: dict[str, Any] = {
    "race": _table,
    "steps": _steps,
    "html": _page,
    "pytest": lambda text: compile(text, "test_bug.py", "exec"),
    "litmus": parse,
    "mermaid": _diagram,
    "svg": _xml,
    "junit": _xml,
    "sarif": _results,
    "json": _records,
    "schedule": loads,
}
