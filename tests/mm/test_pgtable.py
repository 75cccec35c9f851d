"""Page-table entries: which bits move where."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from forkfuzz.mm.pgtable import (
    PAGE_ACCESSED,
    PAGE_DIRTY,
    PAGE_PRESENT,
    PAGE_RW,
    PAGE_SAVED_DIRTY,
    PAGE_SPECIAL,
    mk_pte,
    pte_dirty,
    pte_mkclean,
    pte_mkdirty,
    pte_mkold,
    pte_mkwrite,
    pte_pfn,
    pte_wrprotect,
)

PTES = some.builds(
    lambda pfn, bits, rw, dirty: mk_pte(
        pfn, bits | ((PAGE_RW | dirty * PAGE_DIRTY) if rw else dirty * PAGE_SAVED_DIRTY)
    ),
    some.integers(0, 5000),
    some.sampled_from([0, PAGE_ACCESSED, PAGE_ACCESSED | PAGE_SPECIAL]),
    some.booleans(),
    some.booleans(),
)


@given(PTES)
def test_write_protecting_moves_the_hardware_dirty_bit_to_software(pte: int) -> None:
    """An entry without W has no hardware D, but is as dirty as before."""
    protected = pte_wrprotect(pte)
    assert not protected & (PAGE_RW | PAGE_DIRTY)
    assert pte_dirty(protected) == pte_dirty(pte)


@given(PTES)
def test_making_writable_undoes_write_protecting(pte: int) -> None:
    """W back, D back in the hardware bit, nothing else touched."""
    writable = pte_mkwrite(pte_wrprotect(pte))
    assert writable & PAGE_RW
    assert not writable & PAGE_SAVED_DIRTY
    assert pte_dirty(writable) == pte_dirty(pte)
    if pte & PAGE_RW:
        assert writable == pte


@given(PTES)
def test_no_change_of_bits_changes_the_frame_or_presence(pte: int) -> None:
    """The frame number and P survive every helper."""
    for change in (pte_wrprotect, pte_mkwrite, pte_mkdirty, pte_mkclean, pte_mkold):
        assert pte_pfn(change(pte)) == pte_pfn(pte)
        assert change(pte) & PAGE_PRESENT


@given(PTES)
def test_cleaning_clears_both_places_of_the_dirty_state(pte: int) -> None:
    """A clean entry is clean in hardware and in software."""
    assert not pte_dirty(pte_mkclean(pte_mkdirty(pte)))


@given(PTES)
def test_dirtying_never_sets_hardware_d_on_a_read_only_entry(pte: int) -> None:
    """D without W would look like a shadow stack to the hardware."""
    dirty = pte_mkdirty(pte_wrprotect(pte))
    assert pte_dirty(dirty)
    assert not dirty & PAGE_DIRTY


@given(PTES)
def test_an_old_entry_keeps_its_dirty_state(pte: int) -> None:
    """Only A goes."""
    assert pte_mkold(pte) == pte & ~PAGE_ACCESSED
