"""What the model takes for granted, to be said wherever a verdict is given."""

from __future__ import annotations

from forkfuzz.scenarios.program import Program

ASSUMPTIONS = (
    "sequentially consistent memory",
    "small pages in one page table",
)
"""What holds for every run of the model."""


def assumptions(program: Program) -> tuple[str, ...]:
    """Return what runs of *program* assume, one item each."""
    if program.lazy_tlb:
        events = "TLB fill and evict at any step"
    elif program.hardware_events:
        count = program.hardware_events
        events = f"TLB fill and evict at any step ({count} a CPU)"
    else:
        events = "no TLB fill or evict but those that accesses make"
    checks = "only P" if program.hw_dirty_lax else "P, W and the frame"
    return (*ASSUMPTIONS, events, f"hardware re-checks {checks} when it sets D")
