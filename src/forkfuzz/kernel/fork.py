"""fork(), as far as memory goes.

Source: kernel/fork.c: copy_mm, dup_mm. Left out: everything of a task but its mm;
CLONE_VM; dup_mmap_sem, which only uprobes contend for.
"""

from __future__ import annotations

from forkfuzz.engine import point
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.mm_types import MmStruct

from .mmap import dup_mmap


async def copy_mm(cpu: Cpu) -> MmStruct | None:
    """Fork the address space of the thread on *cpu*.

    Returns:
        The child's, ready for its threads; None if fork failed.

    Points:
        dup_mm:mm_init, copy_mm:child_runnable and those of dup_mmap.
    """
    oldmm = cpu.mm
    world = oldmm.world
    await point("dup_mm:mm_init", world.allocator)
    number = sum(mm.parent is oldmm for mm in world.mms) + 1
    mm = MmStruct(child_name(oldmm, number), world, oldmm)
    world.mms.append(mm)
    if not await dup_mmap(cpu, mm, oldmm):
        return None
    await point("copy_mm:child_runnable", mm.seq_touch)
    world.watch.fork_returned(oldmm, mm)
    return mm


def child_name(oldmm: MmStruct, number: int) -> str:
    """Name the *number*-th child of *oldmm*: ``child``, ``child2``, ..."""
    suffix = str(number) if number > 1 else ""
    base = "child" if oldmm.parent is None else f"{oldmm.name}-child"
    return base + suffix
