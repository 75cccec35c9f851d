"""snapshot.leak-to-child and snapshot.leak-to-parent: after the cut, two memories."""

from __future__ import annotations

from collections.abc import Hashable

from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import Pin
from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.mm.pgtable import PFN_SHIFT, PTE_HAS_FRAME

from .checker import Checker
from .violation import Severity, StoreRef


class IsolationChecker(Checker):
    """Watches for stores that reach, or are seen by, another address space (C2)."""

    def __init__(self) -> None:
        super().__init__()
        self._stores: dict[int, tuple[str, int]] = {}
        self._cuts: dict[str, int] = {}
        self._told: set[tuple[int, str]] = set()

    def state(self) -> Hashable:
        """Return who made each store, and which cuts it came before."""
        return tuple(
            sorted(
                (store, name, *(c for c, cut in self._cuts.items() if step <= cut))
                for store, (name, step) in self._stores.items()
            )
        ), (tuple(sorted(self._cuts)), tuple(sorted(self._told)))

    def fork_cut(self, oldmm: MmStruct, mm: MmStruct) -> None:
        """Remember when the two parted."""
        self._cuts[mm.name] = self.machine.steps

    def stored(
        self, cpu: Cpu, mm: MmStruct, vpn: int, index: int, pfn: int, store: int
    ) -> None:
        """Look for another address space that has the frame."""
        self._stored(mm, vpn, index, pfn, store)

    def device_stored(self, pin: Pin, index: int, store: int) -> None:
        """Look for the frame elsewhere too: it is its owner's alone."""
        self._stored(self.find_mm(pin.mm_name), pin.vpn, index, pin.pfn, store)

    def _stored(self, mm: MmStruct, vpn: int, index: int, pfn: int, store: int) -> None:
        self._stores[store] = (mm.name, self.machine.steps)
        for other in self.world.mms:
            if other is not mm and self._parted(mm, other):
                pte = other.page_table.entries[vpn]
                if pte & PTE_HAS_FRAME and pte >> PFN_SHIFT == pfn:
                    self._leak(mm, other, vpn, index, store, "mapped")
        for pin in self.world.pins:
            if pin.pfn == pfn and pin.mm_name != mm.name and not pin.released:
                self._leak(
                    mm, self.find_mm(pin.mm_name), vpn, index, store, "referenced"
                )

    def loaded(
        self, cpu: Cpu, mm: MmStruct, vpn: int, index: int, pfn: int, store: int
    ) -> None:
        """Look at whose store was read."""
        self._check_read(mm, vpn, index, store)

    def device_loaded(self, pin: Pin, index: int, store: int) -> None:
        """Look at whose store was read through a page reference."""
        self._check_read(self.find_mm(pin.mm_name), pin.vpn, index, store)

    def finish(self) -> None:
        """Look for stores that have got there unseen, and that nobody has read.

        A kernel thread may copy a page while no entry leads to it.
        """
        for mm in self.world.mms if self._cuts else ():
            for vpn, words in enumerate(self.world.words):
                for index in range(words):
                    store = self.word(mm, vpn, index)
                    writer, _ = self._stores.get(store, (mm.name, 0))
                    if writer != mm.name and (store, mm.name) not in self._told:
                        self._check_read(mm, vpn, index, store, "held", "end-of-run")

    def _check_read(
        self,
        mm: MmStruct,
        vpn: int,
        index: int,
        store: int,
        how: str = "read",
        *points: str,
    ) -> None:
        writer, step = self._stores.get(store, (mm.name, 0))
        if writer != mm.name and not self._inherited(mm, writer, step):
            self._leak(self.find_mm(writer), mm, vpn, index, store, how, *points)

    def _inherited(self, mm: MmStruct, writer: str, step: int) -> bool:
        """Return whether *mm* descends from the writer by a fork after the store."""
        heir: MmStruct | None = mm
        before = self.machine.steps + 1
        while heir is not None and heir.name != writer:
            before = min(before, self._cuts.get(heir.name, before))
            heir = heir.parent
        return heir is not None and step <= before

    def _parted(self, one: MmStruct, other: MmStruct) -> bool:
        """Return whether no fork is under way between the two."""
        return not (
            (other.parent is one and other.name not in self._cuts)
            or (one.parent is other and one.name not in self._cuts)
        )

    def _leak(
        self,
        writer: MmStruct,
        other: MmStruct,
        vpn: int,
        index: int,
        store: int,
        how: str,
        *points: str,
    ) -> None:
        if self.is_shared(vpn):
            return
        self._told.add((store, other.name))
        ancestor: MmStruct | None = writer.parent
        while ancestor is not None and ancestor is not other:
            ancestor = ancestor.parent
        side = "parent" if ancestor is other else "child"
        task, value = self.world.stores[store]
        ref = StoreRef(task, self.place(vpn, index), value, self.machine.steps)
        message = (
            f"{ref}, made in {writer.name} after the fork, is in a page {how} by "
            f"{other.name}"
        )
        self.report(
            f"snapshot.leak-to-{side}",
            Severity.PROGRAM,
            message,
            points=points,
            pair=(ref,),
        )
