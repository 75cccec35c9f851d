"""Programs that change what is mapped, and how: mprotect, munmap, zaps that meet."""

from __future__ import annotations

from .program import (
    DmaStore,
    Fork,
    Load,
    Madvise,
    Mprotect,
    Munmap,
    PageSpec,
    Peek,
    Pin,
    Post,
    Program,
    Store,
    Thread,
    Unpin,
    Wait,
)
from .registry import scenario
from .snapshot import FORK, SHARED, child_reads, page_names


@scenario(
    "mprotect",
    "rights taken from a page and given back, with W in place, around fork",
    rounds=1,
)
def mprotect(*, rounds: int) -> Program:
    """One thread protects A and stores after that, another does so with B."""
    first = (
        Mprotect("A", "r"),
        Mprotect("A", "rw"),
        Store("A", 0, 1),
        Store("B", 0, 1),
    )
    second = (Store("B", 1, 7), Mprotect("B", "none"), Mprotect("B", "rw"))
    return Program(
        "mprotect",
        (PageSpec("A", words=2), PageSpec("B", words=2), PageSpec("C")),
        (
            FORK,
            Thread("T1", first * rounds),
            Thread("T2", (*second * rounds, Load("B", 1, "r"))),
            Thread("T3", (Load("A", 0, "r1"), Store("A", 1, 9), Store("C", 0, 9))),
            child_reads(["A", "B"]),
        ),
        sometimes=(
            SHARED,
            "__split_vma:vma_complete",
            "can_change_pte_writable:PageAnonExclusive",
        ),
    )


@scenario(
    "munmap",
    "pages unmapped by parent and child while others use them, and fork walks",
    keep=1,
)
def munmap(*, keep: int) -> Program:
    """The child keeps a reference to what it unmaps, with ``keep``."""
    child = (Munmap("S"), Pin("B", get=True), Munmap("B"), Peek("B", 0, "s"))
    return Program(
        "munmap",
        (
            PageSpec("A", words=2, read_only=True),
            PageSpec("B"),
            PageSpec("S", shared=True, vma=1),
        ),
        (
            Thread("F", (Fork(), Munmap("S"))),
            Thread("T1", (Munmap("A"), Store("B", 0, 1))),
            Thread("T2", (Store("A", 1, 7), Load("A", 1, "r"), Store("B", 0, 2))),
            Thread("C", child if keep else child[:1], kind="child"),
        ),
        sometimes=(SHARED, "remove_vma:fput", "zap_pte_range:ptep_get_and_clear_full"),
    )


@scenario(
    "guard-mprotect",
    "a guard region installed in a file mapping while mprotect changes its flags",
)
def guard_mprotect() -> Program:
    """A, then B get a guard region, A also other rights; fork comes after both."""
    pages = [PageSpec(n, untouched=True, file=True, vma=v) for v, n in enumerate("AB")]
    guards = (Madvise("A", "guard"), Madvise("B", "guard"), Post("done"))
    return Program(
        "guard-mprotect",
        tuple(pages),
        (
            Thread("F", (Wait("done"), Wait("done"), Fork())),
            Thread("T1", guards),
            Thread("T2", (Mprotect("A", "r"), Post("done"))),
        ),
        sometimes=("copy_nonpresent_pte:set_marker",),
    )


@scenario(
    "guard-munmap",
    "a guard region installed in a file mapping while munmap splits it",
)
def guard_munmap() -> Program:
    """B, then C get a guard region while A, of the same VMA as B, goes; then fork."""
    pages = [
        PageSpec(name, untouched=True, file=True, vma=vma)
        for name, vma in (("A", 0), ("B", 0), ("C", 1))
    ]
    guards = (Madvise("B", "guard"), Madvise("C", "guard"), Post("done"))
    return Program(
        "guard-munmap",
        tuple(pages),
        (
            Thread("F", (Wait("done"), Wait("done"), Fork())),
            Thread("T1", guards),
            Thread("T2", (Munmap("A"), Post("done"))),
        ),
        sometimes=("copy_nonpresent_pte:set_marker", "__split_vma:vma_complete"),
    )


@scenario(
    "dirty-cow",
    "a private file page thrown away between a pin's fault and the lookup after it",
    rounds=1,
)
def dirty_cow(*, rounds: int) -> Program:
    """CVE-2016-5195: what the device writes through the pin must not be in the file."""
    pin = (Pin("A", fast=False), Wait("written"), Unpin("A"))
    return Program(
        "dirty-cow",
        (PageSpec("A", words=2, init=(5,), file=True),),
        (
            Thread("T1", pin * rounds),
            Thread("T2", (Madvise("A", "dontneed"), Store("A", 1, 7)) * rounds),
            Thread("dev", (DmaStore("A", 0, 9), Post("written")) * rounds, "device"),
            FORK,
            child_reads(["A"]),
        ),
        sometimes=(
            "follow_page_pte:try_grab_folio",
            "do_cow_fault:copy_mc_user_highpage",
            "wp_page_copy:set_pte_at",
        ),
    )


@scenario(
    "first-touch",
    "the first store to memory never touched is retried under mmap_lock, during fork",
    pages=2,
)
def first_touch(*, pages: int) -> Program:
    """Each page in a VMA of its own, which has no anon_vma before the store."""
    names = page_names(pages)
    return Program(
        "first-touch",
        tuple(PageSpec(name, untouched=True, vma=n) for n, name in enumerate(names)),
        (FORK, Thread("T1", tuple(Store(name, 0, 1) for name in names))),
        sometimes=("do_anonymous_page:set_pte_at", "vma_start_write:wait_for_readers"),
    )


@scenario(
    "dontneed-twice",
    "two threads throw one page away; may the second return before the first's flush?",
    guard=0,
)
def dontneed_twice(*, guard: int) -> Program:
    """A third thread uses the page before and after the second says that it is gone.

    With *guard* the second makes it a guard.
    """
    again = Madvise("A", "guard" if guard else "dontneed")
    return Program(
        "dontneed-twice",
        (PageSpec("A", init=(5,)),),
        (
            Thread("T1", (Madvise("A", "dontneed"),)),
            Thread("T2", (again, Post("gone"))),
            Thread("T3", (Load("A", 0, "r1"), Wait("gone"), Load("A", 0, "r2"))),
        ),
        sometimes=("tlb_finish_mmu:folio_put",),
    )


@scenario(
    "gup-retry",
    "a page thrown away between the fault that a pin took and the lookup after it",
    rounds=1,
)
def gup_retry(*, rounds: int) -> Program:
    """A device writes through the pin; the page must be the process' own."""
    pin = (Pin("A", fast=False), Wait("written"), Unpin("A"))
    return Program(
        "gup-retry",
        (PageSpec("A", init=(5,), read_only=True), PageSpec("B", untouched=True)),
        (
            Thread("T1", pin * rounds),
            Thread("T2", (Madvise("A", "dontneed"),) * rounds),
            Thread("T3", (Load("B", 0, "r"),)),
            Thread("dev", (DmaStore("A", 0, 9), Post("written")) * rounds, "device"),
        ),
        sometimes=("follow_page_pte:try_grab_folio", "tlb_finish_mmu:folio_put"),
    )
