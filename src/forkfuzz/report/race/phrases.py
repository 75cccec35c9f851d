"""How kernel functions and locks are spoken of in tables."""

from __future__ import annotations

PTE_WORDS = {
    # label: (kind, text)
    "copy_present_page:ptep_set_wrprotect": ("protect", "wrprotect({page})"),
    "arch_leave_lazy_mmu_mode:set_pte": (
        "protect",
        "arch_leave_lazy_mmu_mode(): wrprotect({page})",
    ),
    "copy_present_page:set_pte_at": ("child_pte", "child's {page} is {frame}"),
    "copy_nonpresent_pte:set_pte_at": ("share", "copy_nonpresent_pte({page})"),
    "wp_page_reuse:set_pte": ("reuse", "do_wp_page({page}): reuse {frame}"),
    "do_anonymous_page:set_pte_at": ("cow", "do_anonymous_page({page}): {frame}"),
    "finish_fault:set_pte_at": ("cow", "do_fault({page}): {frame}"),
    "ptep_set_access_flags:set_pte": ("access", "ptep_set_access_flags({page})"),
    "zap_pte_range:ptep_get_and_clear_full": ("zap", "zap_pte_range({page})"),
    "walk_pte_range_inner:set_pte_at": ("guard", "madvise_guard_install({page})"),
    "collapse_huge_page:set_pmd_at": ("collapse", "{page} is {frame} now"),
    "do_swap_page:set_pte_at": ("cow", "do_swap_page({page}): {frame}"),
    "change_pte_range:ptep_modify_prot_commit": (
        "mprotect",
        "change_pte_range({page}): {rights}",
    ),
    "try_to_unmap_one:ptep_get_and_clear": (
        "unmap",
        "try_to_unmap_one({page}): clear PTE",
    ),
    "try_to_unmap_one:set_pte_at": ("unmap", "try_to_unmap_one({page}): swap entry"),
    "try_to_unmap_one:restore_pte": ("unmap", "try_to_unmap_one({page}): restore PTE"),
}

FLAGS_WORDS = {
    "__split_vma:vm_area_dup": "__split_vma({vma}): copies vm_flags",
    "mprotect_fixup:vm_flags_reset_once": "mprotect_fixup({vma}): vm_flags",
    "madvise_guard_install:vm_flags": "madvise_guard_install({vma}): VM_MAYBE_GUARD",
    "madvise_update_vma:vm_flags": "madvise_update_vma({vma}): vm_flags",
}
"""Steps that copy or change the flags of a VMA."""


LOCK_VERBS = {
    "lock_requested": "asks for",
    "lock_acquired": "takes",
    "lock_released": "drops",
}
FORK_FLUSH = "flush_tlb_mm(oldmm)"
"""The flush that fork ends with."""
COPIERS = {"__collapse_huge_page_copy": "collapse_huge_page"}
"""Functions that are better known under the name of their caller."""


def rights(entry: str) -> str:
    """Return what an entry in words lets a program do."""
    flags = entry.split()
    if "PROTNONE" in flags:
        return "no access"
    return "writable" if "W" in flags else "read-only"
