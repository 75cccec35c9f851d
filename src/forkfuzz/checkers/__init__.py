"""Was it right: properties, judged by code that the kernel model does not share.

A checker sees what `forkfuzz.mm.watch.Watcher` names, and the state of page tables,
TLBs and frames. It never asks the model, or the rules, what ought to have happened.
"""

from .changes import ChangeChecker
from .checker import Checker
from .files import FileChecker
from .inheritance import InheritanceChecker
from .isolation import IsolationChecker
from .locks import LockOrderChecker, VmaLockChecker
from .pages import ExclusiveChecker, RefcountChecker
from .pins import PinChecker
from .snapshot import SnapshotChecker
from .threads import OwnStoresChecker
from .tlb import StaleChecker, TwoFramesChecker, UseAfterFreeChecker
from .undo import UndoChecker
from .violation import Severity, StoreRef, Violation

ALL: tuple[type[Checker], ...] = (
    SnapshotChecker,
    IsolationChecker,
    OwnStoresChecker,
    StaleChecker,
    TwoFramesChecker,
    UseAfterFreeChecker,
    ExclusiveChecker,
    RefcountChecker,
    PinChecker,
    VmaLockChecker,
    LockOrderChecker,
    UndoChecker,
    FileChecker,
    InheritanceChecker,
    ChangeChecker,
)
"""Every checker; a run has one of each."""

OF_RAW: tuple[type[Checker], ...] = (VmaLockChecker, LockOrderChecker, UndoChecker)
"""Those that make sense where a program changes page tables by itself.

All others would find the kernel guilty of what the program did.
"""

JUDGED_OF_RAW = frozenset({"fork", "lock", "run"})
"""The groups of properties that are judged there."""

PROPERTIES: dict[str, str] = {
    "snapshot.torn": "the child's memory is one that the parent never had",
    "snapshot.stale": "the child's memory is one that the parent had too early",
    "snapshot.leak-to-child": "a store by the parent after the cut is in the child",
    "snapshot.leak-to-parent": "a store by the child is in the parent",
    "tlb.stale-writable": "a TLB gives W when the flush that takes it away is over, or due",
    "tlb.stale-readable": "a TLB translates what was thrown away, or may not be read",
    "tlb.two-frames": "CPUs use different frames for one page, one of them writable",
    "tlb.use-after-free": "a translation or reference leads to a freed frame",
    "pte.writable-shared": "an entry with W maps a page that is not exclusive",
    "pte.writable-forbidden": "an entry has got W in a VMA without VM_WRITE",
    "page.exclusive-shared": "an exclusive page, or its swap slot, is used more than once",
    "page.dirty-lost": "an entry has lost the mark that its page was written",
    "page.refcount": "counts differ from mappings and holders, or a mapping outlives its VMA",
    "pin.not-exclusive": "a pinned page is not exclusive",
    "pin.diverged": "the pinning process, or another, maps what it must not",
    "parent.lost-store": "a process has lost a store of its own, or what it had before",
    "parent.stale-read": "a thread reads what was there before its own store",
    "file.written": "a store reached the page cache of a private mapping",
    "lock.vma-overlap": "a VMA is read-locked and write-locked at once",
    "lock.order": "locks are taken in an order, or a state, that can deadlock",
    "lock.deadlock": "no task can go on",
    "run.livelock": "the run does not end",
    "run.stuck": "the program's threads wait for each other, not for the kernel",
    "fork.not-undone": "a failed fork leaves something of the child",
    "child.inherited": "the child has what MADV_DONTFORK or MADV_WIPEONFORK keeps from it",
    "child.pte-flags": "fork gave the child an entry with wrong bits",
}
"""What each property says when it is broken."""

__all__ = [
    "ALL",
    "JUDGED_OF_RAW",
    "OF_RAW",
    "PROPERTIES",
    "Checker",
    "Severity",
    "StoreRef",
    "Violation",
]
