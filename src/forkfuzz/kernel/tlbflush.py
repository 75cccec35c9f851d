"""TLB shootdown by interrupt, with one acknowledgement for each CPU.

Source: arch/x86/mm/tlb.c, kernel/smp.c. Left out: INVLPGB broadcasts, global ASIDs,
secondary MMUs, range flushes beyond one page.
"""

from __future__ import annotations

from collections.abc import Sequence

from forkfuzz.engine import point
from forkfuzz.mm.cpu import Cpu, FlushRequest
from forkfuzz.mm.lazy_tlb import fill_all
from forkfuzz.mm.mm_types import MmStruct


async def flush_tlb_mm_range(
    cpu: Cpu,
    mm: MmStruct,
    vpn: int | None,
    *,
    freed_tables: bool,
    skip_cpu: bool = False,
    wait: bool = True,
    by_kernel: bool = True,
) -> None:
    """Drop the translations of one page, or of all, on every CPU that may have them.

    Args:
        vpn: The page, or None for the whole address space.
        freed_tables: Whether lazy CPUs are interrupted too.
        skip_cpu: Mutation: the lowest-numbered CPU that needs the interrupt gets none.
        wait: Mutation if false: return without the acknowledgements.
        by_kernel: Whether the kernel flushes because of what it has done to entries.

    Context:
        Interrupts are on. Spinlocks and mmap_lock may be held: none of them is ever
        taken with interrupts off, so every CPU can acknowledge.

    Points:
        flush_tlb_mm_range:inc_mm_tlb_gen, flush_tlb_mm_range:send_ipis,
        flush_tlb_mm_range:flush_local, flush_tlb_mm_range:wait_for_acks.
    """
    await point("flush_tlb_mm_range:inc_mm_tlb_gen", mm.seq_touch)
    mm.tlb_gen += 1
    request = FlushRequest(cpu.id, mm, vpn, mm.tlb_gen)
    await point("flush_tlb_mm_range:send_ipis", mm.seq_touch)
    _send(cpu, request, mm.mm_cpumask, freed_tables=freed_tables, skip_cpu=skip_cpu)
    if cpu.loaded_mm is mm:
        await point("flush_tlb_mm_range:flush_local", cpu.tlb_write)
        _flush_local(cpu, request)
    if wait:
        await point(
            "flush_tlb_mm_range:wait_for_acks",
            cpu.acks_read,
            lambda: not request.waiting,
        )
    if by_kernel:
        _tell(mm, vpn)
    else:
        mm.world.watch.invalidated(mm, vpn)


async def arch_tlbbatch_flush(cpu: Cpu, mm: MmStruct, cpumask: Sequence[int]) -> None:
    """Drop every translation of an mm that reclaim has unmapped a page of.

    There is no new generation: whoever put the flush off has made one, by which a lazy
    CPU, which gets no interrupt, notices.

    Args:
        cpumask: The CPUs that might have used the mm when the page was unmapped.

    Points:
        arch_tlbbatch_flush:send_ipis, arch_tlbbatch_flush:wait_for_acks.

    Source:
        arch/x86/mm/tlb.c: arch_tlbbatch_flush. Simplified: the kernel has one request
        for all mms of the batch, and drops what this CPU has cached itself; here only a
        kernel thread reclaims, which has cached nothing.
    """
    await point("arch_tlbbatch_flush:send_ipis", mm.seq_touch)
    request = FlushRequest(cpu.id, mm, None, mm.tlb_gen)
    _send(cpu, request, cpumask, freed_tables=False)
    await point(
        "arch_tlbbatch_flush:wait_for_acks", cpu.acks_read, lambda: not request.waiting
    )
    _tell(mm, None)


async def flush_tlb_page(cpu: Cpu, mm: MmStruct, vpn: int) -> None:
    """Drop the translations of one page; lazy CPUs are left to notice by themselves."""
    await flush_tlb_mm_range(cpu, mm, vpn, freed_tables=False)


async def flush_tlb_batched_pending(cpu: Cpu, mm: MmStruct) -> None:
    """Flush what reclaim has left to flush, before an empty entry is believed.

    Context:
        The page-table lock is held.

    Points:
        flush_tlb_batched_pending:flush and those of flush_tlb_mm_range.

    Source:
        mm/rmap.c: flush_tlb_batched_pending.
    """
    if mm.tlb_flush_batched:
        await point("flush_tlb_batched_pending:flush", mm.seq_touch)
        # Before the flush, while the lock keeps reclaim from adding to it.
        mm.tlb_flush_batched = False
        await flush_tlb_mm_range(cpu, mm, None, freed_tables=True)


def _send(
    cpu: Cpu,
    request: FlushRequest,
    cpumask: Sequence[int],
    *,
    freed_tables: bool,
    skip_cpu: bool = False,
) -> None:
    """Interrupt the CPUs in a mask that are not this one and not exempt as lazy."""
    others = [cpu.world.cpus[number] for number in cpumask if number != cpu.id]
    targets = [other for other in others if freed_tables or not other.is_lazy]
    for target in targets[1:] if skip_cpu else targets:
        request.waiting.append(target.id)
        target.requests.append(request)


def _tell(mm: MmStruct, vpn: int | None) -> None:
    """Say that a flush has come to its end."""
    if mm.world.lazy_tlb:
        fill_all(mm)
    mm.world.watch.flushed(mm, vpn)


def flush_tlb_func(cpu: Cpu, request: FlushRequest) -> None:
    """Carry out a shootdown on *cpu* and acknowledge it."""
    if cpu.loaded_mm is request.mm:
        if cpu.is_lazy:
            # The kernel switches to init_mm here; the next user of the CPU finds an
            # empty TLB, because the generations differ.
            cpu.tlb.clear()
        else:
            _flush_local(cpu, request)
    request.waiting.remove(cpu.id)


def _flush_local(cpu: Cpu, request: FlushRequest) -> None:
    """Drop one page if only this flush is missing here, else everything."""
    mm_tlb_gen = request.mm.tlb_gen
    if request.new_tlb_gen <= cpu.local_tlb_gen:
        return
    only_this = request.new_tlb_gen == cpu.local_tlb_gen + 1 == mm_tlb_gen
    if request.vpn is not None and only_this:
        cpu.tlb.pop(request.vpn, None)
    else:
        cpu.tlb.clear()
    cpu.local_tlb_gen = mm_tlb_gen
