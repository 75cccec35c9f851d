"""Programs as data: pages, threads, and what each thread does.

A scenario is a program with parameters. Programs are plain values, so they can be
compared, printed, cut down and written to files.
"""

from __future__ import annotations

import itertools

import attrs

from forkfuzz.errors import UsageError

from .statements import (
    PROTECTIONS,
    Collapse,
    DmaLoad,
    DmaStore,
    Exit,
    Fork,
    Invlpg,
    Kill,
    Load,
    Madvise,
    Mprotect,
    Munmap,
    Peek,
    Pin,
    Post,
    RawPte,
    Shootdown,
    Statement,
    Store,
    SwapOut,
    SwapPte,
    Unpin,
    Wait,
)

MAX_PAGES = 256
MAX_WORDS = 64
MAX_THREADS = 16
MAX_STATEMENTS = 1000

RAW = (RawPte, SwapPte)
"""Statements that change page tables themselves, which is the kernel's business.

Invalidating what a TLB has cached is not: the processor may do so at any time.
"""


@attrs.frozen(slots=True)
class PageSpec:
    """One page before the run starts; by default present, writable and all zero.

    Attributes:
        name: As the program calls it.
        words: How many of its 8-byte words the program names.
        init: First values, the rest are 0.
        shared: MAP_SHARED anonymous memory.
        untouched: No entry yet.
        read_only: Present and exclusive, but without W, as after mprotect.
        clean: W without D.
        prot: What its VMA allows: ``rw``, ``r`` or ``none``.
        vma: Pages with the same number, which must be neighbours, share a VMA.
        pin: ``rw`` or ``ro``: pinned from before the start with FOLL_PIN.
        refs: How many foreign FOLL_GET references it has.
        has_pinned: Whether the mm has pinned something before.
        dontfork: MADV_DONTFORK.
        wipeonfork: MADV_WIPEONFORK.
        maps: Another page, which comes before this one and whose frame this one maps.
        swapped: Unmapped by reclaim before the start: an exclusive swap entry of a page
            in the swap cache.
        file: Private mapping of a file, not yet copied: without W, or with no entry if
            it is untouched too. *init* is what the file holds.
    """

    name: str
    words: int = 1
    init: tuple[int, ...] = ()
    shared: bool = False
    untouched: bool = False
    read_only: bool = False
    clean: bool = False
    prot: str = "rw"
    vma: int = 0
    pin: str = ""
    refs: int = 0
    has_pinned: bool = False
    dontfork: bool = False
    wipeonfork: bool = False
    maps: str = ""
    swapped: bool = False
    file: bool = False

    def __attrs_post_init__(self) -> None:
        """Refuse attributes that contradict each other."""
        if self.prot not in PROTECTIONS:
            msg = f"{self.name}: no protection {self.prot!r}, "
            msg += f"expected one of {', '.join(PROTECTIONS)}"
            raise UsageError(msg)
        for first, excluded in _EXCLUDED.items():
            for second in excluded:
                if getattr(self, first) and getattr(self, second):
                    msg = f"{self.name} cannot be both {first} and {second}"
                    raise UsageError(msg)

    @property
    def owns_frame(self) -> bool:
        """Return whether it maps an anonymous frame of its own at the start."""
        others = self.maps or self.swapped or self.untouched or self.shared
        return not (others or self.file)


_EXCLUDED = {
    "maps": ("swapped", "untouched", "shared", "pin", "refs", "init"),
    "swapped": ("untouched", "shared", "pin", "refs"),
    "file": ("maps", "swapped", "shared", "pin", "read_only", "clean", "wipeonfork"),
}


@attrs.frozen(slots=True)
class Thread:
    """One column of a program.

    Attributes:
        name: Unique.
        statements: In program order.
        kind: ``parent``: a thread of the parent, on a CPU of its own; ``child``: of
            the child that fork number ``fork`` makes; ``device``; ``kernel``: a kernel
            thread, on a CPU of its own.
        fork: Which fork, counted from 1 in the order in which they begin.
    """

    name: str
    statements: tuple[Statement, ...]
    kind: str = "parent"
    fork: int = 1


@attrs.frozen(slots=True)
class Program:
    """What one run executes.

    Attributes:
        name: Of the scenario or file it came from, with its parameters.
        pages: In address order.
        threads: In the order in which their tasks are created.
        hw_dirty_lax: Hardware that re-checks only P when it sets D.
        fail_sites: Allocation sites that fail, each once.
        hardware_events: How many spontaneous TLB fills and evictions each CPU may see.
        lazy_tlb: Without tasks for them: they are decided, in any number, when they
            matter. For exhaustive checking; see `forkfuzz.mm.lazy_tlb`.
        tlb_evictions: Whether a cached translation may go without a flush. If not, all
            of memory is cached on every CPU from the start.
        sometimes: Labels that a campaign must have reached to mean anything.
        faults_stop: An access that faults ends its thread, whatever the kernel would do.
    """

    name: str
    pages: tuple[PageSpec, ...]
    threads: tuple[Thread, ...]
    hw_dirty_lax: bool = False
    fail_sites: tuple[str, ...] = ()
    hardware_events: int = 3
    lazy_tlb: bool = False
    tlb_evictions: bool = True
    sometimes: tuple[str, ...] = ()
    faults_stop: bool = False

    def __attrs_post_init__(self) -> None:
        """Refuse what cannot be run."""
        self._check_counts()
        _check_unique("page", [page.name for page in self.pages])
        _check_unique("thread", [thread.name for thread in self.threads])
        self._check_vmas()
        self._check_mapped()
        self._check_statements()

    @property
    def raw(self) -> bool:
        """Return whether it goes past the kernel, which then can promise nothing.

        It may leave entries and counts as the kernel never does: one frame mapped
        twice, or mapped without being counted.
        """
        return any(page.maps for page in self.pages) or any(
            isinstance(statement, RAW)
            for thread in self.threads
            for statement in thread.statements
        )

    def _check_counts(self) -> None:
        # (what, how many, at least, at most)
        limits = (
            ("pages", len(self.pages), 1, MAX_PAGES),
            ("threads", len(self.threads), 1, MAX_THREADS),
            (
                "words in a page",
                max((p.words for p in self.pages), default=1),
                1,
                MAX_WORDS,
            ),
            (
                "statements in a thread",
                max((len(t.statements) for t in self.threads), default=0),
                0,
                MAX_STATEMENTS,
            ),
        )
        for what, count, least, most in limits:
            if not least <= count <= most:
                msg = f"{self.name}: {count} {what}, expected {least} to {most}"
                raise UsageError(msg)

    def _check_vmas(self) -> None:
        """Refuse neighbours that cannot be in the VMA that they share."""
        for before, page in itertools.pairwise(self.pages):
            if page.vma == before.vma and page.file != before.file:
                msg = f"{self.name}: {before.name} and {page.name} share a VMA, but "
                msg += "only one is of a file"
                raise UsageError(msg)

    def _check_mapped(self) -> None:
        """Refuse to map the frame of a page that has none yet."""
        for number, page in enumerate(self.pages):
            owners = {p.name for p in self.pages[:number] if p.owns_frame}
            if page.maps and page.maps not in owners:
                msg = f"{self.name}: {page.name} maps {page.maps!r}, "
                msg += "expected an anonymous page before it that has a frame"
                raise UsageError(msg)

    def _check_statements(self) -> None:
        words = {page.name: page.words for page in self.pages}
        for thread in self.threads:
            for statement in thread.statements:
                page = getattr(statement, "page", None)
                if page and page not in words:
                    msg = f"{self.name}: {thread.name} uses {page!r}, not a page"
                    raise UsageError(msg)
                index = getattr(statement, "index", 0)
                if page and not 0 <= index < words[page]:
                    msg = f"{self.name}: {page}[{index}] is outside its page"
                    raise UsageError(msg)
                if isinstance(statement, RawPte):
                    self._check_source(thread, statement)
                if isinstance(statement, Kill):
                    self._check_killed(thread, statement)

    def _check_killed(self, thread: Thread, statement: Kill) -> None:
        if all(t.name != statement.thread or t.kind == "device" for t in self.threads):
            msg = f"{self.name}: {thread.name} kills {statement.thread!r}, not a thread"
            raise UsageError(msg)

    def _check_source(self, thread: Thread, statement: RawPte) -> None:
        source = statement.source
        frames = {p.name for p in self.pages if not p.untouched}
        if statement.action == "map" and source not in frames:
            msg = f"{self.name}: {thread.name} maps {source!r}, expected a page that "
            msg += "has a frame at the start"
            raise UsageError(msg)


def _check_unique(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            msg = f"two {what}s are named {name!r}"
            raise UsageError(msg)


__all__ = [
    "MAX_PAGES",
    "MAX_STATEMENTS",
    "MAX_THREADS",
    "MAX_WORDS",
    "PROTECTIONS",
    "Collapse",
    "DmaLoad",
    "DmaStore",
    "Exit",
    "Fork",
    "Invlpg",
    "Kill",
    "Load",
    "Madvise",
    "Mprotect",
    "Munmap",
    "PageSpec",
    "Peek",
    "Pin",
    "Post",
    "Program",
    "RawPte",
    "Shootdown",
    "Statement",
    "Store",
    "SwapOut",
    "SwapPte",
    "Thread",
    "Unpin",
    "Wait",
]
