"""What a CPU does while its thread sleeps, and when the thread runs again.

The idle CPU keeps the mm loaded and its TLB filled (lazy TLB mode); a flush need not
reach it, so on the way back it compares generations.

Source: arch/x86/mm/tlb.c: enter_lazy_tlb, switch_mm_irqs_off. Left out: ASIDs.
"""

from __future__ import annotations

from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.mm_types import MmStruct


def enter_lazy_tlb(cpu: Cpu) -> None:
    """The thread of *cpu* sleeps or has ended; the CPU borrows its mm."""
    cpu.is_lazy = True


def leave_lazy_tlb(cpu: Cpu) -> None:
    """The thread of *cpu* runs again: drop what was flushed meanwhile.

    The flusher increments the generation before it reads ``is_lazy``; this clears
    ``is_lazy`` before it reads the generation. One of them sees the other.
    """
    cpu.is_lazy = False
    cpu.changed_while_lazy.clear()
    mm = cpu.loaded_mm
    if mm is not None and cpu.local_tlb_gen != mm.tlb_gen:
        cpu.tlb.clear()
        cpu.local_tlb_gen = mm.tlb_gen


def load_mm(cpu: Cpu, mm: MmStruct) -> None:
    """Load *mm*, joining its cpumask before its page tables are used."""
    if cpu.id not in mm.mm_cpumask:
        mm.mm_cpumask.append(cpu.id)
        mm.mm_cpumask.sort()
    cpu.loaded_mm = mm
    cpu.local_tlb_gen = mm.tlb_gen
    cpu.tlb.clear()
    cpu.is_lazy = False
    cpu.changed_while_lazy.clear()
