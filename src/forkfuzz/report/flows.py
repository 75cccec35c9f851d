"""What in a run was caused by what: the arrows of a picture."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from .recording.events import Event, Recording, Step

READS = "reads-from"
ACKS = "flush"
DONE = "acks"


@attrs.frozen(slots=True)
class Flow:
    """One step that had a part in another.

    Attributes:
        kind: `READS`: a store, to the load or copy that read it. `ACKS`: the begin of a
            flush, to the acknowledgement of a CPU. `DONE`: an acknowledgement, to the
            end of the flush.
        start: Number of the step that came first.
        end: Number of the step that depends on it.
        text: What it is about: a word with its value, or the CPU.
    """

    kind: str
    start: int
    end: int
    text: str


def flows(recording: Recording) -> list[Flow]:
    """Return every flow of a run, in the order in which they end."""
    found = [*_reads(recording), *_flushes(recording)]
    return sorted(found, key=lambda flow: (flow.end, flow.start, flow.kind))


def _reads(recording: Recording) -> Iterator[Flow]:
    """Follow each word of each frame from whoever wrote it to whoever reads it."""
    writers: dict[tuple[int, int], int] = {}
    for step in recording.steps:
        for event in step.events:
            if event.name not in _WORDS:
                if event.name == "page_allocated":
                    _forget(writers, event.number("pfn"))
                continue
            pfn, index = event.number("pfn"), event.number("index")
            if event.name in _WRITES:
                writers[pfn, index] = step.number
                continue
            writer = writers.get((pfn, index))
            if writer is not None:
                text = f"{event.place()} = {event.data['value']}"
                yield Flow(READS, writer, step.number, text)
            if event.name == "word_copied":
                _copy(writers, event, writer)


_WRITES = ("store", "device_store")
_WORDS = (*_WRITES, "load", "device_load", "word_copied")


def _forget(writers: dict[tuple[int, int], int], pfn: int) -> None:
    for key in [key for key in writers if key[0] == pfn]:
        del writers[key]


def _copy(
    writers: dict[tuple[int, int], int], event: Event, writer: int | None
) -> None:
    """Let whoever reads the copy have read the store."""
    target = event.number("target"), event.number("index")
    writers.pop(target, None)
    if writer is not None:
        writers[target] = writer


@attrs.define(eq=False, slots=True)
class _Flush:
    """A flush under way: where it began, which step acknowledged on which CPU."""

    begun: int
    acks: dict[int, str] = attrs.Factory(dict)


def _flushes(recording: Recording) -> Iterator[Flow]:
    named: dict[tuple[str, int], _Flush] = {}
    waited_for: dict[str, _Flush] = {}
    for step in recording.steps:
        for event in step.events:
            key = event.text("mm"), int(event.data.get("generation", 0))
            if event.name == "flush_begun":
                waited_for[step.task] = named[key] = _Flush(step.number)
            elif event.name == "flush_acknowledged" and key in named:
                named[key].acks[step.number] = step.cpu
                yield Flow(ACKS, named[key].begun, step.number, step.cpu)
            elif event.name == "flush_completed":
                flush = waited_for.pop(step.task, _Flush(step.number))
                yield from _ends(flush, step)


def _ends(flush: _Flush, step: Step) -> Iterator[Flow]:
    """Without an acknowledgement a flush ends by itself."""
    for number, cpu in flush.acks.items():
        yield Flow(DONE, number, step.number, cpu)
    if not flush.acks and flush.begun != step.number:
        yield Flow(DONE, flush.begun, step.number, step.cpu)
