"""file.written: what a process does to a private mapping of a file stays with it."""

from __future__ import annotations

from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import Pin
from forkfuzz.mm.mm_types import MmStruct

from .checker import Checker
from .violation import Severity, StoreRef


class FileChecker(Checker):
    """Looks for stores in frames of the page cache.

    Nobody may write to those here: every mapping of a file is private. By which way a
    store got there, a translation or a page reference, does not matter.
    """

    def stored(
        self, cpu: Cpu, mm: MmStruct, vpn: int, index: int, pfn: int, store: int
    ) -> None:
        """Look at where a CPU store went."""
        self._check(vpn, index, pfn, store)

    def device_stored(self, pin: Pin, index: int, store: int) -> None:
        """Look at where a store through a page reference went."""
        self._check(pin.vpn, index, pin.pfn, store)

    def _check(self, vpn: int, index: int, pfn: int, store: int) -> None:
        if pfn not in self.files.values():
            return
        task, value = self.world.stores[store]
        ref = StoreRef(task, self.place(vpn, index), value, self.machine.steps)
        message = f"{ref} is in frame {pfn}, which is the page cache's"
        self.report("file.written", Severity.PROGRAM, message, pair=(ref,))
