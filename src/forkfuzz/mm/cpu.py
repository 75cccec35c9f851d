"""A CPU as memory management sees it: its TLB, its interrupts, the mm it has loaded.

Source: arch/x86/include/asm/tlbflush.h (struct tlb_state, tlb_state_shared).
Left out: ASIDs (loading another mm drops every entry), paging-structure caches, store
buffers.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs

from forkfuzz.engine import Access, reads, writes

if TYPE_CHECKING:
    from .mm_types import MmStruct
    from .world import World


@attrs.define(eq=False, slots=True)
class FlushRequest:
    """One shootdown: what to drop, and who has not acknowledged yet.

    Attributes:
        flusher: Id of the CPU that waits for the acknowledgements.
        mm: Whose translations.
        vpn: The page, or None for all.
        new_tlb_gen: Generation that the flush brings a CPU up to.
        waiting: Ids of the CPUs that have not acknowledged.
    """

    flusher: int
    mm: MmStruct
    vpn: int | None
    new_tlb_gen: int
    waiting: list[int] = attrs.Factory(list)


class Cpu:
    """One CPU and the thread that runs on it.

    Attributes:
        id: Number, from 0.
        tlb: Cached translations, by vpn, in the form of a page-table entry.
        loaded_mm: The mm whose page tables the hardware walks, or None.
        local_tlb_gen: Generation of ``loaded_mm`` that the TLB is known to reflect.
        changed_while_lazy: With ``World.lazy_tlb``, pages whose entry has changed since
            the CPU went idle.
        is_lazy: Idle with ``loaded_mm`` still loaded; no user access happens.
        irqs_enabled: Whether an interrupt can be taken between instructions.
        in_instruction: Whether a user access is between its translation and its
            effect; no interrupt is taken there.
        fatal_signal_pending: Whether killable waits give up.
        requests: Shootdowns sent to this CPU and not acknowledged.
        hardware_events: How many spontaneous fills and evictions may still happen.
    """

    __slots__ = (
        "acks_read",
        "changed_while_lazy",
        "fatal_signal_pending",
        "hardware_events",
        "id",
        "in_instruction",
        "irqs_enabled",
        "is_lazy",
        "loaded_mm",
        "local_tlb_gen",
        "name",
        "requests",
        "tlb",
        "tlb_write",
        "world",
    )

    def __init__(self, number: int, world: World, hardware_events: int) -> None:
        self.id = number
        self.name = f"cpu{number}"
        self.world = world
        self.tlb: dict[int, int] = {}
        self.loaded_mm: MmStruct | None = None
        self.local_tlb_gen = 0
        self.is_lazy = False
        self.changed_while_lazy: list[int] = []
        self.irqs_enabled = True
        self.in_instruction = False
        self.fatal_signal_pending = False
        self.requests: list[FlushRequest] = []
        self.hardware_events = hardware_events
        self.tlb_write: Access = _tlb_access(number)
        self.acks_read: Access = _acks_access(number)

    def interrupt_pending(self) -> bool:
        """Return whether this CPU would take a shootdown interrupt now."""
        return bool(self.requests) and self.irqs_enabled and not self.in_instruction

    def may_speculate(self) -> bool:
        """Return whether the TLB may still be filled or evicted by itself."""
        return self.hardware_events > 0 and self.loaded_mm is not None

    @property
    def mm(self) -> MmStruct:
        """Return the mm of the thread that runs here."""
        assert self.loaded_mm is not None  # a thread runs only once its mm is loaded
        return self.loaded_mm


@functools.cache
def _acks_access(number: int) -> Access:
    return reads(f"acks.cpu{number}")


@functools.cache
def _tlb_access(number: int) -> Access:
    return writes(f"tlb:cpu{number}")
