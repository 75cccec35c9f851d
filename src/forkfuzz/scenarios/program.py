"""Programs as data: pages, threads, and what each thread does.

A scenario is a program with parameters. Programs are plain values, so they can be
compared, printed, cut down and written to files.
"""

from __future__ import annotations

import attrs

from forkfuzz.errors import UsageError

MAX_PAGES = 256
MAX_WORDS = 64
MAX_THREADS = 16
MAX_STATEMENTS = 1000


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


@attrs.frozen(slots=True)
class Store:
    """Store *value*; with ``kernel`` as the kernel does on the thread's behalf."""

    page: str
    index: int
    value: int
    kernel: bool = False


@attrs.frozen(slots=True)
class Load:
    """Load into a register of the thread."""

    page: str
    index: int
    register: str


@attrs.frozen(slots=True)
class Fork:
    """fork(); the child's threads start when it has returned."""


@attrs.frozen(slots=True)
class Pin:
    """pin_user_pages, or with ``get`` get_user_pages, on one page.

    Attributes:
        write: FOLL_WRITE.
        get: FOLL_GET instead of FOLL_PIN.
        fast: Try gup_fast before the slow path.
    """

    page: str
    write: bool = True
    get: bool = False
    fast: bool = True


@attrs.frozen(slots=True)
class Unpin:
    """Give back the oldest reference that is left on the page."""

    page: str


@attrs.frozen(slots=True)
class DmaStore:
    """A device writes through a page reference, once there is one."""

    page: str
    index: int
    value: int


@attrs.frozen(slots=True)
class DmaLoad:
    """A device, or the kernel, reads through a page reference, once there is one."""

    page: str
    index: int
    register: str


@attrs.frozen(slots=True)
class Peek:
    """Read through the FOLL_GET reference that the thread's process took.

    Once there is one; nothing happens if there never is. It does not matter whether
    the page is still mapped.
    """

    page: str
    index: int
    register: str


@attrs.frozen(slots=True)
class Mprotect:
    """mprotect() on one page: ``r``, ``rw`` or ``none``."""

    page: str
    prot: str


@attrs.frozen(slots=True)
class Munmap:
    """munmap() of one page."""

    page: str


@attrs.frozen(slots=True)
class Madvise:
    """madvise(): ``dontneed``, ``dontfork``, ``wipeonfork`` or ``guard``."""

    page: str
    advice: str


@attrs.frozen(slots=True)
class Collapse:
    """khugepaged collapses the memory of the newest child, once it is visible."""


@attrs.frozen(slots=True)
class SwapOut:
    """Reclaim moves the parent's page to the swap cache, unless it may be pinned."""

    page: str


@attrs.frozen(slots=True)
class RawPte:
    """Store a page-table entry as hardware sees it, past every rule of the kernel.

    Attributes:
        page: Whose entry, in the address space of the thread.
        action: ``map``: present and writable, accessed and dirty, to the frame that
            *source* had at the start; ``none``: clear the entry; ``ro``, ``rw``: clear
            or set W.
        source: A page that has a frame at the start, for ``map``.
    """

    page: str
    action: str
    source: str = ""


@attrs.frozen(slots=True)
class SwapPte:
    """Exchange an entry with nothing, atomically; load 1 if it was dirty, else 0."""

    page: str
    register: str


@attrs.frozen(slots=True)
class Invlpg:
    """Drop the translation of a page on the CPU of the thread."""

    page: str


@attrs.frozen(slots=True)
class Shootdown:
    """Drop it on every CPU that runs the address space; without a page, drop all."""

    page: str = ""


@attrs.frozen(slots=True)
class Post:
    """Let one `Wait` on the same semaphore go on."""

    semaphore: str


@attrs.frozen(slots=True)
class Wait:
    """Wait for a `Post`."""

    semaphore: str


@attrs.frozen(slots=True)
class Kill:
    """Send a fatal signal to a thread: its killable waits give up."""

    thread: str


@attrs.frozen(slots=True)
class Exit:
    """The child exits: its memory is taken down."""


Statement = (
    Store
    | Load
    | Fork
    | Pin
    | Unpin
    | DmaStore
    | DmaLoad
    | Peek
    | Mprotect
    | Munmap
    | Madvise
    | Collapse
    | SwapOut
    | RawPte
    | SwapPte
    | Invlpg
    | Shootdown
    | Post
    | Wait
    | Kill
    | Exit
)


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
        sometimes: Labels that a campaign must have reached to mean anything.
        faults_stop: No kernel: an access that faults ends its thread.
    """

    name: str
    pages: tuple[PageSpec, ...]
    threads: tuple[Thread, ...]
    hw_dirty_lax: bool = False
    fail_sites: tuple[str, ...] = ()
    hardware_events: int = 3
    lazy_tlb: bool = False
    sometimes: tuple[str, ...] = ()
    faults_stop: bool = False

    def __attrs_post_init__(self) -> None:
        """Refuse what cannot be run."""
        self._check_counts()
        _check_unique("page", [page.name for page in self.pages])
        _check_unique("thread", [thread.name for thread in self.threads])
        self._check_statements()

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


def _check_unique(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            msg = f"two {what}s are named {name!r}"
            raise UsageError(msg)
