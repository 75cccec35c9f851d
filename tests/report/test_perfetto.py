"""Traces for Perfetto, with its package and without it."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from perfetto.protos.perfetto.trace import perfetto_trace_pb2
from syrupy.assertion import SnapshotAssertion

from forkfuzz.report import perfetto_trace
from forkfuzz.report.flows import flows
from forkfuzz.report.trace.timeline import timeline
from shown import NAMES, exhibit_run


def trace_of(name: str) -> Any:
    """Return the trace of an exhibit, read back."""
    data = perfetto_trace(exhibit_run(name).recording)
    assert isinstance(data, bytes)
    return perfetto_trace_pb2.Trace.FromString(data)


def line_of(packet: Any) -> str:
    """Return a packet in a line."""
    if packet.HasField("track_descriptor"):
        return f"track {packet.track_descriptor.uuid}: {packet.track_descriptor.name}"
    event = packet.track_event
    kind = perfetto_trace_pb2.TrackEvent.Type.Name(event.type)
    flows = [*event.flow_ids, "->", *event.terminating_flow_ids]
    told = f"{packet.timestamp} {kind} {event.track_uuid} {event.name}"
    return f"{told} {flows}" if len(flows) > 1 else told


@pytest.mark.parametrize("name", ["gup-fast", "no-flush"])
def test_a_trace_is_as_it_was_looked_at(name: str, snapshot: SnapshotAssertion) -> None:
    """Packet by packet, without what is said beside a slice."""
    assert "\n".join(map(line_of, trace_of(name).packet)) == snapshot


@pytest.mark.parametrize("name", NAMES)
def test_each_cpu_has_a_track(name: str) -> None:
    """In order, below that of the run, which says that there is no clock."""
    recording = exhibit_run(name).recording
    first, *tracks = [
        packet.track_descriptor
        for packet in trace_of(name).packet
        if packet.HasField("track_descriptor")
    ]
    assert "1 step is shown as 1 us" in first.name
    assert {track.parent_uuid for track in tracks} == {first.uuid}
    cpus = set(recording.cpus.values())
    assert {track.name.partition(":")[0] for track in tracks} >= cpus
    assert [track.sibling_order_rank for track in tracks] == list(range(len(tracks)))


@pytest.mark.parametrize("name", NAMES)
def test_a_step_is_a_microsecond(name: str) -> None:
    """Slices follow each other without a gap; each says its step."""
    kinds = perfetto_trace_pb2.TrackEvent
    begun, ended = [], []
    for packet in trace_of(name).packet:
        if packet.HasField("track_event"):
            if packet.track_event.type == kinds.TYPE_SLICE_BEGIN:
                begun.append(packet.timestamp)
                (step,) = (
                    note.int_value
                    for note in packet.track_event.debug_annotations
                    if note.name == "step"
                )
                assert packet.timestamp == (step - 1) * 1000
            elif packet.track_event.type == kinds.TYPE_SLICE_END:
                ended.append(packet.timestamp)
    steps = len(exhibit_run(name).recording.steps)
    assert begun == list(range(0, steps * 1000, 1000))
    assert ended == list(range(1000, steps * 1000 + 1000, 1000))


@pytest.mark.parametrize("name", NAMES)
def test_the_cut_and_violations_are_instants(name: str) -> None:
    """Of the step that they come with."""
    run = exhibit_run(name)
    marks = [(mark.name, mark.step) for mark in timeline(run.recording).instants]
    assert ("violation", run.violation.step) in marks
    cuts = [step.number for step, _ in run.recording.events("fork_cut")]
    assert [step for mark, step in marks if mark == "the cut"] == cuts
    kinds = perfetto_trace_pb2.TrackEvent
    instants = [
        (packet.track_event.name, packet.timestamp // 1000 + 1)
        for packet in trace_of(name).packet
        if packet.track_event.type == kinds.TYPE_INSTANT
    ]
    assert instants == marks


@pytest.mark.parametrize("name", NAMES)
def test_without_the_package_it_is_json(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same slices, instants and flows."""
    recording = exhibit_run(name).recording
    monkeypatch.setitem(sys.modules, "perfetto.protos.perfetto.trace", None)
    text = perfetto_trace(recording)
    assert isinstance(text, str)
    events = json.loads(text)["traceEvents"]
    of: dict[str, list[Any]] = {}
    for event in events:
        of.setdefault(event["ph"], []).append(event)
    assert [event["ts"] for event in of["X"]] == list(range(len(recording.steps)))
    assert {event["dur"] for event in of["X"]} == {1}
    assert len(of["i"]) == len(timeline(recording).instants)
    assert len(of["s"]) == len(of["f"]) == len(flows(recording))
    tracks = {e["tid"] for e in of["M"] if e["name"] == "thread_name"}
    assert {event["tid"] for event in of["X"]} <= tracks


def test_the_same_run_gives_the_same_bytes() -> None:
    """There is nothing in a trace that differs between machines."""
    recording = exhibit_run("gup-fast").recording
    assert perfetto_trace(recording) == perfetto_trace(recording)
