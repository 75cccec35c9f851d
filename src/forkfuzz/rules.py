"""Which guards of the fork protocol are in force.

Each field of `Rules` is one guard; its default is what the documented protocol does.
A kernel version is a preset: a set of values with a citation. Rules are written
``preset,field=value,...``, on the command line and in files.
"""

from __future__ import annotations

from typing import Any

import attrs

from forkfuzz.errors import UsageError


def _guard(default: str, *others: str, where: str, breaks: str, text: str) -> Any:
    return attrs.field(
        default=default,
        validator=attrs.validators.in_((default, *others)),
        metadata={
            "values": (default, *others),
            "where": where,
            "breaks": breaks,
            "text": text,
        },
    )


@attrs.frozen(slots=True)
class Rules:
    """The guards in force during a run; every default is the documented protocol.

    Source: the kernel function named with each field, as of Linux 7.0.
    """

    final_flush: str = _guard(
        "before_unlock",
        "after_unlock",
        "none",
        "skip_cpu",
        "no_ack",
        where="dup_mmap",
        breaks="tlb.stale-writable, snapshot.leak-to-child",
        text="flush_tlb_mm(oldmm) with every acknowledgement before the unlock",
    )
    pinned_copy: str = _guard(
        "protect_flush_copy",
        "copy_only",
        "protect_copy",
        "flush_copy",
        "copy_protect_flush",
        "lazy_queue",
        where="copy_present_page",
        breaks="snapshot.torn",
        text="a pinned page is write-protected and flushed before it is copied",
    )
    early_cow: str = _guard(
        "on",
        "off",
        where="folio_try_dup_anon_rmap_pte",
        breaks="pin.not-exclusive, pin.diverged",
        text="a page that may be pinned is copied for the child, not shared",
    )
    vma_lock: str = _guard(
        "before_walk",
        "none",
        "after_walk",
        "anon_vma_only",
        "private_writable_only",
        where="dup_mmap: vma_start_write",
        breaks="snapshot.torn, parent.lost-store",
        text="each VMA is write-locked before its page tables are walked",
    )
    vma_recheck: str = _guard(
        "on",
        "off",
        where="vma_start_read",
        breaks="lock.vma-overlap",
        text="the sequence numbers are compared again once the reference is held",
    )
    unlock_order: str = _guard(
        "flush_then_seq",
        "seq_then_flush",
        where="dup_mmap, mmap_write_unlock",
        breaks="tlb.stale-writable, snapshot.leak-to-child",
        text="mm_lock_seq is incremented only after the flush",
    )
    child_unlock: str = _guard(
        "after_flush",
        "before_flush",
        where="dup_mmap",
        breaks="snapshot.torn",
        text="the child mm is unlocked only after the parent's flush",
    )
    write_protect_seq: str = _guard(
        "on",
        "off",
        "fork_only",
        "gup_only",
        where="copy_page_range, gup_fast",
        breaks="pin.not-exclusive, pin.diverged",
        text="a fast pin that met a page-table copy is undone",
    )
    has_pinned_first: str = _guard(
        "on",
        "off",
        where="gup_fast_fallback",
        breaks="pin.not-exclusive, pin.diverged",
        text="MMF_HAS_PINNED is set before the first page is pinned",
    )
    gup_recheck: str = _guard(
        "on",
        "off",
        where="gup_fast_pte_range",
        breaks="pin.not-exclusive",
        text="the entry is read again once the folio reference is held",
    )
    gup_unshare: str = _guard(
        "on",
        "off",
        where="gup_must_unshare",
        breaks="pin.not-exclusive",
        text="a read-only pin of a page that may be shared unshares it first",
    )
    reuse: str = _guard(
        "exclusive",
        "refcount",
        "mapcount",
        where="do_wp_page, wp_can_reuse_anon_folio",
        breaks="pin.diverged, snapshot.leak-to-child",
        text="a write fault reuses a page that is exclusive or has no other reference",
    )
    cow_order: str = _guard(
        "clear_flush_set",
        "set_then_flush",
        "drop_ptl",
        where="wp_page_copy",
        breaks="tlb.two-frames, parent.lost-store",
        text="the old entry is cleared and flushed before the new one is set",
    )
    rmap_drop: str = _guard(
        "after_flush",
        "before_flush",
        where="wp_page_copy",
        breaks="snapshot.leak-to-child",
        text="the old folio's mapcount and reference go after the flush",
    )
    pinned_keeps_exclusive: str = _guard(
        "on",
        "off",
        where="copy_present_page",
        breaks="pin.diverged",
        text="the parent keeps PageAnonExclusive on a page copied early",
    )
    zap_flush: str = _guard(
        "before_free",
        "after_free",
        where="tlb_finish_mmu",
        breaks="tlb.use-after-free",
        text="zapped pages are freed only after the flush",
    )
    gather_nested: str = _guard(
        "on",
        "off",
        where="tlb_finish_mmu",
        breaks="tlb.stale-writable, tlb.stale-readable",
        text="a gather that ends while another is pending flushes everything",
    )
    guard_flush: str = _guard(
        "on",
        "off",
        where="walk_pte_range_inner",
        breaks="tlb.stale-writable, tlb.stale-readable",
        text="a guard in an entry that is empty already flushes if a gather is pending",
    )
    mprotect_flush: str = _guard(
        "before_unlock",
        "none",
        where="mprotect_fixup, tlb_finish_mmu",
        breaks="tlb.stale-writable, tlb.stale-readable",
        text="translations that mprotect takes rights from are flushed",
    )
    mprotect_flags: str = _guard(
        "after_vma_lock",
        "before_vma_lock",
        where="mprotect_fixup, madvise_update_vma",
        breaks="snapshot.torn",
        text="mprotect and madvise make new VMA flags when no reader can set "
        "VM_MAYBE_GUARD",
    )
    split_flags: str = _guard(
        "after_vma_lock",
        "before_vma_lock",
        where="__split_vma",
        breaks="snapshot.torn",
        text="the part that is split off a VMA gets its flags when no reader can set "
        "VM_MAYBE_GUARD",
    )
    gup_retry: str = _guard(
        "keeps_write",
        "drops_write",
        where="faultin_page",
        breaks="pin.not-exclusive, parent.lost-store, file.written",
        text="after a write fault, the lookup is tried again for writing",
    )
    swap_exclusive: str = _guard(
        "cleared",
        "kept",
        where="copy_nonpresent_pte",
        breaks="page.exclusive-shared, snapshot.leak-to-child",
        text="fork clears the exclusive marker of swap entries that it copies",
    )
    fault_retry: str = _guard(
        "unlocked",
        "vma_locked",
        where="do_user_addr_fault",
        breaks="lock.order, lock.deadlock",
        text="a fault that is retried under mmap_lock has dropped its VMA lock",
    )
    ptl_irqs: str = _guard(
        "on",
        "off",
        where="pte_offset_map_lock",
        breaks="lock.order, lock.deadlock",
        text="a CPU that waits for the page-table lock takes interrupts",
    )
    # What may differ without breaking a property: negative controls.
    fault_lock: str = _guard(
        "vma",
        "mmap",
        where="do_user_addr_fault",
        breaks="",
        text="faults try the per-VMA lock first; before v6.4 mmap_lock only",
    )
    madvise_lock: str = _guard(
        "vma",
        "mmap",
        where="madvise_walk_vmas: try_vma_read_lock",
        breaks="",
        text="MADV_DONTNEED (since v6.17) and MADV_GUARD_INSTALL (later) take the "
        "per-VMA lock; before, mmap_lock only",
    )
    kernel_fault: str = _guard(
        "mmap_lock",
        "vma_lock",
        where="do_user_addr_fault",
        breaks="",
        text="faults taken in kernel mode use mmap_lock only",
    )
    protect_again: str = _guard(
        "on",
        "off",
        where="copy_present_page",
        breaks="",
        text="protect and flush again after the page-table lock was dropped",
    )
    pin_test: str = _guard(
        "exclusive_after_ref",
        "ignore_exclusive",
        "before_ref",
        where="folio_try_dup_anon_rmap_pte",
        breaks="",
        text="the pin test comes after fork's own reference and looks at the mark",
    )
    pin_bias: str = _guard(
        "at_least",
        "above",
        where="folio_maybe_dma_pinned",
        breaks="",
        text="1024 references, fork's own included, count as a pin",
    )


FIELDS: dict[str, attrs.Attribute[Any]] = {a.name: a for a in attrs.fields(Rules)}


@attrs.frozen(slots=True)
class Preset:
    """Rules under a name, and what they stand for."""

    rules: Rules
    citation: str


_V6_12 = Rules(
    pinned_copy="copy_only", child_unlock="before_flush", madvise_lock="mmap"
)
_MAINLINE = attrs.evolve(
    _V6_12,
    mprotect_flags="before_vma_lock",
    split_flags="before_vma_lock",
    guard_flush="off",
    madvise_lock="vma",
)

PRESETS: dict[str, Preset] = {
    "seed": Preset(
        Rules(),
        "the documented protocol: 'mm/memory: Document how we make a coherent memory "
        "snapshot', Jann Horn, 3 Jun 2025, with the author's correction of patch 1/2",
    ),
    "mainline": Preset(
        _MAINLINE,
        "Linux 7.0-rc6; neither patch of the series is in, mprotect and __split_vma "
        "make the new flags before vma_start_write, and MADV_GUARD_INSTALL flushes "
        "nothing for others: read in its source, not reproduced on a kernel",
    ),
    "v7.0": Preset(_MAINLINE, "Linux 7.0-rc6"),
    "patch1-posted": Preset(
        attrs.evolve(_MAINLINE, pinned_copy="lazy_queue"),
        "'mm/memory: ensure fork child sees coherent memory snapshot', 3 Jun 2025, "
        "as posted, on an architecture that queues page-table writes",
    ),
    "v6.12": Preset(
        _V6_12,
        "Linux 6.12.117; the VMA lock is an rwsem, and madvise does not take it; guard "
        "regions, which came with 6.13, are as in seed",
    ),
    "v6.4.0": Preset(
        attrs.evolve(_V6_12, vma_lock="none"),
        "Linux 6.4.0: faults under VMA locks (0bff0aaea03e) and a fork that does not "
        "take them, fixed by fb49c455323f",
    ),
    "v6.3": Preset(
        attrs.evolve(_V6_12, vma_lock="none", fault_lock="mmap"),
        "Linux 6.3: no per-VMA locks",
    ),
    "v5.9": Preset(
        attrs.evolve(
            _V6_12,
            vma_lock="none",
            fault_lock="mmap",
            write_protect_seq="off",
            gup_unshare="off",
            reuse="refcount",
            pin_test="ignore_exclusive",
        ),
        "Linux 5.9: early copy (70e806e4e645), reuse by refcount (09854ba94c6a), "
        "before write_protect_seq (57efa1fe5957); an approximation: there is the "
        "exclusive mark of later kernels, but fork, pins and reuse do not look at it",
    ),
    "v5.8": Preset(
        attrs.evolve(
            _V6_12,
            vma_lock="none",
            fault_lock="mmap",
            write_protect_seq="off",
            gup_unshare="off",
            reuse="mapcount",
            early_cow="off",
        ),
        "Linux 5.8: no early copy, reuse by mapcount; an approximation, as v5.9",
    ),
}


def parse_rules(text: str) -> Rules:
    """Read ``preset,field=value,...``.

    Raises:
        UsageError: For a preset, field or value that does not exist; the message says
            which there are.
    """
    name, *changes = [part.strip() for part in text.split(",")]
    preset = PRESETS.get(name)
    if preset is None:
        msg = f"no preset {name[:60]!r}; there are {', '.join(PRESETS)}"
        raise UsageError(msg)
    return attrs.evolve(preset.rules, **dict(map(_parse_change, changes)))


def _parse_change(text: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in text.partition("="))
    field = FIELDS.get(name)
    if field is None or not equals:
        msg = f"no rule {text[:60]!r}; expected field=value, field one of "
        raise UsageError(msg + ", ".join(FIELDS))
    values = field.metadata["values"]
    if value not in values:
        msg = f"no value {value[:60]!r} for {name}; it takes {', '.join(values)}"
        raise UsageError(msg)
    return name, value


def format_rules(rules: Rules) -> str:
    """Write *rules* in the form that `parse_rules` reads: nearest preset, changes.

    The preset with the fewest changes is taken, the first of those.
    """
    changes: dict[str, list[str]] = {
        name: [
            f"{field}={getattr(rules, field)}"
            for field in FIELDS
            if getattr(rules, field) != getattr(preset.rules, field)
        ]
        for name, preset in PRESETS.items()
    }
    name = min(changes, key=lambda preset: len(changes[preset]))
    return ",".join([name, *changes[name]])
