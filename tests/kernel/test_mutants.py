"""The mutation catalogue: what each missing guard breaks, and what breaks nothing."""

from __future__ import annotations

import pytest

from forkfuzz.engine import Outcome
from forkfuzz.harness.run import Run
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios import open_program
from walking import Walk

RUNS = 600
CONTROL_RUNS = 60

MUTANTS = [
    ("final_flush=none", "mp pinned=0", "tlb.stale-writable"),
    ("final_flush=none", "mp pinned=0 threads=2", "snapshot.leak-to-child"),
    ("final_flush=after_unlock", "mp pinned=0", "snapshot.leak-to-child"),
    ("final_flush=skip_cpu", "mp pinned=0", "snapshot.leak-to-child"),
    ("final_flush=no_ack", "mp pinned=0", "snapshot.leak-to-child"),
    ("pinned_copy=copy_only", "mp", "snapshot.torn"),
    ("pinned_copy=copy_only", "in-page", "snapshot.torn"),
    ("pinned_copy=copy_only", "horn", "snapshot.torn"),
    ("pinned_copy=copy_only", "refs-1023", "snapshot.torn"),
    ("pinned_copy=protect_copy", "mp", "snapshot.torn"),
    ("pinned_copy=flush_copy", "mp", "snapshot.torn"),
    ("pinned_copy=copy_protect_flush", "mp", "snapshot.torn"),
    ("pinned_copy=lazy_queue", "mp", "snapshot.torn"),
    ("early_cow=off", "pinned-device", "pin.diverged"),
    ("vma_lock=none", "ro-upgrade", "snapshot.torn"),
    ("vma_lock=none", "lost-store", "parent.lost-store"),
    ("vma_lock=none", "ro-upgrade pinned=1", "snapshot.torn"),
    ("vma_lock=after_walk", "ro-upgrade", "snapshot.torn"),
    ("vma_lock=anon_vma_only", "guard", "snapshot.torn"),
    ("vma_lock=private_writable_only", "dontneed read_only=1", "snapshot.torn"),
    ("vma_recheck=off", "ro-upgrade", "lock.vma-overlap"),
    ("unlock_order=seq_then_flush", "mp pinned=0", "tlb.stale-writable"),
    ("child_unlock=before_flush", "child-collapse", "snapshot.stale"),
    ("write_protect_seq=off", "pin-fork-race", "pin.not-exclusive"),
    ("write_protect_seq=fork_only", "pin-fork-race", "pin.not-exclusive"),
    ("write_protect_seq=gup_only", "pin-fork-race", "pin.not-exclusive"),
    ("has_pinned_first=off", "pin-fork-race", "pin.not-exclusive"),
    ("gup_unshare=off", "ro-pin", "pin.not-exclusive"),
    ("gup_unshare=off", "ro-pin", "pin.diverged"),
    ("reuse=mapcount", "vmsplice", "snapshot.leak-to-child"),
    ("reuse=refcount", "ro-upgrade pinned=1", "pin.diverged"),
    ("cow_order=set_then_flush", "cow-break", "tlb.two-frames"),
    ("cow_order=drop_ptl", "cow-break", "parent.lost-store"),
    ("rmap_drop=before_flush", "cow-break", "snapshot.leak-to-parent"),
    ("pinned_keeps_exclusive=off", "pinned-device", "pin.diverged"),
    ("zap_flush=after_free", "dontneed", "tlb.use-after-free"),
    ("gather_nested=off", "dontneed-twice", "tlb.stale-writable"),
    ("guard_flush=off", "dontneed-twice guard=1", "tlb.stale-writable"),
    ("mprotect_flush=none", "mprotect", "tlb.stale-writable"),
    ("gup_retry=drops_write", "gup-retry", "pin.not-exclusive"),
    ("gup_retry=drops_write", "gup-retry", "parent.lost-store"),
    ("gup_retry=drops_write", "dirty-cow", "file.written"),
    ("mprotect_flags=before_vma_lock", "guard-mprotect", "snapshot.torn"),
    ("split_flags=before_vma_lock", "guard-munmap", "snapshot.torn"),
    ("fault_retry=vma_locked", "first-touch", "lock.deadlock"),
    ("ptl_irqs=off", "cow-break", "lock.deadlock"),
]

CONTROLS = [
    ("protect_again=off", "mp"),
    ("protect_again=off", "horn"),
    ("pin_test=before_ref", "pin-fork-race"),
    ("pin_test=ignore_exclusive", "second-fork"),
    ("pin_bias=above", "pin-fork-race"),
    ("pin_bias=above", "refs-1023"),
    ("kernel_fault=vma_lock", "copy-to-user"),
    ("fault_lock=mmap", "ro-upgrade"),
    ("fault_lock=mmap,vma_lock=none", "ro-upgrade"),
    ("vma_lock=anon_vma_only", "ro-upgrade"),
    ("mprotect_flags=before_vma_lock", "mprotect"),
    ("split_flags=before_vma_lock", "mprotect"),
    ("vma_lock=private_writable_only", "ro-upgrade"),
    ("child_unlock=before_flush", "mp"),
    ("gup_recheck=off", "pin-fork-race"),
]


def found(rules: str, scenario: str, runs: int, wanted: str = "") -> set[str]:
    """Return the properties broken in so many runs, or until *wanted* is."""
    strategy, props = Walk(11), set[str]()
    program, parsed = open_program(scenario), parse_rules(f"seed,{rules}")
    for _ in range(runs):
        strategy.begin()
        result = Run(program, parsed, strategy).execute()
        assert result.outcome is Outcome.FINISHED or wanted == "lock.deadlock"
        props.update(violation.prop for violation in result.violations)
        if wanted in props:
            break
    return props


@pytest.mark.parametrize(("rules", "scenario", "prop"), MUTANTS)
def test_a_missing_guard_is_noticed(rules: str, scenario: str, prop: str) -> None:
    """By the property that it breaks, within some hundred random runs."""
    assert prop in found(rules, scenario, RUNS, prop)


@pytest.mark.parametrize(("rules", "scenario"), CONTROLS)
def test_a_negative_control_breaks_nothing(rules: str, scenario: str) -> None:
    """Kernels that differ without being wrong must not be reported."""
    assert found(rules, scenario, CONTROL_RUNS) == set()
