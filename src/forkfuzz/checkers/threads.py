"""parent.lost-store, parent.stale-read: what a process may expect of its own memory.

The reference is the simplest memory there is: each word holds the last store made to
it through the process's addresses. It knows nothing of frames; page tables are looked
at only to tell a store that went into a page just thrown away from one that did not.

Where another process's newer store is found, that is a leak, which others judge. It is a
loss too if the process itself has stored to the word since the fork that made it.
"""

from __future__ import annotations

from collections.abc import Hashable

from forkfuzz.engine import Machine
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import Pin
from forkfuzz.mm.locks import Lock
from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.mm.world import World

from .checker import GUARD_VALUE
from .entries import Entries
from .moving import MovingChecker
from .violation import Severity, StoreRef

Word = tuple[str, int, int]
"""(name of the mm, vpn, index)."""


class OwnStoresChecker(MovingChecker):
    """Keeps the reference memory of each process (I9, I10)."""

    def start(self, world: World, machine: Machine) -> None:
        """Take over what memory holds before the first step."""
        super().start(world, machine)
        self._last: dict[Word, int] = {}
        self._order: dict[int, tuple[int, int]] = {}
        self._writers: dict[int, str] = {}
        self._own: dict[tuple[int, int, int], int] = {}
        self._sequence: dict[tuple[int, int], list[int]] = {}
        self._late: dict[str, MmStruct] = {}
        self._count = 0
        self._by_device: list[int] = []
        self._entries = Entries(world.mms)
        for mm in world.mms:
            self._adopt(mm)

    def _adopt(self, mm: MmStruct) -> None:
        for vpn, words in enumerate(self.world.words):
            if not self.is_shared(vpn):
                for index in range(words):
                    self._last[mm.name, vpn, index] = self.word(mm, vpn, index)

    def state(self) -> Hashable:
        """Return the reference memory, and each word's stores in their order."""
        return (
            tuple(self._last.items()),
            tuple(sorted(self._own.items())),
            tuple(sorted((w, tuple(s)) for w, s in self._sequence.items())),
            tuple(sorted(self._writers.items())),
            tuple(sorted(self._by_device)),
            self._entries.state(),
        )

    def fork_cut(self, oldmm: MmStruct, mm: MmStruct) -> None:
        """The child's memory starts as what it has; whether rightly, others judge."""
        self._late[mm.name] = mm
        self._adopt_late()

    def released(self, cpu: Cpu, lock: Lock) -> None:
        """Take over what could not be taken over at the cut."""
        if self._late:
            self._adopt_late()

    def _adopt_late(self) -> None:
        """Take over the memory of children whose pages no kernel thread is moving."""
        for name, mm in list(self._late.items()):
            if not self.is_moving(mm):
                del self._late[name]
                self._adopt(mm)

    def stored(
        self, cpu: Cpu, mm: MmStruct, vpn: int, index: int, pfn: int, store: int
    ) -> None:
        """Note the newest store to a word."""
        self._note(mm.name, vpn, index, store)
        if (mm.name, vpn, index) in self._last and not self._doomed(mm, vpn, pfn):
            self._last[mm.name, vpn, index] = store
            self._own[cpu.id, vpn, index] = store

    def _note(self, name: str, vpn: int, index: int, store: int) -> None:
        self._count += 1
        self._order[store] = (self._count, self.machine.steps)
        self._writers[store] = name
        self._sequence.setdefault((vpn, index), []).append(store)

    def _doomed(self, mm: MmStruct, vpn: int, pfn: int) -> bool:
        """Return whether the frame was just thrown away, its flush still pending."""
        where = (mm.name, vpn)
        return (
            bool(mm.tlb_flush_pending)
            and not self._entries.leads_to(where, pfn)
            and self._entries.threw_away(where, pfn)
        )

    def device_stored(self, pin: Pin, index: int, store: int) -> None:
        """Note a store through a pin; its owner must see it."""
        self._note(pin.mm_name, pin.vpn, index, store)
        word = (pin.mm_name, pin.vpn, index)
        if pin.pinned and word in self._last and self._attached(pin):
            self._last[word] = store
            self._by_device.append(store)

    def _attached(self, pin: Pin) -> bool:
        """Return whether the owner's page tables still lead to the pinned frame."""
        return self._entries.leads_to((pin.mm_name, pin.vpn), pin.pfn)

    def pte_set(self, mm: MmStruct, vpn: int, old: int, new: int) -> None:
        """Follow the page tables."""
        self._entries.set(mm, vpn, new)

    def zapped(self, mm: MmStruct, vpn: int) -> None:
        """The owner threw the page away: it reads as zero, or as a guard region."""
        self._entries.zapped(mm, vpn)
        for index in range(self.world.words[vpn]):
            if (mm.name, vpn, index) in self._last:
                self._last[mm.name, vpn, index] = self.word(mm, vpn, index)
            for cpu in self.world.cpus:
                if cpu.loaded_mm is mm:
                    self._own.pop((cpu.id, vpn, index), None)

    def collapse_copied(self, mm: MmStruct, vpn: int) -> None:
        """Follow a page that has made way for a copy."""
        self._entries.copied(mm, vpn)

    def loaded(
        self, cpu: Cpu, mm: MmStruct, vpn: int, index: int, pfn: int, store: int
    ) -> None:
        """Check that a thread reads its own last store, or a newer one."""
        own = self._own.get((cpu.id, vpn, index))
        if own is None or own == store:
            return
        if self._is_newer(own, store):
            ref = self._ref(own, vpn, index)
            message = f"{ref.task} reads {ref.place} = {self.value(store)} after {ref}"
            self.report("parent.stale-read", Severity.PROGRAM, message, pair=(ref,))

    def finish(self) -> None:
        """Compare memory with the reference, now that nothing is under way."""
        gone = [mm.name for mm in self.world.mms if not mm.vmas]
        for (name, vpn, index), store in self._last.items():
            if name in gone or store == GUARD_VALUE or store in self._by_device:
                continue
            mm = self.find_mm(name)
            found = self.word(mm, vpn, index)
            if found in (store, GUARD_VALUE) or self._is_leak(name, store, found):
                continue
            ref = self._ref(store, vpn, index)
            message = f"{ref} is lost in {name}; memory holds {self.value(found)}"
            self.report("parent.lost-store", Severity.PROGRAM, message, pair=(ref,))

    def _is_leak(self, name: str, store: int, found: int) -> bool:
        """Return whether another process has stored where this one never did."""
        newer = self._is_newer(found, store)
        return newer and name not in (self._writers.get(store), self._writers[found])

    def _is_newer(self, one: int, other: int) -> bool:
        """Return whether one store came after another; what was there first is oldest."""
        return self._order.get(one, (0, 0))[0] > self._order.get(other, (0, 0))[0]

    def _ref(self, store: int, vpn: int, index: int) -> StoreRef:
        task, value = self.world.stores[store]
        step = self._order.get(store, (0, 0))[1]
        return StoreRef(task, self.place(vpn, index), value, step)
