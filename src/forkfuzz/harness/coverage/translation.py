"""Feedback ``translation-from``: through which translation each access goes.

A CPU uses a translation that some step has put into its TLB, and that step took it from
an entry which another step has put into the page table; by the time of the access the
entry may be another one. These three steps, told by their labels, are marked.
"""

from __future__ import annotations

from mmap import mmap

from forkfuzz.engine import Machine
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.mm.watch import Watcher
from forkfuzz.mm.world import World

from .marks import Marks, number


class TranslationFrom(Watcher):
    """Marks translations by the steps that made them, filled them and changed them."""

    def __init__(self, buffer: bytearray | mmap) -> None:
        self._mark = Marks(buffer, "translation-from").mark
        self._entries: dict[tuple[str, int], int] = {}
        self._filled: dict[tuple[int, int], tuple[int, int]] = {}

    def start(self, world: World, machine: Machine) -> None:
        """Look at the run before its first step."""
        self._machine = machine

    def pte_set(self, mm: MmStruct, vpn: int, old: int, new: int) -> None:
        """Note which step put the entry there."""
        self._entries[mm.name, vpn] = self._step()

    def filled(self, cpu: Cpu, vpn: int, entry: int) -> None:
        """Note which step filled the TLB, from whose entry."""
        origin = self._entries.get((cpu.mm.name, vpn), 0)
        self._filled[cpu.id, vpn] = (self._step(), origin)

    def stored(
        self, cpu: Cpu, mm: MmStruct, vpn: int, index: int, pfn: int, store: int
    ) -> None:
        """Mark the translation that a store used."""
        self._used(1, cpu, mm, vpn)

    def loaded(
        self, cpu: Cpu, mm: MmStruct, vpn: int, index: int, pfn: int, store: int
    ) -> None:
        """Mark the translation that a load used."""
        self._used(2, cpu, mm, vpn)

    def _used(self, how: int, cpu: Cpu, mm: MmStruct, vpn: int) -> None:
        fill, origin = self._filled.get((cpu.id, vpn), (0, 0))
        now = self._entries.get((mm.name, vpn), 0)
        self._mark(how, (fill * 31 + origin) * 31 + now)

    def _step(self) -> int:
        task = self._machine.current
        return number(task.label) if task else 0
