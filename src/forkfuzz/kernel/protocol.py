"""The one door to a kernel model.

What runs programs knows only `Protocol`. Linux is the one that ships; another design
of fork is another class with these methods, under the same checkers.
"""

from __future__ import annotations

from typing import Protocol as TypingProtocol

from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import Pin
from forkfuzz.mm.mm_types import VM_DONTCOPY, VM_WIPEONFORK, MmStruct
from forkfuzz.mm.world import World

from .fault import do_user_addr_fault
from .fork import copy_mm
from .gup import gup_fast_fallback, unpin_user_page
from .khugepaged import collapse_range
from .madvise import madvise_dontneed, madvise_guard_install, madvise_vma_behavior
from .mmap import exit_mmap
from .mmu import AccessResult
from .mprotect import do_mprotect_pkey
from .vma import do_munmap
from .vmscan import shrink_folio

ADVICE = ("dontneed", "dontfork", "wipeonfork", "guard")
"""What `Protocol.madvise` takes."""


class Protocol(TypingProtocol):
    """A design of fork, faults and page references.

    All methods are made of points; each runs on the CPU of the thread that calls it.
    """

    async def fork(self, cpu: Cpu) -> MmStruct | None:
        """Fork the address space of this thread; None if that fails."""
        ...

    async def handle_fault(
        self, cpu: Cpu, vpn: int, *, write: bool, user: bool
    ) -> AccessResult:
        """Handle a page fault; after DONE the access is tried again."""
        ...

    async def pin(
        self, cpu: Cpu, vpn: int, *, pin: bool, write: bool, fast: bool
    ) -> Pin | None:
        """Take a page reference: FOLL_PIN, or FOLL_GET if *pin* is false."""
        ...

    async def unpin(self, world: World, pin: Pin) -> None:
        """Give a page reference back."""
        ...

    async def madvise(self, cpu: Cpu, vpn: int, advice: str) -> bool:
        """Carry out one of `ADVICE` for a page; False if the kernel refuses."""
        ...

    async def mprotect(self, cpu: Cpu, vpn: int, prot: str) -> bool:
        """Let a page be accessed as *prot* says; False if the kernel refuses."""
        ...

    async def munmap(self, cpu: Cpu, vpn: int) -> bool:
        """Take a page out of the address space; False if the kernel refuses."""
        ...

    async def collapse(self, cpu: Cpu, mm: MmStruct) -> None:
        """Let khugepaged move the pages of an address space to new frames."""
        ...

    async def swap_out(self, cpu: Cpu, world: World, vpn: int) -> None:
        """Let reclaim move the parent's page to the swap cache."""
        ...

    async def exit(self, cpu: Cpu) -> None:
        """Take down the address space of this thread."""
        ...


class Linux:
    """Linux 7.0, or what the rules of the run make of it."""

    async def fork(self, cpu: Cpu) -> MmStruct | None:
        """Source: kernel/fork.c: copy_mm."""
        return await copy_mm(cpu)

    async def handle_fault(
        self, cpu: Cpu, vpn: int, *, write: bool, user: bool
    ) -> AccessResult:
        """Source: arch/x86/mm/fault.c: do_user_addr_fault."""
        return await do_user_addr_fault(cpu, vpn, write=write, user=user)

    async def pin(
        self, cpu: Cpu, vpn: int, *, pin: bool, write: bool, fast: bool
    ) -> Pin | None:
        """Source: mm/gup.c: gup_fast_fallback."""
        return await gup_fast_fallback(cpu, vpn, pin=pin, write=write, fast=fast)

    async def unpin(self, world: World, pin: Pin) -> None:
        """Source: mm/gup.c: unpin_user_page."""
        await unpin_user_page(world, pin)

    async def madvise(self, cpu: Cpu, vpn: int, advice: str) -> bool:
        """Source: mm/madvise.c: do_madvise."""
        match advice:
            case "dontneed":
                return await madvise_dontneed(cpu, vpn)
            case "guard":
                return await madvise_guard_install(cpu, vpn)
            case "dontfork":
                return await madvise_vma_behavior(cpu, vpn, flag=VM_DONTCOPY)
            case "wipeonfork":
                return await madvise_vma_behavior(cpu, vpn, flag=VM_WIPEONFORK)
            case _:
                return False

    async def mprotect(self, cpu: Cpu, vpn: int, prot: str) -> bool:
        """Source: mm/mprotect.c: do_mprotect_pkey."""
        return await do_mprotect_pkey(cpu, vpn, prot)

    async def munmap(self, cpu: Cpu, vpn: int) -> bool:
        """Source: mm/vma.c: do_vmi_align_munmap."""
        return await do_munmap(cpu, vpn)

    async def collapse(self, cpu: Cpu, mm: MmStruct) -> None:
        """Source: mm/khugepaged.c: collapse_huge_page."""
        await collapse_range(cpu, mm)

    async def swap_out(self, cpu: Cpu, world: World, vpn: int) -> None:
        """Source: mm/vmscan.c: shrink_folio_list."""
        await shrink_folio(cpu, world, vpn)

    async def exit(self, cpu: Cpu) -> None:
        """Source: mm/mmap.c: exit_mmap."""
        await exit_mmap(cpu, cpu.mm)
