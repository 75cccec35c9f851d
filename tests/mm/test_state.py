"""The state of the world as values: nothing of it can be forgotten."""

from __future__ import annotations

import copy
from typing import Any

import attrs
import pytest

from forkfuzz.harness import Run
from forkfuzz.harness.footprint import NOTING
from forkfuzz.mm.locks import Lock
from forkfuzz.mm.state import CONSTANT, STATE, world_state
from forkfuzz.mm.world import World
from forkfuzz.rules import Rules
from forkfuzz.scenarios import open_program
from forkfuzz.strategies import RandomWalk

WORLD_STATE = {"frames", "mms", "cpus", "pins", "free_frames", "pcp", "fail_sites"}
WORLD_CONSTANT = {
    *("pages", "words", "rules", "watch", "hw_dirty_lax", "lazy_tlb"),
    *("tlb_evictions", "stores", "forks", "first_frames", "_frame_words", "_pcp_of"),
}


def fields(kind: type) -> set[str]:
    """Return all fields that objects of a class have."""
    names = {name for base in kind.__mro__ for name in getattr(base, "__slots__", ())}
    return names - {"__weakref__"}


@pytest.mark.parametrize("kind", STATE, ids=lambda kind: kind.__name__)
def test_every_field_is_state_or_constant(kind: type) -> None:
    """A field that is added must be put in one of the two lists."""
    state, constant = set(STATE[kind]), set(CONSTANT[kind])
    assert not state & constant
    assert state | constant == fields(kind)


def world() -> World:
    """Return the world of a scenario in which everything happens, after a run."""
    program = open_program("pinned-device lazy_tlb=1")
    strategy = RandomWalk(3)
    strategy.begin()
    run = Run(program, Rules(), strategy)
    run.execute()
    return run.world


def test_the_world_has_no_other_fields() -> None:
    """Nor may one of its own be forgotten."""
    assert set(vars(world())) == WORLD_STATE | WORLD_CONSTANT


def changed(value: Any) -> Any:
    """Return something like *value*, but different."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return value + "x"
        case list():
            return [*value, 99]
        case _:
            return None


PLAIN = [
    (kind, field)
    for kind, names in STATE.items()
    for field in names
    if field
    not in ("mm", "page_table", "mmap_lock", "ptl", "vmas", "requests", "loaded_mm")
    and kind.__name__ != "FlushRequest"
    and field not in ("tlb", "shmem", "tlb_gen", "waiting")
]


@pytest.mark.parametrize(
    ("kind", "field"), PLAIN, ids=lambda value: getattr(value, "__name__", value)
)
def test_every_field_of_state_tells(kind: type, field: str) -> None:
    """A world in which one field has another value has another state."""
    here = world()
    before = list(world_state(here))
    mm = here.mms[0]
    places: dict[type, Any] = {
        type(mm): mm,
        type(mm.vmas[0]): mm.vmas[0],
        type(here.cpus[0]): here.cpus[0],
        type(here.frames[1]): here.frames[1],
        type(here.pins[0]): here.pins[0],
        Lock: mm.ptl,
    }
    thing = places[kind]
    setattr(thing, field, changed(copy.copy(getattr(thing, field))))
    assert list(world_state(here)) != before


def test_generations_count_only_against_each_other() -> None:
    """Another number of flushes that everybody has seen is the same state."""
    here = world()
    before = list(world_state(here))
    for mm in here.mms:
        mm.tlb_gen += 5
    for cpu in here.cpus:
        cpu.local_tlb_gen += 5
    assert list(world_state(here)) == before
    here.cpus[0].local_tlb_gen -= 1
    assert list(world_state(here)) != before


@pytest.mark.parametrize("kind", NOTING, ids=lambda kind: kind.__name__)
def test_classes_that_note_differ_in_nothing_else(kind: type) -> None:
    """An object can change to its noting class and back at any time."""
    noting = NOTING[kind]
    assert issubclass(noting, kind)
    own = {name for name in vars(noting) if not name.startswith("__")}
    assert own <= fields(kind) | set(dir(kind)) | {
        *("pins", "mms", "fail_sites", "free_frames", "pcp"),
        *("children", "faults", "registers", "failed_forks", "_semaphores"),
        *("_pins_to_come", "_forks", "_free_bodies"),
    }
    assert all(isinstance(vars(noting)[name], property) for name in own)


def test_every_field_of_state_is_noted() -> None:
    """What makes up the state is what a search must see being touched."""
    references = {"page_table", "mmap_lock", "ptl", "mm", "vpn", "new_tlb_gen"}
    identity = {"mm_name", "pfn", "pinned", "write", "flusher"}
    for kind, names in STATE.items():
        if kind is Lock:
            continue
        noted = set(vars(NOTING[kind]))
        missing = set(names) - noted - references
        assert missing <= (identity if attrs.has(kind) else set()), kind
