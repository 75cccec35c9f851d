"""The whole state before each step, cell by cell, for a page to show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from forkfuzz.engine import Machine, Task
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import Folio
from forkfuzz.mm.locks import Lock
from forkfuzz.mm.mm_types import (
    VM_REFCNT_EXCLUDE_READERS_FLAG,
    MmStruct,
    VmAreaStruct,
)
from forkfuzz.mm.watch import Watcher
from forkfuzz.mm.world import World
from forkfuzz.report.sanitize import printable

from .recorder import decode

Cells = dict[str, str]
"""What each cell shows. Its key is ``GROUP/ROW/COLUMN``, each part printable."""


@attrs.frozen(slots=True)
class Moment:
    """What has changed since the moment before; all cells, for the first one.

    Attributes:
        cells: New values; empty for a cell that is gone.
    """

    cells: Cells


class Camera(Watcher):
    """Takes a picture before each step; whoever owns it takes the last one.

    Args:
        since: Steps of which no moment is kept.

    Attributes:
        moments: The state before the first step, unless it is not kept; then what
            each step has changed.
    """

    _world: World
    _machine: Machine

    def __init__(self, since: int = 0) -> None:
        self.moments: list[Moment] = []
        self._since = since
        self._last: Cells = {}
        self._holders: dict[str, list[str]] = {}

    def begin(self, world: World, machine: Machine) -> None:
        """Look at a run that is set up."""
        self._world, self._machine = world, machine

    def on_step(self, task: Task) -> None:
        """Take the picture before the step."""
        self.take(self._machine.steps - 1)

    def acquired(self, cpu: Cpu, lock: Lock) -> None:
        """Note who holds a lock."""
        self._holders.setdefault(lock.name, []).append(self._task())

    def released(self, cpu: Cpu, lock: Lock) -> None:
        """Note who holds it no more."""
        holders = self._holders.get(lock.name, [])
        if self._task() in holders:
            holders.remove(self._task())

    def _task(self) -> str:
        task = self._machine.current
        return task.name if task else ""

    def take(self, steps: int) -> None:
        """Keep what has changed since the last picture.

        Args:
            steps: How many steps have been taken.
        """
        if steps < self._since:
            return
        now = dict(_cells(self._world, self._machine, self._holders))
        if steps > self._since or not steps:
            self.moments.append(Moment(_changes(self._last, now)))
        self._last = now


def _changes(before: Cells, now: Cells) -> Cells:
    changed = {key: text for key, text in now.items() if before.get(key) != text}
    changed.update((key, "") for key in before if key not in now)
    return changed


Holders = Mapping[str, Sequence[str]]
"""Names of the tasks that hold a lock, by its name."""


def _cells(
    world: World, machine: Machine, holders: Holders
) -> Iterator[tuple[str, str]]:
    for task in machine.tasks:
        if task.kind not in ("hardware", "irq") and not task.daemon:
            where = "done" if task.done else task.label
            yield _key("Tasks", task.name, "next step"), printable(where)
    for vpn, page in enumerate(world.pages):
        for mm in world.mms:
            entry = mm.page_table.entries[vpn]
            yield _key("Page tables", page, mm.name), decode(entry)
        for cpu in world.cpus:
            if vpn in cpu.tlb:
                yield _key("TLBs", page, cpu.name), decode(cpu.tlb[vpn])
    for folio in world.frames[1:]:
        if not folio.free:
            yield from _frame(world, folio)
    yield from _locks(world, machine, holders)


def _frame(world: World, folio: Folio) -> Iterator[tuple[str, str]]:
    row = f"frame {folio.pfn}"
    values = [str(world.stores[store][1]) for store in folio.words]
    yield _key("Frames", row, "words"), " ".join(values)
    yield _key("Frames", row, "refcount"), str(folio.refcount)
    yield _key("Frames", row, "mapcount"), str(folio.mapcount)
    yield _key("Frames", row, "exclusive"), "yes" if folio.anon_exclusive else "no"


def _locks(
    world: World, machine: Machine, holders: Holders
) -> Iterator[tuple[str, str]]:
    waiting = [task for task in machine.tasks if _waits(task)]
    for mm in world.mms:
        for lock in (mm.mmap_lock, mm.ptl):
            held = [*holders.get(lock.name, [])]
            kind = " (write)" if lock.writer and held else ""
            yield _key("Locks", lock.name, "held by"), ", ".join(held) + kind or "-"
            waiters = [task.name for task in waiting if task.access.obj == lock.name]
            yield _key("Locks", lock.name, "waited for by"), ", ".join(waiters) or "-"
        for vma in mm.vmas:
            yield _key("Locks", vma.name, "held by"), _vma_state(vma, mm)


def _waits(task: Task) -> bool:
    return not task.done and task.when is not None and not task.when()


def _vma_state(vma: VmAreaStruct, mm: MmStruct) -> str:
    readers = (vma.vm_refcnt & ~VM_REFCNT_EXCLUDE_READERS_FLAG) - 1
    parts = ["write-locked"] if vma.vm_lock_seq == mm.mm_lock_seq else []
    parts += [f"{readers} readers"] if readers > 0 else []
    return ", ".join(parts) or "-"


def _key(*parts: str) -> str:
    return "/".join(printable(part).replace("/", "_") for part in parts)
