"""Programs about page references: devices, pins taken while fork runs, vmsplice."""

from __future__ import annotations

from .program import (
    DmaLoad,
    DmaStore,
    Fork,
    Load,
    Madvise,
    PageSpec,
    Pin,
    Post,
    Program,
    Statement,
    Store,
    SwapOut,
    Thread,
    Unpin,
    Wait,
)
from .registry import scenario
from .snapshot import COPIED, FORK, child_reads


@scenario(
    "pinned-device",
    "a device writes a pinned page word by word; the parent must see every word",
    words=2,
    devices=1,
)
def pinned_device(*, words: int, devices: int) -> Program:
    """When the devices are done, the parent loads what they wrote."""
    writers = [
        Thread(
            f"dev{d + 1}",
            (
                *(DmaStore("A", w, 10 * (d + 1) + w) for w in range(words)),
                Post("done"),
            ),
            kind="device",
        )
        for d in range(devices)
    ]
    reader: list[Statement] = [Store("B", 0, 1)]
    reader += [Wait("done")] * devices
    reader += [Load("A", w, f"r{w}") for w in range(words)]
    return Program(
        "pinned-device",
        (PageSpec("A", words=words + 1, pin="rw"), PageSpec("B")),
        (
            FORK,
            *writers,
            Thread("T1", tuple(reader)),
            Thread("T2", (Store("A", words, 7),)),
        ),
        sometimes=(COPIED, "dma:write_word"),
    )


def _transfers(rounds: int) -> tuple[list[Statement], list[Statement]]:
    """Return a thread that pins A, stores beside the device's word and unpins, and
    the device.
    """
    body: list[Statement] = []
    device: list[Statement] = []
    for i in range(1, rounds + 1):
        body += [Pin("A"), Store("A", 1, i), Wait("written"), Unpin("A")]
        device += [DmaStore("A", 0, i), Post("written")]
    return body, device


@scenario(
    "pin-fork-race",
    "pages pinned without locks while fork decides whether they are pinned",
    rounds=2,
)
def pin_fork_race(*, rounds: int) -> Program:
    """A thread pins, a device writes, the thread stores beside it and unpins."""
    body, device = _transfers(rounds)
    return Program(
        "pin-fork-race",
        (PageSpec("A", words=2),),
        (FORK, Thread("T1", tuple(body)), Thread("dev", tuple(device), kind="device")),
        sometimes=(
            "gup_fast:recheck_write_protect_seq",
            "gup_fast_pte_range:try_grab_folio_fast",
            "follow_page_pte:try_grab_folio",
        ),
    )


@scenario(
    "ro-pin",
    "a read-only pin of a page that fork has shared: it must not go stale",
    fast=1,
)
def ro_pin(*, fast: int) -> Program:
    """The parent pins for reading and stores; the device must read the store."""
    body = (Pin("A", write=False, fast=bool(fast)), Store("A", 0, 5), Post("stored"))
    return Program(
        "ro-pin",
        (PageSpec("A", init=(1,)),),
        (
            FORK,
            Thread("T1", body),
            Thread("dev", (Wait("stored"), DmaLoad("A", 0, "r")), kind="device"),
            child_reads(["A"]),
        ),
        sometimes=("follow_page_pte:try_grab_folio",),
    )


@scenario(
    "vmsplice",
    "the child keeps a reference and drops the mapping; may the parent reuse the page?",
)
def vmsplice() -> Program:
    """CVE-2020-29374, with MADV_DONTNEED in the place of munmap."""
    child = (
        Pin("A", get=True),
        Madvise("A", "dontneed"),
        Post("ready"),
        Wait("go"),
        DmaLoad("A", 0, "s"),
    )
    return Program(
        "vmsplice",
        (PageSpec("A", init=(1,)),),
        (
            Thread("F", (Fork(), Wait("ready"), Store("A", 0, 42), Post("go"))),
            Thread("C", child, kind="child"),
        ),
        sometimes=("dma:read_word",),
    )


@scenario(
    "pin-swapout",
    "a page pinned without locks while reclaim decides whether it is pinned",
    rounds=1,
)
def pin_swapout(*, rounds: int) -> Program:
    """Reclaim moves the page to the swap cache while a thread pins it, and forks."""
    body, device = _transfers(rounds)
    return Program(
        "pin-swapout",
        (PageSpec("A", words=2),),
        (
            Thread("T1", (*body, Fork())),
            Thread("dev", tuple(device), kind="device"),
            Thread("kswapd", (SwapOut("A"),), kind="kernel"),
        ),
        sometimes=(
            "gup_fast_pte_range:try_grab_folio_fast",
            "do_swap_page:set_pte_at",
            "try_to_unmap_one:restore_pte",
        ),
    )
