"""Address spaces and their VMAs.

Source: include/linux/mm_types.h (struct mm_struct, struct vm_area_struct), mm.h.
Left out: the VMA tree's own locking, anon_vma chains (a VMA knows only whether it has
an anon_vma), counters that no rule reads.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from forkfuzz.engine import Access, reads, writes

from .lazy_tlb import entry_changes
from .locks import RwSemaphore, SpinLock
from .pgtable import PageTable, Pte

if TYPE_CHECKING:
    from .world import World

VM_READ = 1 << 0
VM_WRITE = 1 << 1
VM_SHARED = 1 << 3
VM_MAYWRITE = 1 << 5
VM_DONTCOPY = 1 << 17
VM_WIPEONFORK = 1 << 25
VM_MAYBE_GUARD = 1 << 31

VM_FILE = 1 << 40
"""In the place of ``vm_ops``: the mapping is one of a file, here always a private one."""

VM_COPY_ON_FORK = VM_MAYBE_GUARD
"""Flags that make fork copy page tables even where there is no anon_vma."""

VM_REFCNT_EXCLUDE_READERS_FLAG = 1 << 30
"""In ``vm_refcnt``: a writer is draining the readers."""

VM_LOCK_SEQ_NEVER = -1
"""A ``vm_lock_seq`` that equals no ``mm_lock_seq``."""


@functools.cache
def _accesses(obj: str) -> tuple[Access, Access]:
    return reads(obj), writes(obj)


class VmAreaStruct:
    """A range of pages with the same flags.

    Attributes:
        vm_start: First page, as a vpn.
        vm_end: One past the last page.
        vm_flags: ``VM_*`` bits; changed with mmap_lock and the VMA write-locked.
        anon_vma: Whether the VMA has one: whether it ever had an anonymous page.
        vm_lock_seq: ``mm_lock_seq`` at the last write-lock. The VMA is write-locked
            while the two are equal.
        vm_refcnt: 1 if attached, plus 1 for each reader, plus the exclude flag.
        shmem: For VM_SHARED and VM_FILE: frame by vpn of the object or file behind the
            mapping, the same in parent and child.
    """

    __slots__ = (
        "anon_vma",
        "name",
        "peek",
        "shmem",
        "touch",
        "vm_end",
        "vm_flags",
        "vm_lock_seq",
        "vm_mm",
        "vm_refcnt",
        "vm_start",
    )

    def __init__(self, mm: MmStruct, start: int, end: int, flags: int) -> None:
        self.vm_mm = mm
        self.vm_start = start
        self.vm_end = end
        self.vm_flags = flags
        self.anon_vma = False
        self.vm_lock_seq = VM_LOCK_SEQ_NEVER
        self.vm_refcnt = 1
        self.shmem: dict[int, int] = {}
        self.name = f"vma:{mm.name}.{start}"
        self.peek, self.touch = _accesses(self.name)

    def is_cow_mapping(self) -> bool:
        """Return whether writes to this mapping are private copies."""
        return self.vm_flags & (VM_SHARED | VM_MAYWRITE) == VM_MAYWRITE

    def is_anonymous(self) -> bool:
        """Return whether nothing is behind the mapping: vma_is_anonymous."""
        return not self.vm_flags & (VM_SHARED | VM_FILE)


class MmStruct:
    """One address space.

    Attributes:
        name: ``parent``, ``child``, ``child2``, ...
        mmap_lock: Guards the VMAs, and everything else for its writer.
        page_table: One page-table page.
        ptl: The lock of that page.
        vmas: In address order.
        mm_lock_seq: Odd while mmap_lock is held for writing.
        write_protect_seq: Odd while fork copies page tables of a COW VMA.
        has_pinned: MMF_HAS_PINNED: set by the first FOLL_PIN, never cleared.
        tlb_flush_pending: How many mmu_gathers have changes not yet flushed.
        tlb_flush_batched: Whether reclaim has cleared entries without a flush, as far
            as anybody knows.
        tlb_gen: Incremented by every flush.
        mm_cpumask: Ids of the CPUs that may cache its translations, sorted.
        parent: The mm that it was forked from.
        cut: Whether the fork that made it is past its cut.
        visible: Whether fork has made it known to kernel threads.
    """

    __slots__ = (
        "cut",
        "has_pinned",
        "mm_cpumask",
        "mm_lock_seq",
        "mmap_lock",
        "name",
        "page_table",
        "parent",
        "ptl",
        "seq_peek",
        "seq_touch",
        "tlb_flush_batched",
        "tlb_flush_pending",
        "tlb_gen",
        "visible",
        "vmas",
        "world",
        "wp_seq_peek",
        "wp_seq_touch",
        "write_protect_seq",
    )

    def __init__(self, name: str, world: World, parent: MmStruct | None = None) -> None:
        self.name = name
        self.world = world
        self.parent = parent
        self.cut = parent is None
        self.visible = parent is None
        self.mmap_lock = RwSemaphore(f"mmap_lock:{name}")
        self.page_table = PageTable(name, world.pages)
        self.ptl = SpinLock(f"ptl:{name}")
        self.vmas: list[VmAreaStruct] = []
        self.mm_lock_seq = 0
        self.write_protect_seq = 0
        self.has_pinned = False
        self.tlb_flush_pending = 0
        self.tlb_flush_batched = False
        self.tlb_gen = 1
        self.mm_cpumask: list[int] = []
        self.seq_peek, self.seq_touch = _accesses(f"mm_lock_seq:{name}")
        self.wp_seq_peek, self.wp_seq_touch = _accesses(f"write_protect_seq:{name}")

    def find_vma(self, vpn: int) -> VmAreaStruct | None:
        """Return the VMA that holds *vpn*, or None."""
        for vma in self.vmas:
            if vma.vm_start <= vpn < vma.vm_end:
                return vma
        return None

    def get_pte(self, vpn: int) -> Pte:
        """Return the entry of *vpn*."""
        return self.page_table.entries[vpn]

    def set_pte(self, vpn: int, new: Pte) -> None:
        """Store the entry of *vpn* on behalf of the kernel."""
        entries = self.page_table.entries
        old = entries[vpn]
        if self.world.lazy_tlb:
            entry_changes(self, vpn, old, new)
        entries[vpn] = new
        self.world.watch.pte_set(self, vpn, old, new)
