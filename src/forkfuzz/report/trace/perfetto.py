"""A run as a trace that Perfetto opens, at ui.perfetto.dev or in Chrome.

With the ``perfetto`` package it is Perfetto's own protobuf; without it, the JSON of
Chrome's trace viewer, which Perfetto reads too. Both show the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from forkfuzz.report.recording.events import Recording

from .timeline import CLOCK, Slice, Timeline, timeline

STEP = 1000
"""Nanoseconds that a step is shown as."""

RUN_TRACK = 1
"""The track that all others are below."""

_SEQUENCE = 1


def perfetto_trace(recording: Recording) -> bytes | str:
    """Return a run as a trace: bytes if ``perfetto`` is installed, else JSON."""
    try:
        from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as schema
    except ImportError:
        return trace_events(recording)
    return _protobuf(timeline(recording), schema)


def _protobuf(run: Timeline, schema: Any) -> bytes:
    trace = schema.Trace()
    _describe(run, schema, trace)
    for one in run.slices:
        _slice(one, schema, trace)
        for instant in run.instants:
            if instant.step == one.step:
                event = _event(trace, one.step * STEP - STEP // 2)
                event.type = schema.TrackEvent.TYPE_INSTANT
                event.track_uuid = RUN_TRACK + 1 + instant.track
                event.name = instant.name
                _annotate(event, "what", instant.text)
    return bytes(trace.SerializeToString(deterministic=True))


def _describe(run: Timeline, schema: Any, trace: Any) -> None:
    packet = _packet(trace, 0)
    packet.sequence_flags = schema.TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
    packet.track_descriptor.uuid = RUN_TRACK
    packet.track_descriptor.name = run.name
    packet.track_descriptor.child_ordering = schema.TrackDescriptor.EXPLICIT
    for number, name in enumerate(run.tracks):
        track = _packet(trace, 0).track_descriptor
        track.uuid = RUN_TRACK + 1 + number
        track.parent_uuid = RUN_TRACK
        track.sibling_order_rank = number
        track.name = name


def _slice(one: Slice, schema: Any, trace: Any) -> None:
    event = _event(trace, (one.step - 1) * STEP)
    event.type = schema.TrackEvent.TYPE_SLICE_BEGIN
    event.track_uuid = RUN_TRACK + 1 + one.track
    event.name = one.name
    event.categories.append("step")
    event.flow_ids.extend(one.begins)
    event.terminating_flow_ids.extend(one.ends)
    for name, value in one.about.items():
        _annotate(event, name, value)
    event = _event(trace, one.step * STEP)
    event.type = schema.TrackEvent.TYPE_SLICE_END
    event.track_uuid = RUN_TRACK + 1 + one.track


def _packet(trace: Any, at: int) -> Any:
    packet = trace.packet.add()
    packet.timestamp = at
    packet.trusted_packet_sequence_id = _SEQUENCE
    return packet


def _event(trace: Any, at: int) -> Any:
    return _packet(trace, at).track_event


def _annotate(event: Any, name: str, value: str | int) -> None:
    annotation = event.debug_annotations.add()
    annotation.name = name
    if isinstance(value, str):
        annotation.string_value = value
    else:
        annotation.int_value = value


def trace_events(recording: Recording) -> str:
    """Return a run as the JSON of Chrome's trace viewer."""
    run = timeline(recording)
    events = [*_metadata(run), *_slices(run), *_marks(run), *_arrows(run)]
    document = {
        "displayTimeUnit": "ns",
        "otherData": {"clock": CLOCK},
        "traceEvents": events,
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def _metadata(run: Timeline) -> Iterator[dict[str, Any]]:
    here = {"ph": "M", "pid": 1}
    yield {**here, "name": "process_name", "args": {"name": run.name}}
    for number, name in enumerate(run.tracks):
        track = {**here, "tid": number + 1}
        yield {**track, "name": "thread_name", "args": {"name": name}}
        order = {"sort_index": number}
        yield {**track, "name": "thread_sort_index", "args": order}


def _slices(run: Timeline) -> Iterator[dict[str, Any]]:
    for one in run.slices:
        yield {
            "ph": "X",
            "name": one.name,
            "cat": "step",
            "pid": 1,
            "tid": one.track + 1,
            "ts": one.step - 1,
            "dur": 1,
            "args": one.about,
        }


def _marks(run: Timeline) -> Iterator[dict[str, Any]]:
    for instant in run.instants:
        yield {
            "ph": "i",
            "s": "p",  # a line across all tracks of the run
            "name": instant.name,
            "cat": "mark",
            "pid": 1,
            "tid": instant.track + 1,
            "ts": instant.step - 0.5,
            "args": {"what": instant.text},
        }


def _arrows(run: Timeline) -> Iterator[dict[str, Any]]:
    tracks = {one.step: one.track + 1 for one in run.slices}
    for arrow in run.arrows:
        common = {"name": arrow.kind, "cat": arrow.kind, "id": arrow.number, "pid": 1}
        for phase, step in (("s", arrow.start), ("f", arrow.end)):
            yield {
                **common,
                "ph": phase,
                "bp": "e",  # it belongs to the slice around it
                "tid": tracks[step],
                "ts": step - 0.5,
                "args": {"what": arrow.text},
            }
