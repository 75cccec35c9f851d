"""Programs about faults, zaps and kernel threads while fork runs and after it."""

from __future__ import annotations

from .program import (
    Collapse,
    Exit,
    Fork,
    Load,
    Madvise,
    PageSpec,
    Post,
    Program,
    Statement,
    Store,
    SwapOut,
    Thread,
    Wait,
)
from .registry import scenario
from .snapshot import FORK, SHARED, page_names


@scenario(
    "cow-break",
    "after fork, threads of the parent and the child break COW of one page at once",
    rounds=1,
)
def cow_break(*, rounds: int) -> Program:
    """One thread stores, another loads and stores, the child stores."""
    stores = tuple(Store("A", 0, i) for i in range(1, rounds + 1))
    return Program(
        "cow-break",
        (PageSpec("A", words=3),),
        (
            Thread("F", (Fork(), Post("forked"), Post("forked"))),
            Thread("T1", (Wait("forked"), *stores, Load("A", 0, "r"))),
            Thread(
                "T2",
                (
                    Wait("forked"),
                    Load("A", 2, "r1"),
                    Store("A", 1, 7),
                    Load("A", 1, "r"),
                    Load("A", 2, "r2"),
                ),
            ),
            Thread("C", (Store("A", 2, 9), Load("A", 2, "r"), Exit()), kind="child"),
        ),
        sometimes=("wp_page_copy:set_pte_at", "wp_page_reuse:set_pte"),
    )


@scenario(
    "dontneed",
    "MADV_DONTNEED under the VMA lock, with its late flush, while fork walks",
    pages=2,
    read_only=0,
)
def dontneed(*, pages: int, read_only: int) -> Program:
    """One thread throws the pages away in order, another uses the first one.

    With ``read_only`` the mapping is PROT_READ at present.
    """
    names = page_names(pages)
    prot = "r" if read_only else "rw"
    # Each in a VMA of its own: fork copies a small VMA in one hold of the page-table
    # lock, and nobody gets in between.
    specs = [
        PageSpec(name, words=2, init=(5,), prot=prot, vma=n)
        for n, name in enumerate(names)
    ]
    zaps = [Madvise(n, "dontneed") for n in names]
    user: tuple[Statement, ...] = (Load("A", 0, "r1"), Load("A", 0, "r2"))
    if not read_only:
        user = (Store("A", 1, 7), Load("A", 0, "r1"), Store("A", 1, 8))
    return Program(
        "dontneed",
        tuple(specs),
        (FORK, Thread("T1", tuple(zaps)), Thread("T2", user)),
        sometimes=("tlb_finish_mmu:folio_put", SHARED),
    )


@scenario(
    "guard",
    "guard regions installed under the VMA lock, in a file mapping never touched before",
    pages=2,
)
def guard(*, pages: int) -> Program:
    """One thread installs guard regions in order; the child's must be a prefix."""
    names = page_names(pages)
    return Program(
        "guard",
        tuple(
            PageSpec(name, untouched=True, file=True, vma=n)
            for n, name in enumerate(names)
        ),
        (FORK, Thread("T1", tuple(Madvise(n, "guard") for n in names))),
        sometimes=("copy_nonpresent_pte:set_marker",),
    )


@scenario(
    "copy-to-user",
    "stores that the kernel makes for a thread; their faults use mmap_lock only",
    rounds=2,
)
def copy_to_user(*, rounds: int) -> Program:
    """As ro-upgrade, with every other store made in kernel mode."""
    stores = [
        Store(page, 0, i, kernel=bool(i % 2))
        for i in range(1, rounds + 1)
        for page in ("A", "B")
    ]
    return Program(
        "copy-to-user",
        (PageSpec("A", read_only=True), PageSpec("B", read_only=True)),
        (FORK, Thread("T1", tuple(stores))),
        sometimes=(SHARED, "wp_page_reuse:set_pte"),
    )


@scenario(
    "child-collapse",
    "khugepaged finds the child before the parent's TLBs are flushed",
    rounds=2,
)
def child_collapse(*, rounds: int) -> Program:
    """A thread stores to A, then to B, while khugepaged copies A, then B."""
    stores = [Store(p, 0, i) for i in range(1, rounds + 1) for p in ("A", "B")]
    return Program(
        "child-collapse",
        (PageSpec("A"), PageSpec("B")),
        (
            FORK,
            Thread("T1", tuple(stores)),
            Thread("khugepaged", (Collapse(),), kind="kernel"),
        ),
        sometimes=("__collapse_huge_page_copy:copy_mc_user_highpage",),
    )


@scenario(
    "swapout",
    "reclaim unmaps pages through rmap while fork walks, with a flush that comes late",
    rounds=2,
    pinned=0,
)
def swapout(*, rounds: int, pinned: int) -> Program:
    """Reclaim moves pages to the swap cache; one thread stores, one throws A away."""
    stores = [Store(p, 0, i) for i in range(1, rounds + 1) for p in ("A", "B")]
    return Program(
        "swapout",
        (PageSpec("A", pin="rw" if pinned else ""), PageSpec("B")),
        (
            FORK,
            Thread("T1", tuple(stores)),
            Thread("T2", (Madvise("A", "dontneed"),)),
            Thread("kswapd", (SwapOut("A"), SwapOut("B")), kind="kernel"),
            Thread("C", (Load("B", 0, "b"), Store("B", 0, 90)), kind="child"),
        ),
        sometimes=(
            "do_swap_page:set_pte_at",
            "copy_nonpresent_pte:clear_swp_exclusive",
            SHARED,
        ),
    )
