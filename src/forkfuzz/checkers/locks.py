"""lock.vma-overlap, lock.order: who may hold what, with whom, in which order."""

from __future__ import annotations

from collections.abc import Hashable

from forkfuzz.engine import Machine
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.locks import Lock, SpinLock
from forkfuzz.mm.mm_types import MmStruct, VmAreaStruct
from forkfuzz.mm.world import World

from .checker import Checker
from .violation import Severity


class VmaLockChecker(Checker):
    """Counts who is inside each VMA (I12)."""

    def start(self, world: World, machine: Machine) -> None:
        """Begin with nobody inside."""
        super().start(world, machine)
        self._readers: dict[str, int] = {}
        self._written: dict[str, str] = {}

    def state(self) -> Hashable:
        """Return who is inside."""
        inside = sorted(item for item in self._readers.items() if item[1])
        return tuple(inside), tuple(sorted(self._written))

    def vma_read_locked(self, cpu: Cpu, vma: VmAreaStruct) -> None:
        """A reader has come in."""
        self._readers[vma.name] = self._readers.get(vma.name, 0) + 1
        if vma.name in self._written:
            message = f"{vma.name} is read-locked while it is write-locked"
            self.report("lock.vma-overlap", Severity.CONTRACT, message)

    def vma_read_unlocked(self, cpu: Cpu, vma: VmAreaStruct) -> None:
        """A reader has left."""
        self._readers[vma.name] -= 1

    def vma_write_locked(self, cpu: Cpu, vma: VmAreaStruct) -> None:
        """A writer has come in."""
        self._written[vma.name] = vma.vm_mm.name
        if self._readers.get(vma.name):
            message = f"{vma.name} is write-locked while it has readers"
            self.report("lock.vma-overlap", Severity.CONTRACT, message)

    def vma_write_unlocked(self, cpu: Cpu, mm: MmStruct) -> None:
        """The writer of all VMAs of an mm has left."""
        self._written = {
            vma: name for vma, name in self._written.items() if name != mm.name
        }


class LockOrderChecker(Checker):
    """A small lockdep: order between locks, and what must not be done under them (I13)."""

    def start(self, world: World, machine: Machine) -> None:
        """Begin with nothing held and no order known."""
        super().start(world, machine)
        self._held: dict[int, list[Lock]] = {cpu.id: [] for cpu in world.cpus}
        self._inside: dict[int, int] = {cpu.id: 0 for cpu in world.cpus}
        self._after: dict[str, list[str]] = {}

    def state(self) -> Hashable:
        """Return who holds what, and the order learned so far."""
        return (
            tuple(
                (tuple(lock.name for lock in self._held[number]), inside)
                for number, inside in self._inside.items()
            ),
            tuple(sorted((a, tuple(sorted(b))) for a, b in self._after.items())),
        )

    def held_exclusively(self, cpu: Cpu) -> list[str]:
        """Return the names of the locks that nobody but *cpu* can hold now."""
        return [lock.name for lock in self._held[cpu.id] if lock.writer]

    def acquiring(self, cpu: Cpu, lock: Lock, *, sleeps: bool) -> None:
        """Check whether this lock may be waited for here."""
        held = self._held[cpu.id]
        if sleeps and any(isinstance(other, SpinLock) for other in held):
            self._report(
                f"{cpu.name} may sleep for {lock.name} under a page-table lock"
            )
        if not cpu.irqs_enabled:
            self._report(f"{cpu.name} waits for {lock.name} with interrupts off")
        if sleeps and self._inside[cpu.id]:
            self._report(f"{cpu.name} waits for {lock.name} under a VMA read lock")
        for other in held:
            self._order(other.name, lock.name)

    def acquired(self, cpu: Cpu, lock: Lock) -> None:
        """Note a lock that is held."""
        self._held[cpu.id].append(lock)

    def released(self, cpu: Cpu, lock: Lock) -> None:
        """Note a lock that is dropped."""
        self._held[cpu.id].remove(lock)

    def vma_read_locked(self, cpu: Cpu, vma: VmAreaStruct) -> None:
        """Note a VMA read lock."""
        self._inside[cpu.id] += 1

    def vma_read_unlocked(self, cpu: Cpu, vma: VmAreaStruct) -> None:
        """Note the end of a VMA read lock."""
        self._inside[cpu.id] -= 1

    def ended(self, cpu: Cpu) -> None:
        """Check that a thread takes no lock back to user mode."""
        if self._held[cpu.id] or self._inside[cpu.id] or not cpu.irqs_enabled:
            names = [lock.name for lock in self._held[cpu.id]] or ["a VMA read lock"]
            self._report(f"{cpu.name} returns to user mode holding {', '.join(names)}")

    def _order(self, first: str, second: str) -> None:
        """Learn that *second* is taken under *first*; report a contradiction."""
        if first == second or self._reaches(second, first):
            self._report(f"{second} is taken under {first}, and the other way round")
        following = self._after.setdefault(first, [])
        if second not in following:
            following.append(second)

    def _reaches(self, start: str, goal: str) -> bool:
        seen = [start]
        for name in seen:
            if name == goal:
                return True
            seen.extend(n for n in self._after.get(name, []) if n not in seen)
        return False

    def _report(self, message: str) -> None:
        self.report("lock.order", Severity.CONTRACT, message)
