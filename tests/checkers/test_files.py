"""file.written, and what checkers make of an empty entry in a mapping of a file."""

from __future__ import annotations

from forkfuzz.checkers import Checker
from forkfuzz.checkers.files import FileChecker
from forkfuzz.checkers.snapshot import SnapshotChecker
from forkfuzz.checkers.threads import OwnStoresChecker
from forkfuzz.mm.folio import Folio
from forkfuzz.scenarios.program import PageSpec
from staging import RO, RW, C, Stage

FILE = PageSpec("A", words=2, init=(5,), file=True)
UNTOUCHED = PageSpec("A", words=2, init=(5,), file=True, untouched=True)


def cached(here: Stage[C]) -> Folio:
    """Return the page in the page cache."""
    return here.world.frames[here.checker.files[0]]


def test_a_store_to_the_page_cache_is_reported() -> None:
    """Through a translation that ought not to have W, by the frame that it reached."""
    here = Stage(FileChecker, [FILE])
    here.store(1, folio=cached(here))
    assert here.props() == ["file.written"]
    (violation,) = here.checker.violations
    assert "A[0] = 1" in violation.message
    assert f"frame {cached(here).pfn}" in violation.message


def test_a_store_to_a_page_that_was_never_mapped_is_reported() -> None:
    """The page cache has it all the same."""
    here = Stage(FileChecker, [UNTOUCHED])
    here.store(1, folio=cached(here))
    assert here.props() == ["file.written"]


def test_a_store_through_a_reference_to_the_page_cache_is_reported() -> None:
    """Dirty COW, whatever kind of reference it is."""
    for pinned in (True, False):
        here = Stage(FileChecker, [FILE])
        here.dma(here.pin(pinned=pinned), 9)
        assert here.props() == ["file.written"]


def test_a_store_to_the_private_copy_is_in_order() -> None:
    """Near miss: by a CPU, and by a device; so is a pin that only reads."""
    here = Stage(FileChecker, [FILE])
    here.pin()
    here.set(here.parent, "A", here.alloc(), RW)
    here.store(1)
    here.dma(here.pin(), 9)
    assert here.props() == []


def test_a_store_to_other_memory_is_in_order() -> None:
    """Near miss: shared memory has pages behind it as well."""
    here = Stage(FileChecker, ["A", PageSpec("B", shared=True, vma=1)])
    here.store(1, "A")
    here.store(2, "B")
    here.dma(here.pin("B"), 9)
    assert here.props() == []


# What empty entries mean.


def test_an_empty_entry_reads_as_the_file() -> None:
    """Wherever it is; an empty entry of other memory reads as zero."""
    here = Stage(Checker, [UNTOUCHED, PageSpec("B", untouched=True, vma=1)])
    assert here.checker.value(here.checker.word(here.parent, 0, 0)) == 5
    assert here.checker.word(here.parent, 1, 0) == 0
    assert here.checker.meaning(1, 0) == 0


def test_a_child_without_entries_has_what_is_in_the_file() -> None:
    """vma_needs_copy: it faults for itself."""
    for page in (FILE, UNTOUCHED):
        here = Stage(SnapshotChecker, [page])
        here.cut(here.fork())
        assert here.props() == []


def test_a_child_without_the_parents_copy_is_reported() -> None:
    """Near miss: there is a store that it lacks."""
    here = Stage(SnapshotChecker, [FILE])
    copy = here.alloc()
    copy.anon_exclusive = True
    here.set(here.parent, "A", copy, RW)
    here.store(1)
    here.cut(here.fork())
    assert here.props() == ["snapshot.stale"]


def test_a_child_with_a_copy_that_its_parent_threw_away_is_reported() -> None:
    """The parent reads the file again, the child has what was there before."""
    here = Stage(SnapshotChecker, [FILE])
    copy = here.alloc()
    here.set(here.parent, "A", copy, RW)
    here.store(1)
    child_mm = here.fork()
    here.set(child_mm, "A", copy, RO)
    here.zap(here.parent)
    here.cut(child_mm)
    assert here.props() == ["snapshot.stale"]


def test_a_copy_thrown_away_takes_its_stores_along() -> None:
    """Nothing is lost if the file is read from then on."""
    here = Stage(OwnStoresChecker, [FILE])
    here.set(here.parent, "A", here.alloc(), RW)
    here.store(1)
    here.zap(here.parent)
    here.checker.finish()
    assert here.props() == []


def test_a_copy_that_is_gone_without_being_thrown_away_is_reported() -> None:
    """Near miss: the entry leads to the page cache again, and a store is lost."""
    here = Stage(OwnStoresChecker, [FILE])
    here.set(here.parent, "A", here.alloc(), RW)
    here.store(1)
    here.set(here.parent, "A", cached(here), RO)
    here.checker.finish()
    assert here.props() == ["parent.lost-store"]
