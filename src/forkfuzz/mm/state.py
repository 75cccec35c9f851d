"""The whole shared state as values that can be compared.

Each class has the list of its fields that make up its state, and the list of those that
do not: constants, and names of objects. A test holds the two together against the class,
so that a field added later cannot be forgotten here.

Generations of TLBs are given relative to that of their mm, since only comparisons of
them are ever made.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from operator import attrgetter

from .cpu import Cpu, FlushRequest
from .folio import Folio, Pin
from .locks import Lock
from .mm_types import MmStruct, VmAreaStruct
from .world import World

STATE: dict[type, tuple[str, ...]] = {
    Folio: (
        "refcount",
        "mapcount",
        "anon",
        "anon_exclusive",
        "locked",
        "swap_cache",
        "swap_count",
        "free",
        "words",
    ),
    Pin: ("mm_name", "vpn", "pfn", "pinned", "write", "released"),
    Lock: ("writer", "readers"),
    VmAreaStruct: (
        "vm_start",
        "vm_end",
        "vm_flags",
        "anon_vma",
        "vm_lock_seq",
        "vm_refcnt",
        "shmem",
    ),
    MmStruct: (
        "mm_lock_seq",
        "write_protect_seq",
        "has_pinned",
        "tlb_flush_pending",
        "tlb_flush_batched",
        "cut",
        "visible",
        "mm_cpumask",
        "tlb_gen",
        "page_table",
        "mmap_lock",
        "ptl",
        "vmas",
    ),
    FlushRequest: ("flusher", "mm", "vpn", "new_tlb_gen", "waiting"),
    Cpu: (
        "irqs_enabled",
        "in_instruction",
        "is_lazy",
        "fatal_signal_pending",
        "hardware_events",
        "loaded_mm",
        "local_tlb_gen",
        "tlb",
        "requests",
        "changed_while_lazy",
    ),
}
"""What of each class is state, directly or through the functions below."""

CONSTANT: dict[type, tuple[str, ...]] = {
    Folio: ("pfn", "word_reads", "word_writes", "peek", "touch"),
    Pin: (),
    Lock: ("name", "touch"),
    VmAreaStruct: ("name", "peek", "touch", "vm_mm"),
    MmStruct: (
        "name",
        "parent",
        "seq_peek",
        "seq_touch",
        "world",
        "wp_seq_peek",
        "wp_seq_touch",
    ),
    FlushRequest: (),
    Cpu: ("id", "name", "acks_read", "tlb_write", "world"),
}
"""What of each class never changes, or is the name of something."""

_folio = attrgetter(*STATE[Folio][:-1])
_pin = attrgetter(*STATE[Pin])
_vma = attrgetter(*STATE[VmAreaStruct][:-1])
_mm = attrgetter(*STATE[MmStruct][:7])
_cpu = attrgetter(*STATE[Cpu][:5])


def world_state(world: World) -> Iterator[Hashable]:
    """Give the state part by part: frames, address spaces, CPUs, the rest."""
    for folio in world.frames:
        yield (*_folio(folio), *folio.words)
    for mm in world.mms:
        yield _mm_state(mm)
    for cpu in world.cpus:
        yield _cpu_state(cpu)
    yield (
        tuple(map(_pin, world.pins)),
        tuple(world.free_frames),
        tuple(world.pcp.items()),
        tuple(world.fail_sites),
    )


def _lock_state(lock: Lock) -> tuple[bool, int]:
    return lock.writer, lock.readers


def _mm_state(mm: MmStruct) -> Hashable:
    return (
        _mm(mm),
        tuple(mm.mm_cpumask),
        tuple(mm.page_table.entries),
        _lock_state(mm.mmap_lock),
        _lock_state(mm.ptl),
        tuple([(*_vma(vma), *vma.shmem.values()) for vma in mm.vmas]),
    )


def _cpu_state(cpu: Cpu) -> Hashable:
    mm = cpu.loaded_mm
    return (
        _cpu(cpu),
        tuple(sorted(cpu.tlb.items())),
        () if mm is None else (mm.name, mm.tlb_gen - cpu.local_tlb_gen),
        tuple(map(_request_state, cpu.requests)),
        tuple(sorted(cpu.changed_while_lazy)),
    )


def _request_state(request: FlushRequest) -> Hashable:
    mm = request.mm
    behind = mm.tlb_gen - request.new_tlb_gen
    return request.flusher, mm.name, request.vpn, behind, tuple(request.waiting)
