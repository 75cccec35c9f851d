"""A record as a campaign writes it."""

from __future__ import annotations

from forkfuzz.campaign import Record, StoreEntry, Versions

SAMPLE = Record(
    scenario="pinned-mp",
    params={"pages": 2},
    rules="mainline",
    driver="trio",
    engine="atheris",
    strategy="coverage",
    seed=1,
    runs=212,
    property="snapshot.torn",
    severity="program",
    message="child has B = 1 but not A[0] = 1, which T1 stored before it",
    step=14,
    points=("dup_mmap:flush_tlb_mm", "store:write"),
    pair=(StoreEntry("T1", "A[0]", 1, 7), StoreEntry("T1", "B", 1, 9)),
    assumptions=("sequentially consistent memory",),
    signature="7c1e90ab",
    input="c00081ff",
    decisions=(("T1", "task:start", 2, 0), ("", "tlb:evict", 2, 1)),
    versions=Versions(forkfuzz="0.1.0", kernel="7.0", python="3.11.13"),
)
