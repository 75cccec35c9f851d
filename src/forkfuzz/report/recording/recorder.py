"""Listens to a run and writes down what every step did."""

from __future__ import annotations

import attrs

from forkfuzz.engine import Task
from forkfuzz.mm.cpu import Cpu, FlushRequest
from forkfuzz.mm.folio import Folio, Pin
from forkfuzz.mm.locks import Lock
from forkfuzz.mm.mm_types import MmStruct, VmAreaStruct
from forkfuzz.mm.pgtable import (
    PAGE_ACCESSED,
    PAGE_DIRTY,
    PAGE_PRESENT,
    PAGE_PROTNONE,
    PAGE_RW,
    PAGE_SAVED_DIRTY,
    PAGE_SPECIAL,
    PFN_SHIFT,
    PTE_MARKER_GUARD,
    PTE_SWAP,
    PTE_SWP_EXCLUSIVE,
    pte_present,
)
from forkfuzz.mm.watch import Watcher
from forkfuzz.mm.world import World
from forkfuzz.report.sanitize import brief

from .events import Event, Value

_FLAGS = (
    (PAGE_RW, "W"),
    (PAGE_DIRTY, "D"),
    (PAGE_SAVED_DIRTY, "SD"),
    (PAGE_ACCESSED, "A"),
    (PAGE_PROTNONE, "PROTNONE"),
)


def decode(pte: int) -> str:
    """Return an entry in words, such as ``frame 3 W D A``."""
    if pte & PTE_SWAP:
        exclusive = " exclusive" if pte & PTE_SWP_EXCLUSIVE else ""
        return f"swap, frame {pte >> PFN_SHIFT}{exclusive}"
    if not pte_present(pte):
        return "guard" if pte & PTE_MARKER_GUARD else "none"
    name = "zero page" if pte & PAGE_SPECIAL else f"frame {pte >> PFN_SHIFT}"
    return " ".join([name, *(flag for bit, flag in _FLAGS if pte & bit)])


@attrs.define(eq=False, slots=True)
class RawStep:
    """A step as it is being written down."""

    task: str
    kind: str
    label: str
    obj: str
    events: list[Event] = attrs.Factory(list)


class Recorder(Watcher):
    """Both an observer of the engine and a watcher of the model.

    What no hook tells, because hardware does it, is found by comparing the page
    tables and TLBs after each step with those before it.

    Attributes:
        steps: What was written down, in order.
        held: Names of the tasks that hold each lock, by its name.
    """

    _world: World

    def __init__(self) -> None:
        self.steps: list[RawStep] = []
        self.held: dict[str, list[str]] = {}
        self._tlbs: dict[str, dict[int, int]] = {}
        self._ptes: dict[str, list[int]] = {}
        self._generations: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._requests: dict[str, FlushRequest] = {}

    def begin(self, world: World) -> None:
        """Look at the run before its first step."""
        self._world = world
        self._look()

    def on_step(self, task: Task) -> None:
        """Close the step before, open the next."""
        self.close()
        step = RawStep(task.name, task.kind, task.label, task.access.obj)
        self.steps.append(step)

    def close(self) -> None:
        """Write down what the hardware did during the step that is over."""
        if self.steps:
            self._compare()
            self._look()

    def _look(self) -> None:
        self._requests = {c.name: c.requests[0] for c in self._world.cpus if c.requests}
        self._tlbs = {cpu.name: dict(cpu.tlb) for cpu in self._world.cpus}
        for mm in self._world.mms:
            self._ptes[mm.name] = list(mm.page_table.entries)
            self._generations[mm.name] = mm.tlb_gen

    def _compare(self) -> None:
        for mm in self._world.mms:
            before = self._ptes.get(mm.name, mm.page_table.entries)
            for vpn, pte in enumerate(mm.page_table.entries):
                if before[vpn] != pte:
                    self._pte("pte_updated_by_hardware", mm, vpn, before[vpn], pte)
            if mm.tlb_gen != self._generations.get(mm.name, mm.tlb_gen):
                defers = self.steps[-1].label.startswith("set_tlb_ubc_flush_pending:")
                name = "flush_deferred" if defers else "flush_begun"
                self._note(name, mm=mm.name, generation=mm.tlb_gen)
        if self.steps[-1].label == "flush_tlb_func:acknowledge":
            asked = self._requests[self.steps[-1].task.rpartition(":")[2]]
            self._note(
                "flush_acknowledged", mm=asked.mm.name, generation=asked.new_tlb_gen
            )
        for cpu in self._world.cpus:
            for vpn, entry in self._tlbs[cpu.name].items():
                if vpn not in cpu.tlb:
                    self._translation("tlb_dropped", cpu, vpn, entry)

    def _note(self, name: str, **data: Value) -> None:
        if self.steps:
            self.steps[-1].events.append(Event(name, data))

    def _page(self, vpn: int) -> str:
        if vpn not in self._names:
            self._names[vpn] = brief(self._world.pages[vpn])
        return self._names[vpn]

    def _value(self, store: int) -> int:
        return self._world.stores[store][1]

    def _pte(self, name: str, mm: MmStruct, vpn: int, old: int, new: int) -> None:
        self._note(
            name,
            mm=mm.name,
            vpn=vpn,
            page=self._page(vpn),
            old=decode(old),
            new=decode(new),
        )

    def _translation(
        self, name: str, cpu: Cpu, vpn: int, entry: int, **data: Value
    ) -> None:
        self._note(
            name,
            tlb=cpu.name,
            vpn=vpn,
            page=self._page(vpn),
            entry=decode(entry),
            **data,
        )

    # User accesses.

    def _access(
        self, name: str, mm: str, vpn: int, index: int, pfn: int, store: int
    ) -> dict[str, Value]:
        data: dict[str, Value] = {
            "mm": mm,
            "vpn": vpn,
            "page": self._page(vpn),
            "index": index,
            "pfn": pfn,
            "value": self._value(store),
        }
        self._note(name, **data)
        return data

    def stored(
        self, cpu: Cpu, mm: MmStruct, vpn: int, index: int, pfn: int, store: int
    ) -> None:
        """Note a store, and whether the page table would still have let it through."""
        data = self._access("store", mm.name, vpn, index, pfn, store)
        pte = mm.page_table.entries[vpn]
        wanted = PAGE_PRESENT | PAGE_RW
        data["stale"] = pte & wanted != wanted or pte >> PFN_SHIFT != pfn
        self.steps[-1].events[-1] = Event("store", data)

    def loaded(
        self, cpu: Cpu, mm: MmStruct, vpn: int, index: int, pfn: int, store: int
    ) -> None:
        """Note a load."""
        self._access("load", mm.name, vpn, index, pfn, store)

    def device_stored(self, pin: Pin, index: int, store: int) -> None:
        """Note a store through a page reference."""
        self._access("device_store", pin.mm_name, pin.vpn, index, pin.pfn, store)

    def device_loaded(self, pin: Pin, index: int, store: int) -> None:
        """Note a load through a page reference."""
        self._access("device_load", pin.mm_name, pin.vpn, index, pin.pfn, store)

    # Translations.

    def filled(self, cpu: Cpu, vpn: int, entry: int) -> None:
        """Note a translation that was cached, maybe long ago and found only now."""
        pte = cpu.mm.page_table.entries[vpn]
        gone = entry & PAGE_RW & ~pte or entry >> PFN_SHIFT != pte >> PFN_SHIFT
        self._translation("tlb_filled", cpu, vpn, entry, stale=bool(gone))

    def flushed(self, mm: MmStruct, vpn: int | None) -> None:
        """Note the end of a flush."""
        page = "" if vpn is None else self._page(vpn)
        self._note("flush_completed", mm=mm.name, page=page)

    def invalidated(self, mm: MmStruct, vpn: int | None) -> None:
        """Note the end of one that the program has asked for."""
        self.flushed(mm, vpn)

    # Page tables and frames.

    def pte_set(self, mm: MmStruct, vpn: int, old: int, new: int) -> None:
        """Note a change of an entry by the kernel."""
        self._pte("pte_set", mm, vpn, old, new)
        self._ptes.setdefault(mm.name, list(mm.page_table.entries))[vpn] = new

    def word_copied(self, source: Folio, target: Folio, index: int, store: int) -> None:
        """Note a word that the kernel copied."""
        self._note(
            "word_copied",
            page=self._mapped_as(source.pfn),
            index=index,
            pfn=source.pfn,
            target=target.pfn,
            value=self._value(store),
        )

    def _mapped_as(self, pfn: int) -> str:
        """Return which page a frame is or was, in the first mm that had it."""
        for entries in self._ptes.values():
            for vpn, pte in enumerate(entries):
                if pte_present(pte) and pte >> PFN_SHIFT == pfn:
                    return self._page(vpn)
        return f"frame{pfn}"

    def exclusive_changed(self, folio: Folio) -> None:
        """Note PageAnonExclusive."""
        self._note(
            "exclusive_changed",
            page=self._mapped_as(folio.pfn),
            pfn=folio.pfn,
            exclusive=folio.anon_exclusive,
        )

    def rmap_changed(self, folio: Folio) -> None:
        """Note a mapcount."""
        self._note("mapcount_changed", pfn=folio.pfn, mapcount=folio.mapcount)

    def allocated(self, folio: Folio) -> None:
        """Note a frame that was handed out."""
        self._note("page_allocated", pfn=folio.pfn)

    def freed(self, folio: Folio) -> None:
        """Note a frame that was given back."""
        self._note("page_freed", pfn=folio.pfn)

    def zapped(self, mm: MmStruct, vpn: int) -> None:
        """Note a page that its owner threw away."""
        self._note("page_zapped", mm=mm.name, vpn=vpn, page=self._page(vpn))

    # Page references.

    def _reference(self, name: str, pin: Pin) -> None:
        self._note(
            name,
            mm=pin.mm_name,
            vpn=pin.vpn,
            page=self._page(pin.vpn),
            pfn=pin.pfn,
            pin=pin.pinned,
            write=pin.write,
        )

    def pinned(self, pin: Pin) -> None:
        """Note a page reference."""
        self._reference("page_pinned", pin)

    def unpinned(self, pin: Pin) -> None:
        """Note the end of a page reference."""
        self._reference("page_unpinned", pin)

    # fork.

    def fork_called(self, oldmm: MmStruct, mm: MmStruct) -> None:
        """Note that fork has begun."""
        self._note("fork_called", mm=oldmm.name, child=mm.name)

    def fork_cut(self, oldmm: MmStruct, mm: MmStruct) -> None:
        """Note the cut."""
        self._note("fork_cut", mm=oldmm.name, child=mm.name)

    def fork_failed(self, oldmm: MmStruct, mm: MmStruct) -> None:
        """Note that fork gave up."""
        self._note("fork_failed", mm=oldmm.name, child=mm.name)

    def fork_returned(self, oldmm: MmStruct, mm: MmStruct) -> None:
        """Note that the child can run."""
        self._note("fork_returned", mm=oldmm.name, child=mm.name)

    # Locks.

    def acquiring(self, cpu: Cpu, lock: Lock, *, sleeps: bool) -> None:
        """Note who asks for a lock."""
        self._note("lock_requested", lock=lock.name, sleeps=sleeps)

    def acquired(self, cpu: Cpu, lock: Lock) -> None:
        """Note who has a lock."""
        self.held.setdefault(lock.name, []).append(self.steps[-1].task)
        self._note("lock_acquired", lock=lock.name, write=lock.writer)

    def released(self, cpu: Cpu, lock: Lock) -> None:
        """Note who has dropped a lock."""
        holders = self.held.get(lock.name, [])
        if self.steps[-1].task in holders:
            holders.remove(self.steps[-1].task)
        self._note("lock_released", lock=lock.name)

    def vma_read_locked(self, cpu: Cpu, vma: VmAreaStruct) -> None:
        """Note a reader of a VMA."""
        self._note("vma_read_locked", vma=vma.name)

    def vma_read_unlocked(self, cpu: Cpu, vma: VmAreaStruct) -> None:
        """Note that a reader of a VMA has left."""
        self._note("vma_read_unlocked", vma=vma.name)

    def vma_write_locked(self, cpu: Cpu, vma: VmAreaStruct) -> None:
        """Note the writer of a VMA."""
        self._note("vma_write_locked", vma=vma.name)

    def vma_write_unlocked(self, cpu: Cpu, mm: MmStruct) -> None:
        """Note that the VMAs of an mm have no writer any more."""
        self._note("vma_write_unlocked", mm=mm.name)
