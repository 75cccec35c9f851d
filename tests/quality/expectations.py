"""Which scenario shows which property when one guard of the protocol is missing.

A row is a rules value, the scenario that shows it, the properties that are broken, and
how many runs of a guided search that starts from nothing are enough. The bounds are at
least five times the worst of ten seeds.
"""

from __future__ import annotations

import attrs


@attrs.frozen(slots=True)
class Row:
    """One missing guard and what shows it.

    Attributes:
        value: ``field=value``.
        scenario: Scenario, with parameters.
        properties: All of them are found.
        runs: Within so many runs.
    """

    value: str
    scenario: str
    properties: tuple[str, ...]
    runs: int


LEAK = ("tlb.stale-writable", "snapshot.leak-to-child")
PIN = ("pin.not-exclusive", "pin.diverged")
TORN = ("snapshot.torn",)

ROWS = (
    Row("final_flush=after_unlock", "lost-store", LEAK, 2_000),
    Row("final_flush=none", "lost-store", LEAK, 2_000),
    Row("final_flush=skip_cpu", "lost-store", LEAK, 5_000),
    Row("final_flush=no_ack", "lost-store", LEAK, 2_000),
    Row("pinned_copy=copy_only", "mp", TORN, 2_000),
    Row("pinned_copy=protect_copy", "mp", TORN, 2_000),
    Row("pinned_copy=flush_copy", "mp", TORN, 2_000),
    Row("pinned_copy=copy_protect_flush", "mp", TORN, 2_000),
    Row("pinned_copy=lazy_queue", "mp", TORN, 2_000),
    Row("early_cow=off", "pinned-device", PIN, 2_000),
    Row("vma_lock=none", "mp", TORN, 2_000),
    Row("vma_lock=none", "lost-store", ("parent.lost-store",), 20_000),
    Row("vma_lock=after_walk", "mp", TORN, 2_000),
    Row("vma_lock=anon_vma_only", "guard", TORN, 20_000),
    Row("vma_lock=private_writable_only", "dontneed read_only=1", TORN, 20_000),
    Row("vma_recheck=off", "ro-upgrade", ("lock.vma-overlap",), 2_000),
    Row("vma_recheck=off", "ro-upgrade", TORN, 75_000),
    Row("unlock_order=seq_then_flush", "lost-store", LEAK, 2_000),
    Row("child_unlock=before_flush", "child-collapse", TORN, 20_000),
    Row("write_protect_seq=off", "pin-fork-race", PIN, 2_000),
    Row("write_protect_seq=fork_only", "pin-fork-race", PIN, 2_000),
    Row("write_protect_seq=gup_only", "pin-fork-race", PIN, 2_000),
    Row("has_pinned_first=off", "pin-fork-race", PIN, 20_000),
    Row("gup_recheck=off", "pin-swapout", ("pin.not-exclusive",), 20_000),
    Row("gup_unshare=off", "ro-pin", PIN, 2_000),
    Row("reuse=refcount", "pinned-device", ("pin.diverged",), 2_000),
    Row("reuse=mapcount", "vmsplice", ("snapshot.leak-to-child",), 2_000),
    Row("cow_order=set_then_flush", "cow-break", ("tlb.two-frames",), 2_000),
    Row("cow_order=drop_ptl", "cow-break", ("parent.lost-store",), 2_000),
    Row("rmap_drop=before_flush", "cow-break", ("snapshot.leak-to-child",), 20_000),
    Row("pinned_keeps_exclusive=off", "pinned-device", ("pin.diverged",), 2_000),
    Row(
        "swap_exclusive=kept",
        "swapout",
        ("page.exclusive-shared", "snapshot.leak-to-child"),
        2_000,
    ),
    Row("zap_flush=after_free", "dontneed", ("tlb.use-after-free",), 2_000),
    Row("gather_nested=off", "dontneed-twice", ("tlb.stale-writable",), 2_000),
    Row("guard_flush=off", "dontneed-twice guard=1", ("tlb.stale-writable",), 2_000),
    Row("mprotect_flush=none", "mprotect", ("tlb.stale-writable",), 2_000),
    Row("mprotect_flags=before_vma_lock", "guard-mprotect", TORN, 2_000),
    Row("split_flags=before_vma_lock", "guard-munmap", TORN, 2_000),
    Row(
        "gup_retry=drops_write",
        "gup-retry",
        ("pin.not-exclusive", "parent.lost-store"),
        2_000,
    ),
    Row("gup_retry=drops_write", "dirty-cow", ("file.written",), 2_000),
    Row("fault_retry=vma_locked", "first-touch", ("lock.deadlock",), 2_000),
    Row("ptl_irqs=off", "cow-break", ("lock.deadlock",), 2_000),
)

CONTROLS = (
    "fault_lock=mmap",
    "madvise_lock=mmap",
    "kernel_fault=vma_lock",
    "protect_again=off",
    "pin_test=ignore_exclusive",
    "pin_test=before_ref",
    "pin_bias=above",
)
"""Values that differ from the default and break nothing."""
