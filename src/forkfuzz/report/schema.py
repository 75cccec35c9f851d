"""Which records there are, for programs: the JSON Schema of what `json_lines` gives."""

from __future__ import annotations

from typing import Any

OF_A_STEP = ("step", "cpu", "task", "point")
"""Keys of every record of a step."""

OF_A_RUN = {
    "run_started": ("scenario", "rules"),
    "task_waiting": ("task", "point", "object", "holders"),
    "run_ended": ("outcome", "steps", "outcomes", "violations"),
}
"""Events of a run, and their keys."""

_WORD = ("mm", "vpn", "page", "index", "pfn", "value")
_ENTRY = ("mm", "vpn", "page", "old", "new")
_CACHED = ("tlb", "vpn", "page", "entry")
_REFERENCE = ("mm", "vpn", "page", "pfn", "pin", "write")
_FORK = ("mm", "child")

EVENTS = {
    "step_taken": ("object", "options"),
    "outcome_chosen": ("choice", "options", "value"),
    "store": (*_WORD, "stale"),
    "load": _WORD,
    "device_store": _WORD,
    "device_load": _WORD,
    "word_copied": ("page", "index", "pfn", "target", "value"),
    "pte_set": _ENTRY,
    "pte_updated_by_hardware": _ENTRY,
    "tlb_filled": (*_CACHED, "stale"),
    "tlb_dropped": _CACHED,
    "flush_begun": ("mm", "generation"),
    "flush_deferred": ("mm", "generation"),
    "flush_acknowledged": ("mm", "generation"),
    "flush_completed": ("mm", "page"),
    "exclusive_changed": ("page", "pfn", "exclusive"),
    "mapcount_changed": ("pfn", "mapcount"),
    "page_allocated": ("pfn",),
    "page_freed": ("pfn",),
    "page_zapped": ("mm", "vpn", "page"),
    "page_pinned": _REFERENCE,
    "page_unpinned": _REFERENCE,
    "fork_called": _FORK,
    "fork_cut": _FORK,
    "fork_failed": _FORK,
    "fork_returned": _FORK,
    "lock_requested": ("lock", "sleeps"),
    "lock_acquired": ("lock", "write"),
    "lock_released": ("lock",),
    "vma_read_locked": ("vma",),
    "vma_read_unlocked": ("vma",),
    "vma_write_locked": ("vma",),
    "vma_write_unlocked": ("mm",),
    "violation": ("property", "severity", "message", "points"),
}
"""Events of a step, and their keys beside `OF_A_STEP`."""

_FLAGS = ("exclusive", "pin", "sleeps", "stale", "write")
_COUNTS = (
    *("generation", "index", "mapcount", "options", "outcomes", "pfn", "step", "steps"),
    *("target", "violations", "vpn"),
)
_TEXT = {"type": "string", "pattern": "^[ -~]*$"}


def records_schema() -> dict[str, Any]:
    """Return the JSON Schema of one record."""
    keys = {name: (*OF_A_STEP, *own) for name, own in EVENTS.items()} | OF_A_RUN
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A record of a run of forkfuzz",
        "description": "One line of what forkfuzz show --as json prints.",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in keys],
        "$defs": {name: _record(name, own) for name, own in keys.items()},
    }


def _record(name: str, own: tuple[str, ...]) -> dict[str, Any]:
    properties = {"event": {"const": name}, "run": _type("run")}
    properties |= {key: _type(key) for key in own}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _type(key: str) -> dict[str, Any]:
    if key in _FLAGS:
        return {"type": "boolean"}
    if key in _COUNTS:
        return {"type": "integer", "minimum": 0}
    if key == "value":
        return {"type": "integer"}
    if key == "severity":
        return {"enum": ["program", "contract"]}
    return _TEXT
