"""The whole state before each step, cell by cell, for a page to show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from forkfuzz.engine import Decision, Machine, Task
from forkfuzz.harness.run import Run
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
from forkfuzz.rules import Rules
from forkfuzz.scenarios.program import Program
from forkfuzz.strategies import Replay

from .recorder import decode
from .sanitize import printable

Cells = dict[str, str]
"""What each cell shows. Its key is ``GROUP/ROW/COLUMN``, each part printable."""


@attrs.frozen(slots=True)
class Moment:
    """What has changed since the moment before; all cells, for the first one.

    Attributes:
        cells: New values; empty for a cell that is gone.
    """

    cells: Cells


def moments(
    program: Program, rules: Rules, decisions: Sequence[Decision]
) -> list[Moment]:
    """Return the state before the first step, and after each step what has changed.

    Raises:
        ReplayError: The model does not offer what a decision asks for.
    """
    strategy = Replay(decisions)
    strategy.begin()
    camera = _Camera()
    run = Run(program, rules, strategy, watchers=[camera], observers=[camera])
    camera.world, camera.machine = run.world, run.machine
    run.execute()
    camera.take()
    return camera.moments


class _Camera(Watcher):
    """Takes a picture before each step, and one at the end."""

    world: World
    machine: Machine

    def __init__(self) -> None:
        self.moments: list[Moment] = []
        self._last: Cells = {}
        self._holders: dict[str, list[str]] = {}

    def on_step(self, task: Task) -> None:
        self.take()

    def acquired(self, cpu: Cpu, lock: Lock) -> None:
        """Note who holds a lock."""
        self._holders.setdefault(lock.name, []).append(self._task())

    def released(self, cpu: Cpu, lock: Lock) -> None:
        """Note who holds it no more."""
        holders = self._holders.get(lock.name, [])
        if self._task() in holders:
            holders.remove(self._task())

    def _task(self) -> str:
        task = self.machine.current
        return task.name if task else ""

    def take(self) -> None:
        """Keep what has changed since the last picture."""
        now = dict(_cells(self.world, self.machine, self._holders))
        changed = {
            key: text for key, text in now.items() if self._last.get(key) != text
        }
        changed.update((key, "") for key in self._last if key not in now)
        self.moments.append(Moment(changed))
        self._last = now


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
