"""snapshot.torn and snapshot.stale: the child has the parent's memory at the cut.

At the cut, every word that the child inherits is compared through both page tables.
A page that a device, or the kernel, wrote through a page reference while fork ran is
exempt as far as those writes go: the child may lack them, but no CPU store.
"""

from __future__ import annotations

from collections.abc import Hashable

from forkfuzz.engine import Machine
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import Folio, Pin
from forkfuzz.mm.locks import Lock
from forkfuzz.mm.mm_types import VM_DONTCOPY, VM_SHARED, VM_WIPEONFORK, MmStruct
from forkfuzz.mm.pgtable import NONE, PFN_SHIFT, PTE_HAS_FRAME
from forkfuzz.mm.world import World

from .causality import Causality
from .checker import GUARD_VALUE
from .history import Entry, Location, ParentHistory, Write
from .judgement import ForkRecord, Judgement
from .moving import MovingChecker


class SnapshotChecker(MovingChecker):
    """Compares parent and child at the cut (C1, C1x)."""

    def __init__(self) -> None:
        super().__init__()
        self._logs: dict[str, ParentHistory] = {}
        self._entries: dict[str, list[int]] = {}
        self._forks: dict[str, ForkRecord] = {}
        self._begun = 0
        self._causality = Causality()

    def start(self, world: World, machine: Machine) -> None:
        """Remember what memory holds before the first step."""
        super().start(world, machine)
        for mm in world.mms:
            self._open_log(mm)

    def state(self) -> Hashable:
        """Return the forks under way, and what each parent's memory went through.

        That is of no account once no fork is to come; a judgement compares positions
        in the log with each other only.
        """
        if not self._matters():
            return ()
        forks = tuple(self._forks.items())
        return (
            tuple((name, self._fork_state(fork)) for name, fork in forks),
            tuple((name, log.digest()) for name, log in self._logs.items()),
            self._causality.state(),
        )

    def moments(self) -> int:
        """Return a number that grows whenever something happens whose time matters."""
        if not self._matters():
            return -1
        changes = [log.moments() for log in self._logs.values()]
        return sum(changes) + 2 * self._begun - len(self._forks)

    def _matters(self) -> bool:
        """Return whether a comparison is still to come."""
        return bool(self._forks) or self._more_forks()

    def _more_forks(self) -> bool:
        return self.world.forks is None or self._begun < self.world.forks

    def _fork_state(self, fork: ForkRecord) -> Hashable:
        log = self._logs[fork.parent]
        return (
            log.digest_length(fork.since),
            log.digest_length(fork.position),
            tuple(sorted(set(fork.exempt))),
            tuple(fork.expected.items()),
            tuple(sorted(fork.points.items())),
            tuple(sorted(fork.overwritten)),
        )

    def _open_log(self, mm: MmStruct) -> None:
        entries = [self.meaning(v, e) for v, e in enumerate(mm.page_table.entries)]
        self._entries[mm.name] = entries
        self._logs[mm.name] = ParentHistory(self.world, entries, GUARD_VALUE)

    def _log_write(self, pfn: int, index: int, store: int) -> None:
        task = self.machine.current
        write = Write(self.machine.steps, task.name if task else "", pfn, index, store)
        for log in self._logs.values():
            log.events.append(write)

    def stored(
        self, cpu: Cpu, mm: MmStruct, vpn: int, index: int, pfn: int, store: int
    ) -> None:
        """Log a CPU store."""
        self._note_own_change(mm.name, (vpn, index))
        self._causality.stored(cpu.id, store)
        self._log_write(pfn, index, store)

    def loaded(
        self, cpu: Cpu, mm: MmStruct, vpn: int, index: int, pfn: int, store: int
    ) -> None:
        """Note what a load tells its thread about the order of stores."""
        self._causality.loaded(cpu.id, store)

    def posted(self, cpu: Cpu | None, semaphore: str) -> None:
        """Note what a post tells whoever waits for it."""
        self._causality.posted(self._thread(cpu), semaphore)

    def awaited(self, cpu: Cpu | None, semaphore: str) -> None:
        """Note what a thread knows that has waited."""
        self._causality.awaited(self._thread(cpu), semaphore)

    def _thread(self, cpu: Cpu | None) -> int:
        """Return the number of a thread: of its CPU, or a negative one of a device."""
        if cpu is not None:
            return cpu.id
        task = self.machine.current
        assert task is not None  # posts and waits are steps
        return ~task.index

    def device_stored(self, pin: Pin, index: int, store: int) -> None:
        """Log a device's store; exempt its page from forks of who has that page.

        Who took the reference does not matter, nor does a page that it was taken on
        and that is no longer there.
        """
        self._note_own_change(pin.mm_name, (pin.vpn, index))
        self._log_write(pin.pfn, index, store)
        for fork in self._forks.values():
            pte = self._entries[fork.parent][pin.vpn]
            if pte & PTE_HAS_FRAME and pte >> PFN_SHIFT == pin.pfn:
                fork.exempt.append(pin.vpn)

    def _note_own_change(self, mm_name: str, location: Location) -> None:
        """Remember what a child does to its memory before it could be compared."""
        if mm_name in self._forks:
            self._forks[mm_name].overwritten.add(location)

    def word_copied(self, source: Folio, target: Folio, index: int, store: int) -> None:
        """Log a word that the kernel copied."""
        self._log_write(target.pfn, index, store)

    def allocated(self, folio: Folio) -> None:
        """Log that the frame was cleared, if anything was in it."""
        for index in range(len(folio.words)):
            self._log_write(folio.pfn, index, 0)

    def pte_set(self, mm: MmStruct, vpn: int, old: int, new: int) -> None:
        """Log a page-table change; remember what gave a child its page.

        An entry that is only cleared is about to be set again, by a fault that holds
        the page-table lock; until then the page is what it was.
        """
        if new != NONE:
            self._log_entry(mm, vpn, new)
        fork = self._forks.get(mm.name)
        task = self.machine.current
        if fork is not None and task is not None:
            fork.points[vpn] = task.label

    def zapped(self, mm: MmStruct, vpn: int) -> None:
        """Log that an entry was cleared for good."""
        self._log_entry(mm, vpn, mm.page_table.entries[vpn])
        for index in range(self.world.words[vpn]):
            self._note_own_change(mm.name, (vpn, index))

    def _log_entry(self, mm: MmStruct, vpn: int, pte: int) -> None:
        log = self._logs.get(mm.name)
        if log is not None:
            task, means = self.machine.current, self.meaning(vpn, pte)
            name = task.name if task else ""
            log.events.append(Entry(self.machine.steps, name, vpn, means))
            self._entries[mm.name][vpn] = means

    def fork_called(self, oldmm: MmStruct, mm: MmStruct) -> None:
        """Remember from when on the child may take its memory."""
        if oldmm.name not in self._logs:  # a child itself, not compared so far
            self._open_log(oldmm)
        self._begun += 1
        position = len(self._logs[oldmm.name].events)
        self._forks[mm.name] = ForkRecord(oldmm.name, position)

    def fork_failed(self, oldmm: MmStruct, mm: MmStruct) -> None:
        """Forget a fork that gave up."""
        self._forks.pop(mm.name, None)

    def fork_cut(self, oldmm: MmStruct, mm: MmStruct) -> None:
        """Compare, unless a kernel thread is just moving the child's pages."""
        fork = self._forks[mm.name]
        fork.position = len(self._logs[oldmm.name].events)
        entries = self._entries[oldmm.name]
        fork.expected = {
            location: self.word_behind(entries[location[0]], location[1])
            for location in self._inherited(oldmm)
        }
        if not self.is_moving(mm):
            self._compare(oldmm, mm)

    def released(self, cpu: Cpu, lock: Lock) -> None:
        """Compare what could not be compared at the cut."""
        if not self._forks:
            return
        for mm in self.world.mms:
            if lock is mm.ptl and mm.name in self._forks and mm.parent is not None:
                ready = mm.cut and not self.is_moving(mm)
                if self._forks[mm.name].position and ready:
                    self._compare(mm.parent, mm)
                return

    def _inherited(self, oldmm: MmStruct) -> list[Location]:
        """Return the words that fork must hand on."""
        skipped = VM_SHARED | VM_DONTCOPY | VM_WIPEONFORK
        return [
            (vpn, index)
            for vma in oldmm.vmas
            if not vma.vm_flags & skipped
            for vpn in range(vma.vm_start, vma.vm_end)
            for index in range(self.world.words[vpn])
        ]

    def _compare(self, oldmm: MmStruct, mm: MmStruct) -> None:
        fork = self._forks.pop(mm.name)
        child = {
            location: expected
            if location in fork.overwritten
            else self.word(mm, *location)
            for location, expected in fork.expected.items()
        }
        if child != fork.expected:
            log = self._logs[oldmm.name]
            Judgement(self, self._causality, log, fork, child).report()
        if mm.name not in self._logs and self._more_forks():
            self._open_log(mm)
