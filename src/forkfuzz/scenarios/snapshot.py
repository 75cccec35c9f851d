"""Programs that store while fork copies: is the child's memory one of the parent's?"""

from __future__ import annotations

from forkfuzz.errors import UsageError

from .program import (
    DmaStore,
    Fork,
    Kill,
    Load,
    Madvise,
    PageSpec,
    Pin,
    Post,
    Program,
    Statement,
    Store,
    Thread,
    Wait,
)
from .registry import scenario

COPIED = "copy_present_page:copy_mc_user_highpage"
SHARED = "__copy_present_ptes:set_ptes"
FORK = Thread("F", (Fork(),))


def page_names(count: int) -> list[str]:
    """Return A, B, ..., Z, P26, P27, ..."""
    return [chr(ord("A") + n) if n < 26 else f"P{n}" for n in range(count)]


def child_reads(pages: list[str]) -> Thread:
    """Return a child thread that loads the first word of each page, last page first."""
    loads = [Load(page, 0, page.lower()) for page in reversed(pages)]
    return Thread("C", tuple(loads), kind="child")


@scenario(
    "mp",
    "message passing across fork: A then B, A pinned; the child must not see B alone",
    pages=2,
    words=1,
    threads=1,
    rounds=3,
    pinned=1,
)
def mp(*, pages: int, words: int, threads: int, rounds: int, pinned: int) -> Program:
    """Each thread stores 1, 2, ... to a word of its own in every page, in order."""
    names = page_names(pages)
    width = max(words, threads)
    specs = [
        PageSpec(name, words=width, pin="rw" if n < pinned else "")
        for n, name in enumerate(names)
    ]
    writers = [
        Thread(
            f"T{t + 1}",
            tuple(Store(name, t, i) for i in range(1, rounds + 1) for name in names),
        )
        for t in range(threads)
    ]
    reached = (COPIED, SHARED) if 0 < pinned < pages else (SHARED,)
    return Program(
        "mp",
        tuple(specs),
        (FORK, *writers, child_reads(names)),
        sometimes=reached if not pinned or pinned < pages else (COPIED,),
    )


@scenario(
    "in-page",
    "two words of one pinned page, stored in order: torn inside the page",
    words=2,
    rounds=2,
)
def in_page(*, words: int, rounds: int) -> Program:
    """One thread stores to word 0, 1, ... of one page, round after round."""
    stores = [Store("A", w, i) for i in range(1, rounds + 1) for w in range(words)]
    return Program(
        "in-page",
        (PageSpec("A", words=words, pin="rw"),),
        (FORK, Thread("T1", tuple(stores))),
        sometimes=(COPIED,),
    )


@scenario(
    "horn",
    "a counter stored to six words in three pages, two of them pinned",
    rounds=2,
)
def horn(*, rounds: int) -> Program:
    """The test program of the thread: the child's words differ by one at most."""
    names = page_names(3)
    specs = [PageSpec(n, words=2, pin="rw" if n != "B" else "") for n in names]
    stores = [
        Store(name, word, i)
        for i in range(1, rounds + 1)
        for name in names
        for word in (0, 1)
    ]
    return Program(
        "horn",
        tuple(specs),
        (FORK, Thread("T1", tuple(stores)), child_reads(names)),
        sometimes=(COPIED, SHARED),
    )


@scenario(
    "two-writers",
    "two threads, a word each in both pages; no order between the writers",
    rounds=1,
    pinned=1,
)
def two_writers(*, rounds: int, pinned: int) -> Program:
    """Each thread stores to its word of A, then of B."""
    specs = (PageSpec("A", words=2, pin="rw" if pinned else ""), PageSpec("B", words=2))
    writers = [
        Thread(
            f"T{t + 1}",
            tuple(Store(p, t, i) for i in range(1, rounds + 1) for p in ("A", "B")),
        )
        for t in (0, 1)
    ]
    return Program("two-writers", specs, (FORK, *writers), sometimes=(SHARED,))


@scenario(
    "lost-store",
    "two threads store to one page around fork and read back: is a store lost?",
    rounds=1,
    threads=2,
    pages=1,
)
def lost_store(*, rounds: int, threads: int, pages: int) -> Program:
    """Each thread stores to its word of each page and loads it, round after round."""
    names = page_names(pages)

    def body(word: int) -> tuple[Statement, ...]:
        return tuple(
            statement
            for i in range(1, rounds + 1)
            for name in names
            for statement in (Store(name, word, i), Load(name, word, f"r{i}"))
        )

    writers = [Thread(f"T{t + 1}", body(t)) for t in range(threads)]
    return Program(
        "lost-store",
        tuple(PageSpec(name, words=max(threads, 1)) for name in names),
        (FORK, *writers),
        sometimes=(SHARED, "wp_page_copy:set_pte_at"),
    )


@scenario(
    "ro-upgrade",
    "pages that became writable again just before fork: the first store faults",
    pages=2,
    rounds=2,
    pinned=0,
)
def ro_upgrade(*, pages: int, rounds: int, pinned: int) -> Program:
    """As mp, but every entry starts without W; each first store is a fault."""
    names = page_names(pages)
    specs = [
        PageSpec(n, read_only=True, pin="rw" if k < pinned else "")
        for k, n in enumerate(names)
    ]
    stores = [Store(n, 0, i) for i in range(1, rounds + 1) for n in names]
    return Program(
        "ro-upgrade",
        tuple(specs),
        (FORK, Thread("T1", tuple(stores)), child_reads(names)),
        sometimes=("wp_page_reuse:set_pte", "vma_start_write:wait_for_readers"),
    )


@scenario(
    "refs-1023",
    "so many references that a page looks pinned; decides has_pinned",
    refs=1023,
    has_pinned=1,
    rounds=2,
)
def refs_1023(*, refs: int, has_pinned: int, rounds: int) -> Program:
    """As mp, with foreign references instead of a pin."""
    specs = (PageSpec("A", refs=refs, has_pinned=bool(has_pinned)), PageSpec("B"))
    stores = [Store(p, 0, i) for i in range(1, rounds + 1) for p in ("A", "B")]
    looks_pinned = has_pinned and refs + 2 >= 1024
    return Program(
        "refs-1023",
        specs,
        (FORK, Thread("T1", tuple(stores)), child_reads(["A", "B"])),
        sometimes=(COPIED if looks_pinned else SHARED,),
    )


@scenario(
    "second-fork",
    "two forks in a row, the first child alive; a shared page is not copied early",
    rounds=1,
    refs=1023,
)
def second_fork(*, rounds: int, refs: int) -> Program:
    """Page B is shared since the first fork.

    It has many references, but only when A is pinned, after the first fork, does it
    look pinned itself.
    """
    specs = (PageSpec("A"), PageSpec("B", refs=refs))
    stores = [Store(p, 0, i) for i in range(1, rounds + 1) for p in ("A", "B")]
    child = Thread("C", (Store("B", 0, 90), Load("B", 0, "b")), kind="child")
    child2 = Thread("C2", (Load("B", 0, "b"), Load("A", 0, "a")), "child", fork=2)
    return Program(
        "second-fork",
        specs,
        (
            Thread("F", (Fork(), Pin("A"), Fork())),
            Thread("T1", tuple(stores)),
            child,
            child2,
        ),
        sometimes=(COPIED, SHARED),
    )


@scenario(
    "fork-fails",
    "fork fails half-way for want of memory; the parent must not notice",
    site=1,
    rounds=2,
)
def fork_fails(*, site: int, rounds: int) -> Program:
    """After the failure the parent stores everywhere, and forks once more.

    ``site`` is 0 for the VMA tree, 1 for a page to copy, 2 for a VMA.
    """
    sites = ("dup_mmap", "copy_present_page", "vm_area_dup")
    if site >= len(sites):
        msg = f"fork-fails: site={site}, expected 0 to {len(sites) - 1}"
        raise UsageError(msg)
    specs = (
        PageSpec("A", words=2),
        PageSpec("B", words=2, pin="rw"),
        PageSpec("C", vma=1),
    )
    stores = [Store(p, 0, i) for i in range(1, rounds + 1) for p in ("A", "B", "C")]
    forker = (Fork(), Store("A", 1, 90), Store("B", 1, 91), Fork())
    return Program(
        "fork-fails",
        specs,
        (
            Thread("F", forker),
            Thread("T1", tuple(stores)),
            Thread("C2", (Load("A", 0, "a"), Load("B", 0, "b")), "child", fork=2),
        ),
        fail_sites=(sites[site],),
        sometimes=("dup_mmap:remove_child_vmas", "copy_mm:child_runnable"),
    )


@scenario(
    "vma-flags",
    "MADV_DONTFORK, MADV_WIPEONFORK and MAP_SHARED: outside of the snapshot",
    rounds=2,
)
def vma_flags(*, rounds: int) -> Program:
    """One page of each kind, in a VMA of its own, and ordinary ones.

    E becomes MADV_DONTFORK at some time, before fork or after it. A guard region in
    the shared VMA makes fork copy that VMA's entries too.
    """
    specs = (
        PageSpec("A", dontfork=True, vma=0),
        PageSpec("B", wipeonfork=True, init=(3,), vma=1),
        PageSpec("C", shared=True, vma=2),
        PageSpec("G", shared=True, vma=2),
        PageSpec("D", vma=3),
        PageSpec("E", vma=4),
    )
    pages = ("A", "B", "C", "D", "E")
    stores = [Store(p, 0, i) for i in range(1, rounds + 1) for p in pages]
    child = (Load("B", 0, "b"), Store("B", 0, 80), Load("C", 0, "c"), Load("D", 0, "d"))
    return Program(
        "vma-flags",
        specs,
        (
            FORK,
            Thread("T1", tuple(stores)),
            Thread("T2", (Madvise("G", "guard"), Madvise("E", "dontfork"))),
            Thread("C1", child, kind="child"),
            Thread("C2", (Load("A", 0, "a"),), kind="child"),
        ),
        sometimes=(SHARED, "do_anonymous_page:set_pte_at", "finish_fault:set_pte_at"),
    )


@scenario(
    "dirty-bit",
    "clean pages: the first store of each sets D in an entry that fork is changing",
    rounds=2,
    pinned=1,
    lax=0,
)
def dirty_bit(*, rounds: int, pinned: int, lax: int) -> Program:
    """As mp, with D clear at first; ``lax`` is hardware that re-checks only P."""
    specs = (
        PageSpec("A", clean=True, pin="rw" if pinned else ""),
        PageSpec("B", clean=True),
    )
    stores = [Store(p, 0, i) for i in range(1, rounds + 1) for p in ("A", "B")]
    return Program(
        "dirty-bit",
        specs,
        (FORK, Thread("T1", tuple(stores)), child_reads(["A", "B"])),
        hw_dirty_lax=bool(lax),
        sometimes=("store:set_dirty", SHARED),
    )


@scenario(
    "signal",
    "a fatal signal reaches the forking thread while it waits for locks",
    rounds=1,
)
def signal(*, rounds: int) -> Program:
    """Faults hold VMA locks and mmap_lock, so that fork waits and may give up."""
    specs = (PageSpec("A", read_only=True), PageSpec("B", read_only=True, vma=1))
    stores = [Store(p, 0, i) for i in range(1, rounds + 1) for p in ("A", "B")]
    kernel = (Store("A", 0, 70, kernel=True), Store("B", 0, 71, kernel=True))
    return Program(
        "signal",
        specs,
        (
            Thread("F", (Fork(),)),
            Thread("T1", tuple(stores)),
            Thread("T2", kernel),
            Thread("K", (Kill("F"),)),
            child_reads(["A", "B"]),
        ),
        sometimes=("kill:signal", "dup_mmap:remove_child_vmas", SHARED),
    )


@scenario(
    "xu",
    "a device fills A, then a thread sets a flag in B: the child may see the flag alone",
    words=2,
)
def xu(*, words: int) -> Program:
    """The documented exception: a device's store is not a store of the process."""
    dma = [DmaStore("A", w, w + 1) for w in range(words)]
    return Program(
        "xu",
        (PageSpec("A", words=words, pin="rw"), PageSpec("B")),
        (
            FORK,
            Thread("dev", (*dma, Post("done")), kind="device"),
            Thread("T1", (Wait("done"), Store("B", 0, 1))),
            child_reads(["A", "B"]),
        ),
        sometimes=(COPIED, "dma:write_word"),
    )
