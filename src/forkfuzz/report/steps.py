"""A run step by step, one line each, with what changed below it."""

from __future__ import annotations

from collections.abc import Iterator

from .layout import WIDTH, paragraph
from .recording.events import Event, Recording, Step

_WORDS = {
    "store": "{page}[{index}] = {value} in frame {pfn}",
    "load": "{page}[{index}] == {value} in frame {pfn}",
    "device_store": "{page}[{index}] = {value} in frame {pfn}, by DMA",
    "device_load": "{page}[{index}] == {value} in frame {pfn}, by DMA",
    "word_copied": "{page}[{index}] == {value} copied from frame {pfn} to {target}",
    "pte_set": "{mm} PTE of {page}: {old} -> {new}",
    "pte_updated_by_hardware": "{mm} PTE of {page}: {old} -> {new}, by hardware",
    "tlb_filled": "TLB of {tlb} caches {page}: {entry}",
    "tlb_dropped": "TLB of {tlb} drops {page}: {entry}",
    "flush_begun": "flush of {mm} begins",
    "flush_deferred": "flush of {mm} is left for later",
    "flush_acknowledged": "flush acknowledged",
    "exclusive_changed": "PageAnonExclusive of frame {pfn}: {exclusive}",
    "mapcount_changed": "mapcount of frame {pfn}: {mapcount}",
    "page_allocated": "frame {pfn} allocated",
    "page_freed": "frame {pfn} freed",
    "page_zapped": "{mm} gives up {page}",
    "page_pinned": "reference to {page} in frame {pfn} taken",
    "page_unpinned": "reference to {page} in frame {pfn} dropped",
    "fork_called": "fork of {mm} makes {child}",
    "fork_cut": "the cut: {child} must have the memory of {mm} now",
    "fork_failed": "fork of {mm} fails",
    "fork_returned": "{child} can run",
    "lock_requested": "asks for {lock}",
    "lock_acquired": "takes {lock}",
    "lock_released": "drops {lock}",
    "vma_read_locked": "{vma} read-locked",
    "vma_read_unlocked": "{vma} read-unlocked",
    "vma_write_locked": "{vma} write-locked",
    "vma_write_unlocked": "VMAs of {mm} write-unlocked",
    "violation": "VIOLATION {property}: {message}",
}


def step_list(recording: Recording) -> str:
    """Return every step of a run, without a newline at the end."""
    digits = len(str(len(recording.steps)))
    tasks = max((len(step.task) for step in recording.steps), default=0)
    lines: list[str] = []
    for step in recording.steps:
        lines += _step(step, digits, tasks)
    return "\n".join([*lines, f"the run is over: {recording.result.outcome.value}"])


def _step(step: Step, digits: int, tasks: int) -> Iterator[str]:
    yield f"{step.number:>{digits}}  {step.task:<{tasks}}  {step.label}"
    indent = digits + tasks + 2 * len("  ")
    for choice in step.choices:
        text = f"outcome {choice.value} of {choice.options} for {choice.label}"
        yield from paragraph(text, min(indent, WIDTH // 2))
    for event in step.events:
        yield from paragraph(describe(event), min(indent, WIDTH // 2))


def describe(event: Event) -> str:
    """Return an event in words."""
    if event.name == "flush_completed":
        what = event.text("page") or "everything"
        return f"flush of {what} in {event.text('mm')} is complete"
    return _WORDS[event.name].format_map(event.data)
