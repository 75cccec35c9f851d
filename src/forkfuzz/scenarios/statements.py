"""What a thread of a program can do: statements, as plain values."""

from __future__ import annotations

import attrs

from forkfuzz.errors import UsageError

PROTECTIONS = ("rw", "r", "none")
"""What a VMA may allow."""
RAW_ACTIONS = ("map", "none", "ro", "rw")
"""What `RawPte` can do to an entry."""


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

    def __attrs_post_init__(self) -> None:
        """Refuse what is not a protection."""
        if self.prot not in PROTECTIONS:
            msg = f"no protection {self.prot!r}, expected one of "
            raise UsageError(msg + ", ".join(PROTECTIONS))


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

    def __attrs_post_init__(self) -> None:
        """Refuse what is not an action."""
        if self.action not in RAW_ACTIONS:
            msg = f"no action {self.action!r} on an entry, expected one of "
            raise UsageError(msg + ", ".join(RAW_ACTIONS))


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
