"""How kernel functions and locks are spoken of in tables."""

from __future__ import annotations

PTE_WORDS = {
    # label: (kind, text, text of the whole call)
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
    "collapse_huge_page:set_pmd_at": ("collapse", "{page} is {frame} now"),
}


LOCK_VERBS = {
    "lock_requested": "asks for",
    "lock_acquired": "takes",
    "lock_released": "drops",
}
FORK_FLUSH = "flush_tlb_mm(oldmm)"
"""The flush that fork ends with."""
COPIERS = {"__collapse_huge_page_copy": "collapse_huge_page"}
"""Functions that are better known under the name of their caller."""
