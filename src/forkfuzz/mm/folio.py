"""Page frames: contents, counts, and who holds references.

Source: include/linux/mm_types.h (struct folio), page-flags.h (PageAnonExclusive).
Left out: large folios, LRU lists.
"""

from __future__ import annotations

import functools

import attrs

from forkfuzz.engine import Access, reads, writes

GUP_PIN_COUNTING_BIAS = 1024
"""What FOLL_PIN adds to the refcount of a small folio, the reference included."""

ZERO_PFN = 0
"""The frame of the zero page, which is never written and never counted."""


@functools.cache
def word_accesses(
    pfn: int, words: int
) -> tuple[tuple[Access, ...], tuple[Access, ...]]:
    """Return the accesses of reading, and of writing, each word of a frame."""
    names = [f"page:{pfn}.{index}" for index in range(words)]
    return tuple(map(reads, names)), tuple(map(writes, names))


@functools.cache
def count_accesses(pfn: int) -> tuple[Access, Access]:
    """Return the (read, write) accesses of a folio's counts and flags."""
    return reads(f"folio:{pfn}"), writes(f"folio:{pfn}")


class Folio:
    """A page frame and the folio that lives in it at the moment.

    Attributes:
        pfn: Frame number; also the index in ``World.frames``.
        words: Contents. Each word holds the identity of the store that wrote it, 0
            for a word that the kernel cleared.
        refcount: All references: mappings, FOLL_GET, 1024 for each FOLL_PIN, others.
        mapcount: Page-table entries that map it (not stored minus one).
        anon: Whether it is anonymous memory.
        anon_exclusive: PageAnonExclusive: certainly not shared.
        locked: PG_locked, the folio lock.
        swap_cache: Whether the swap cache holds it, with one reference.
        swap_count: How many swap entries refer to its slot.
        free: Whether the allocator has it.
    """

    __slots__ = (
        "anon",
        "anon_exclusive",
        "free",
        "locked",
        "mapcount",
        "peek",
        "pfn",
        "refcount",
        "swap_cache",
        "swap_count",
        "touch",
        "word_reads",
        "word_writes",
        "words",
    )

    def __init__(self, pfn: int, words: int) -> None:
        self.pfn = pfn
        self.words = [0] * words
        self.refcount = 0
        self.mapcount = 0
        self.anon = False
        self.anon_exclusive = False
        self.locked = False
        self.swap_cache = False
        self.swap_count = 0
        self.free = True
        self.word_reads, self.word_writes = word_accesses(pfn, words)
        self.peek, self.touch = count_accesses(pfn)


@attrs.define(eq=False, slots=True)
class Pin:
    """A reference that get_user_pages or pin_user_pages gave out.

    Attributes:
        mm_name: Name of the mm whose address was looked up.
        vpn: That address.
        pfn: The frame that it led to.
        pinned: FOLL_PIN if true, FOLL_GET if not.
        write: Whether its holder may write through it (FOLL_WRITE).
        released: Whether it was given back.
    """

    mm_name: str
    vpn: int
    pfn: int
    pinned: bool
    write: bool
    released: bool = False
