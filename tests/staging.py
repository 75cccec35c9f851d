"""Shows one checker a history made by hand, without any kernel model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from forkfuzz.checkers import Checker
from forkfuzz.engine import Machine, Task
from forkfuzz.harness.setup import build_world
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import Folio, Pin
from forkfuzz.mm.mm_types import MmStruct, VmAreaStruct
from forkfuzz.mm.pgtable import PAGE_DIRTY, PAGE_RW, Pte, mk_pte
from forkfuzz.rules import Rules
from forkfuzz.scenarios.program import PageSpec, Program, Thread

C = TypeVar("C", bound=Checker)
RW = PAGE_RW | PAGE_DIRTY
RO = 0


class _Nobody:
    """A strategy that is never asked."""

    def begin(self) -> None:
        """Start a run."""

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Never be asked."""
        raise AssertionError

    def next_value(self, label: str, options: int) -> int:
        """Never be asked."""
        raise AssertionError


async def _nothing() -> None:
    """Do nothing."""


class Stage(Generic[C]):
    """A world with a parent, its CPUs, and one checker that watches.

    Args:
        kind: The checker.
        pages: Pages; a name alone stands for a page of two words.
        cpus: How many CPUs run threads of the parent.
    """

    def __init__(
        self, kind: type[C], pages: Sequence[PageSpec | str] = ("A",), cpus: int = 2
    ) -> None:
        specs = [PageSpec(p, words=2) if isinstance(p, str) else p for p in pages]
        threads = tuple(Thread(f"T{n}", ()) for n in range(cpus))
        self.world = build_world(Program("staged", tuple(specs), threads), Rules())
        self.machine = Machine(_Nobody())
        self.checker = kind()
        self.checker.start(self.world, self.machine)
        self.parent = self.world.mms[0]
        self._tasks = {
            name: self.machine.spawn(name, _nothing)
            for name in (*(thread.name for thread in threads), "dev")
        }
        self._stores = 0

    def props(self) -> list[str]:
        """Return the names of the properties reported so far."""
        return [violation.prop for violation in self.checker.violations]

    def cpu(self, number: int = 0) -> Cpu:
        """Return a CPU."""
        return self.world.cpus[number]

    def vpn(self, page: str) -> int:
        """Return the number of a page."""
        return self.world.pages.index(page)

    def folio(self, page: str = "A", mm: MmStruct | None = None) -> Folio:
        """Return the page behind an entry."""
        entries = (mm or self.parent).page_table.entries
        return self.world.frames[entries[self.vpn(page)] >> 12]

    def step(self) -> None:
        """Let time pass."""
        self.machine.steps += 1

    # What a kernel would do.

    def fork(self) -> MmStruct:
        """Begin a fork: a child without any memory."""
        number = len(self.world.mms)
        child = MmStruct(f"child{number}", self.world, self.parent)
        self.world.mms.append(child)
        for vma in self.parent.vmas:
            child.vmas.append(
                VmAreaStruct(child, vma.vm_start, vma.vm_end, vma.vm_flags)
            )
        self.step()
        self.checker.fork_called(self.parent, child)
        return child

    def share(self, child: MmStruct, page: str = "A") -> None:
        """Give the child the parent's frame, both read-only."""
        folio = self.folio(page)
        folio.refcount += 1
        folio.mapcount += 1
        folio.anon_exclusive = False
        self.set(self.parent, page, folio, RO)
        self.set(child, page, folio, RO)

    def copy(self, child: MmStruct, page: str = "A") -> Folio:
        """Give the child a copy of the parent's page as it is now."""
        source, new = self.folio(page), self.alloc()
        for index, store in enumerate(source.words):
            new.words[index] = store
            self.checker.word_copied(source, new, index, store)
        new.mapcount = 1
        new.anon_exclusive = True
        self.set(child, page, new, RW)
        return new

    def unlock(self) -> None:
        """Drop the VMA locks of the parent."""
        self.step()
        self.checker.vma_write_unlocked(self.cpu(), self.parent)

    def cut(self, child: MmStruct) -> None:
        """Make the cut."""
        self.step()
        child.cut = True
        self.checker.fork_cut(self.parent, child)

    def alloc(self) -> Folio:
        """Hand out a frame."""
        folio = self.world.alloc_folio(anon=True)
        self.checker.allocated(folio)
        return folio

    def free(self, folio: Folio) -> None:
        """Give a frame back, however many references it has."""
        self.world.put_refs(folio, folio.refcount)
        self.checker.freed(folio)

    def set(self, mm: MmStruct, page: str, folio: Folio | None, bits: int) -> None:
        """Store an entry; None clears it."""
        vpn = self.vpn(page)
        new = Pte(0) if folio is None else mk_pte(folio.pfn, bits)
        old = mm.page_table.entries[vpn]
        mm.page_table.entries[vpn] = new
        self.step()
        self.checker.pte_set(mm, vpn, old, new)

    def zap(self, mm: MmStruct, page: str = "A") -> None:
        """Throw a page away."""
        self.set(mm, page, None, 0)
        self.checker.zapped(mm, self.vpn(page))

    def fill(self, page: str = "A", *, cpu: int = 0) -> None:
        """Let a CPU cache the entry that there is."""
        vpn = self.vpn(page)
        entry = self.cpu(cpu).mm.page_table.entries[vpn]
        self.cpu(cpu).tlb[vpn] = entry
        self.checker.filled(self.cpu(cpu), vpn, entry)

    def store(
        self,
        value: int,
        page: str = "A",
        *,
        index: int = 0,
        cpu: int = 0,
        folio: Folio | None = None,
    ) -> int:
        """Store through a CPU, by default to the frame that its mm maps."""
        target = folio or self.folio(page, self.cpu(cpu).mm)
        store = self._new_store(f"T{cpu}", value)
        target.words[index] = store
        where = (self.vpn(page), index, target.pfn, store)
        self.checker.stored(self.cpu(cpu), self.cpu(cpu).mm, *where)
        return store

    def load(
        self,
        page: str = "A",
        *,
        index: int = 0,
        cpu: int = 0,
        folio: Folio | None = None,
    ) -> None:
        """Load through a CPU, by default from the frame that its mm maps."""
        source = folio or self.folio(page, self.cpu(cpu).mm)
        self.step()
        where = (self.vpn(page), index, source.pfn, source.words[index])
        self.checker.loaded(self.cpu(cpu), self.cpu(cpu).mm, *where)

    def hand_over(self, sender: int, receiver: int, semaphore: str = "s") -> None:
        """Let one CPU post, and another go on that has waited for it."""
        self.step()
        self.checker.posted(self.cpu(sender), semaphore)
        self.step()
        self.checker.awaited(self.cpu(receiver), semaphore)

    def pin(
        self, page: str = "A", *, pinned: bool = True, mm: MmStruct | None = None
    ) -> Pin:
        """Take a page reference."""
        owner = mm or self.parent
        folio = self.folio(page, owner)
        folio.refcount += 1024 if pinned else 1
        pin = Pin(owner.name, self.vpn(page), folio.pfn, pinned, write=True)
        self.world.pins.append(pin)
        self.step()
        self.checker.pinned(pin)
        return pin

    def dma(self, pin: Pin, value: int, *, index: int = 0) -> None:
        """Store through a page reference."""
        store = self._new_store("dev", value)
        self.world.frames[pin.pfn].words[index] = store
        self.checker.device_stored(pin, index, store)

    def _new_store(self, task: str, value: int) -> int:
        self._stores += 1
        self.world.stores[self._stores] = (task, value)
        self.step()
        self.machine.current = self._tasks[task]
        return self._stores

    def run_child(self, child: MmStruct, cpu: int = 1) -> None:
        """Let a CPU run a thread of the child."""
        self.cpu(cpu).loaded_mm = child
        self.cpu(cpu).tlb.clear()
