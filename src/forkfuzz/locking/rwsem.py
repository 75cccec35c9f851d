"""Reader-writer semaphores.

Any waiter whose request is compatible with the holders may get the lock next: a
superset of the orders that queueing, reader stealing, optimistic spinning and handoff
allow, so what is safe here is safe there. Fairness is not modelled.

Source: kernel/locking/rwsem.c. Left out: the wait queue, handoff.
"""

from __future__ import annotations

from collections.abc import Callable

from forkfuzz.engine import point
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.locks import RwSemaphore

from .sleep import enter_lazy_tlb, leave_lazy_tlb


async def _wait(
    cpu: Cpu, sem: RwSemaphore, label: str, free: Callable[[], bool], *, killable: bool
) -> bool:
    """Wait until *free*; False if a fatal signal came first."""
    cpu.world.watch.acquiring(cpu, sem, sleeps=True)
    slept = not free()
    if slept:
        enter_lazy_tlb(cpu)
    await point(
        label,
        sem.touch,
        (lambda: free() or cpu.fatal_signal_pending) if killable else free,
    )
    if slept:
        leave_lazy_tlb(cpu)
    return free()


async def down_read(cpu: Cpu, sem: RwSemaphore, *, killable: bool = False) -> bool:
    """Take *sem* shared; return False if a fatal signal ended a killable wait.

    Points:
        down_read:acquire.
    """
    if not await _wait(
        cpu, sem, "down_read:acquire", sem.free_for_read, killable=killable
    ):
        return False
    sem.readers += 1
    cpu.world.watch.acquired(cpu, sem)
    return True


async def down_read_trylock(cpu: Cpu, sem: RwSemaphore) -> bool:
    """Take *sem* shared if that needs no waiting.

    Points:
        down_read_trylock:acquire.
    """
    await point("down_read_trylock:acquire", sem.touch)
    if not sem.free_for_read():
        return False
    sem.readers += 1
    cpu.world.watch.acquired(cpu, sem)
    return True


async def down_write(cpu: Cpu, sem: RwSemaphore, *, killable: bool = False) -> bool:
    """Take *sem* exclusively; return False if a fatal signal ended a killable wait.

    Points:
        down_write:acquire.
    """
    if not await _wait(
        cpu, sem, "down_write:acquire", sem.free_for_write, killable=killable
    ):
        return False
    sem.writer = True
    cpu.world.watch.acquired(cpu, sem)
    return True


async def up_read(cpu: Cpu, sem: RwSemaphore) -> None:
    """Drop a shared hold.

    Points:
        up_read:release.
    """
    await point("up_read:release", sem.touch)
    sem.readers -= 1
    cpu.world.watch.released(cpu, sem)


async def up_write(cpu: Cpu, sem: RwSemaphore) -> None:
    """Drop the exclusive hold.

    Points:
        up_write:release.
    """
    await point("up_write:release", sem.touch)
    sem.writer = False
    cpu.world.watch.released(cpu, sem)


async def downgrade_write(sem: RwSemaphore) -> None:
    """Turn the exclusive hold into a shared one, letting no writer in between.

    Points:
        downgrade_write:release.
    """
    await point("downgrade_write:release", sem.touch)
    sem.writer = False
    sem.readers += 1
