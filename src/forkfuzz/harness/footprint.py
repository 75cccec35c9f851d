"""What a step really touches, found out by watching it.

The access that a point names is the one that a reader has to know of. Partial-order
reduction needs all of them, those of the checkers included. So during a search the
objects of the model are given classes that note every field that is read or written,
and that differ from their bases in nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from operator import attrgetter
from typing import Any, cast

from forkfuzz.mm.cpu import Cpu, FlushRequest
from forkfuzz.mm.folio import Folio, Pin
from forkfuzz.mm.locks import RwSemaphore, SpinLock
from forkfuzz.mm.mm_types import MmStruct, VmAreaStruct
from forkfuzz.mm.pgtable import PageTable
from forkfuzz.mm.world import World
from forkfuzz.search import Touch

from .execution import Execution


class Footprint:
    """The fields and items touched since it was last emptied.

    Attributes:
        reads: What was read.
        writes: What was written.
        noting: Whether anything is noted.
        pages: The numbers of all pages.
        cpus: The numbers of all CPUs.
    """

    def __init__(self) -> None:
        self.reads: set[Touch] = set()
        self.writes: set[Touch] = set()
        self.noting = False
        self.pages = range(0)
        self.cpus = range(0)

    def empty(self) -> tuple[set[Touch], set[Touch]]:
        """Return what was read and what was written, and forget it."""
        touched = self.reads, self.writes
        self.reads, self.writes = set(), set()
        return touched


current = Footprint()
"""Of the run that is under way; there is one at a time."""


class _Container:
    """Stands for a list or a dict, and notes what is done with it.

    Args:
        base: The list or dict.
        name: Of the object and the field.
        items: How to tell its items apart: their keys, or None to take it as a whole.
    """

    __slots__ = ("_base", "_items", "_name")

    @property
    def name(self) -> Touch:
        """Return whose it is, and which field."""
        return self._name

    def __init__(self, base: Any, name: Touch, items: Iterable[int] | None) -> None:
        self._base = base
        self._name = name
        self._items = items

    @property
    def _all(self) -> list[Touch]:
        if self._items is None:
            return [self._name]
        return [(self._name, item) for item in self._items]

    def _one(self, key: Any) -> list[Touch]:
        if self._items is None or isinstance(key, slice):
            return self._all
        return [(self._name, key)]

    def __getitem__(self, key: Any) -> Any:
        current.reads.update(self._one(key))
        return self._base[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        current.writes.update(self._one(key))
        self._base[key] = value

    def __delitem__(self, key: Any) -> None:
        current.writes.update(self._one(key))
        del self._base[key]

    def __contains__(self, key: Any) -> bool:
        is_dict = isinstance(self._base, dict)
        current.reads.update(self._one(key) if is_dict else self._all)
        return key in self._base

    def __iter__(self) -> Iterator[Any]:
        current.reads.update(self._all)
        return cast("Iterator[Any]", iter(self._base))

    def __reversed__(self) -> Iterator[Any]:
        current.reads.update(self._all)
        return cast("Iterator[Any]", reversed(self._base))

    def __len__(self) -> int:
        current.reads.update(self._all)
        return len(self._base)

    def get(self, key: Any, default: Any = None) -> Any:
        current.reads.update(self._one(key))
        return self._base.get(key, default)

    def setdefault(self, key: Any, default: Any) -> Any:
        current.writes.update(self._one(key))
        return self._base.setdefault(key, default)

    def pop(self, *arguments: Any) -> Any:
        is_dict = isinstance(self._base, dict)
        current.writes.update(self._one(arguments[0]) if is_dict else self._all)
        return self._base.pop(*arguments)

    def __getattr__(self, name: str) -> Any:
        """Give any other method, which may look at all and change all."""
        method = getattr(self._base, name)
        current.reads.update(self._all)
        if name not in ("items", "keys", "values", "index", "count"):
            current.writes.update(self._all)
        return method


class _Members(_Container):
    """Stands for a list that is used as a set of numbers: an item is a member."""

    __slots__ = ()

    def append(self, member: Any) -> None:
        current.writes.add((self._name, member))
        self._base.append(member)

    def remove(self, member: Any) -> None:
        current.writes.add((self._name, member))
        self._base.remove(member)


CONTAINERS = (_Container, _Members)

Naming = Callable[[Any], Hashable]
Items = Callable[[Any], Iterable[int]]


def _plain(kind: type, field: str) -> tuple[Callable[[Any], Any], Any]:
    """Return how a field is read and written without being noted."""
    slot = getattr(kind, field, None)
    if slot is not None:
        return slot.__get__, slot.__set__

    def write(obj: Any, value: Any) -> None:
        obj.__dict__[field] = value

    return (lambda obj: obj.__dict__[field]), write


def _noted(kind: type, field: str, naming: Naming) -> property:
    """Make a property that notes the use of a field."""
    plain_read, plain_write = _plain(kind, field)
    name = f"{kind.__name__}.{field}"

    def read(self: Any) -> Any:
        if current.noting:
            current.reads.add((name, naming(self)))
        return plain_read(self)

    def write(self: Any, value: Any) -> None:
        if current.noting:
            current.writes.add((name, naming(self)))
        plain_write(self, value)

    return property(read, write)


def _noted_container(
    kind: type, field: str, naming: Naming, items: Items | None
) -> property:
    """Make a property that notes what is done with the items of a field."""
    plain_read, plain_write = _plain(kind, field)
    label = f"{kind.__name__}.{field}"

    def read(self: Any) -> Any:
        value = plain_read(self)
        if not current.noting:
            return value
        name = (label, naming(self))
        container = _Members if items is _any_cpu else _Container
        return container(value, name, items(value) if items else None)

    def write(self: Any, value: Any) -> None:
        if current.noting:
            name = (label, naming(self))
            whole = [(name, item) for item in items(value)] if items else [name]
            current.writes.update(whole)
        plain_write(self, value)

    return property(read, write)


def _noting(
    kind: type,
    naming: Naming,
    fields: tuple[str, ...],
    containers: dict[str, Items | None] | None = None,
) -> type:
    """Make a class like *kind* that notes the use of its fields."""
    body: dict[str, Any] = {"__slots__": ()}
    for field in fields:
        body[field] = _noted(kind, field, naming)
    for field, items in (containers or {}).items():
        body[field] = _noted_container(kind, field, naming, items)
    return type(kind.__name__, (kind,), body)


def _named(attribute: str) -> Naming:
    return attrgetter(attribute)


def _indices(base: Any) -> Iterable[int]:
    return range(len(base))


def _by_key(base: Any) -> Iterable[int]:
    return base  # type: ignore[no-any-return]


def _any_cpu(_base: Any) -> Iterable[int]:
    return current.cpus


def _any_page(_base: Any) -> Iterable[int]:
    return current.pages


NOTING: dict[type, type] = {
    Folio: _noting(
        Folio,
        _named("pfn"),
        (
            "refcount",
            "mapcount",
            "anon",
            "anon_exclusive",
            "locked",
            "swap_cache",
            "swap_count",
            "free",
        ),
        {"words": _indices},
    ),
    Pin: _noting(Pin, lambda _pin: "pin", ("released",)),
    SpinLock: _noting(SpinLock, _named("name"), ("writer", "readers")),
    RwSemaphore: _noting(RwSemaphore, _named("name"), ("writer", "readers")),
    VmAreaStruct: _noting(
        VmAreaStruct,
        _named("name"),
        ("vm_start", "vm_end", "vm_flags", "anon_vma", "vm_lock_seq", "vm_refcnt"),
        {"shmem": None},
    ),
    MmStruct: _noting(
        MmStruct,
        _named("name"),
        (
            "mm_lock_seq",
            "write_protect_seq",
            "has_pinned",
            "tlb_flush_pending",
            "tlb_flush_batched",
            "cut",
            "visible",
            "tlb_gen",
        ),
        {"mm_cpumask": None, "vmas": None},
    ),
    PageTable: _noting(
        PageTable,
        _named("mm_name"),
        (),
        {"entries": _indices},
    ),
    FlushRequest: _noting(FlushRequest, _named("flusher"), (), {"waiting": _any_cpu}),
    Cpu: _noting(
        Cpu,
        _named("name"),
        (
            "irqs_enabled",
            "in_instruction",
            "is_lazy",
            "fatal_signal_pending",
            "hardware_events",
            "loaded_mm",
            "local_tlb_gen",
        ),
        {"tlb": _any_page, "requests": None, "changed_while_lazy": None},
    ),
    World: _noting(
        World,
        lambda _world: "world",
        (),
        {
            "pcp": _by_key,
            "free_frames": None,
            "fail_sites": None,
            "pins": None,
            "mms": None,
        },
    ),
    Execution: _noting(
        Execution,
        lambda _execution: "execution",
        ("_forks", "_free_bodies"),
        {
            "children": None,
            "failed_forks": None,
            "faults": _by_key,
            "registers": _by_key,
            "_semaphores": _by_key,
            "_pins_to_come": _by_key,
        },
    ),
}
"""The class that notes, by the class of the model that it stands in for."""


class Watch:
    """Gives every object of a run its noting class, those made since included."""

    def __init__(self, world: World, execution: Execution) -> None:
        self._world = world
        self._execution = execution
        self._known = 0

    def renew(self) -> None:
        """Look for new objects; nothing must be noted meanwhile."""
        world = self._world
        count = len(world.frames) + len(world.pins)
        count += sum(len(mm.vmas) + 1 for mm in world.mms)
        count += sum(len(cpu.requests) for cpu in world.cpus)
        if count == self._known:
            return
        self._known = count
        current.pages = range(len(world.pages))
        current.cpus = range(len(world.cpus))
        for obj in _objects(world, self._execution):
            noting = NOTING.get(type(obj))
            if noting is not None:
                obj.__class__ = noting


def _objects(world: Any, execution: Execution) -> Iterator[Any]:
    yield world
    yield execution
    yield from world.frames
    yield from world.pins
    for mm in world.mms:
        yield mm
        yield mm.page_table
        yield mm.mmap_lock
        yield mm.ptl
        yield from mm.vmas
    for cpu in world.cpus:
        yield cpu
        yield from cpu.requests
