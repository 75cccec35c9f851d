"""Historical bugs that strategies are measured on: small programs with one guard off."""

from __future__ import annotations

import attrs

from forkfuzz.errors import UsageError


@attrs.frozen(slots=True)
class Exhibit:
    """A bug that a campaign is to find.

    Attributes:
        name: What it is called.
        scenario: Scenario, with its parameters.
        rules: Under which the bug is there.
        prop: The property that has to be broken; no other one counts.
    """

    name: str
    scenario: str
    rules: str
    prop: str


EXHIBITS = (
    Exhibit("pinned-copy", "mp", "seed,pinned_copy=copy_only", "snapshot.torn"),
    Exhibit("lazy-mmu", "mp", "seed,pinned_copy=lazy_queue", "snapshot.torn"),
    Exhibit("no-vma-lock", "mp", "seed,vma_lock=none", "snapshot.torn"),
    Exhibit("vma-lock-late", "mp", "seed,vma_lock=after_walk", "snapshot.torn"),
    Exhibit("lost-store", "lost-store", "seed,vma_lock=none", "parent.lost-store"),
    Exhibit(
        "lost-store-large",
        "lost-store threads=4 pages=8 rounds=20",
        "seed,vma_lock=none",
        "parent.lost-store",
    ),
    Exhibit("guard-region", "guard", "seed,vma_lock=anon_vma_only", "snapshot.torn"),
    Exhibit(
        "private-writable",
        "dontneed read_only=1",
        "seed,vma_lock=private_writable_only",
        "snapshot.torn",
    ),
    Exhibit(
        "no-flush", "lost-store", "seed,final_flush=none", "snapshot.leak-to-child"
    ),
    Exhibit("gup-fast", "pin-fork-race", "seed,write_protect_seq=off", "pin.diverged"),
    Exhibit("vmsplice", "vmsplice", "seed,reuse=mapcount", "snapshot.leak-to-child"),
    Exhibit("reuse-by-count", "pinned-device", "seed,reuse=refcount", "pin.diverged"),
    Exhibit("ro-pin", "ro-pin", "seed,gup_unshare=off", "pin.diverged"),
    Exhibit(
        "gup-retry", "gup-retry", "seed,gup_retry=drops_write", "parent.lost-store"
    ),
    Exhibit(
        "cow-flush", "cow-break", "seed,cow_order=set_then_flush", "tlb.two-frames"
    ),
    Exhibit("cow-ptl", "cow-break", "seed,cow_order=drop_ptl", "parent.lost-store"),
    Exhibit(
        "rmap-early",
        "cow-break",
        "seed,rmap_drop=before_flush",
        "snapshot.leak-to-child",
    ),
    Exhibit(
        "two-zaps", "dontneed-twice", "seed,gather_nested=off", "tlb.stale-writable"
    ),
)


def find_exhibits(names: tuple[str, ...]) -> tuple[Exhibit, ...]:
    """Return the exhibits of these names; all of them if there are none.

    Raises:
        UsageError: There is none of a name.
    """
    known = {exhibit.name: exhibit for exhibit in EXHIBITS}
    for name in names:
        if name not in known:
            msg = f"no exhibit {name!r}; there are {', '.join(known)}"
            raise UsageError(msg)
    return tuple(known[name] for name in names) or EXHIBITS
