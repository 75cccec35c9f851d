"""Spinlocks: the page-table lock.

Interrupts stay on while a thread spins, so its CPU acknowledges shootdowns; that is
why a holder of the lock may wait for acknowledgements.

Source: include/linux/spinlock.h; include/linux/mm.h: pte_offset_map_lock.
"""

from __future__ import annotations

from forkfuzz.engine import point
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.locks import SpinLock


async def spin_lock(cpu: Cpu, lock: SpinLock) -> None:
    """Take *lock*, spinning until it is free.

    Points:
        spin_lock:acquire.
    """
    watch = cpu.world.watch
    if cpu.world.rules.ptl_irqs == "off":
        cpu.irqs_enabled = False
    watch.acquiring(cpu, lock, sleeps=False)
    await point("spin_lock:acquire", lock.touch, lock.free_for_write)
    lock.writer = True
    watch.acquired(cpu, lock)


async def spin_unlock(cpu: Cpu, lock: SpinLock) -> None:
    """Drop *lock*.

    Points:
        spin_unlock:release.
    """
    await point("spin_unlock:release", lock.touch)
    lock.writer = False
    cpu.irqs_enabled = True
    cpu.world.watch.released(cpu, lock)
