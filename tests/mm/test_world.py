"""Frames: handed out clean, freed once, and watched."""

from __future__ import annotations

import pytest

from forkfuzz.errors import RefusedError
from forkfuzz.mm.folio import Folio
from forkfuzz.mm.watch import HOOKS, Watch, Watcher
from forkfuzz.mm.world import FRAMES, World
from forkfuzz.rules import Rules


def world(*watchers: Watcher) -> World:
    """Return a world of one page of two words."""
    return World(("A",), (2,), Rules(), Watch(watchers))


class Log(Watcher):
    """Notes what happens to frames."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int]] = []

    def allocated(self, folio: Folio) -> None:
        """Note a frame handed out."""
        self.events.append(("allocated", folio.pfn))

    def freed(self, folio: Folio) -> None:
        """Note a frame given back."""
        self.events.append(("freed", folio.pfn))

    def exclusive_changed(self, folio: Folio) -> None:
        """Note a change of the mark."""
        self.events.append(("exclusive", folio.pfn))


def test_a_new_folio_has_one_reference_and_no_mapping() -> None:
    """As alloc_pages returns it; the mark comes with the first mapping."""
    folio = world().alloc_folio(anon=True)
    assert (folio.refcount, folio.mapcount, folio.anon_exclusive) == (1, 0, False)
    assert not folio.free


def test_a_frame_that_is_used_again_has_been_cleared() -> None:
    """Nobody reads what its last owner wrote."""
    here = world()
    folio = here.alloc_folio(anon=True)
    folio.words[1] = 77
    here.put_refs(folio)
    assert here.alloc_folio(anon=True) is folio
    assert folio.words == [0, 0]


def test_the_last_reference_frees_a_folio_and_takes_the_mark_along() -> None:
    """PageAnonExclusive does not outlive the page."""
    here = world()
    folio = here.alloc_folio(anon=True)
    folio.refcount += 1
    here.set_exclusive(folio, exclusive=True)
    here.put_refs(folio)
    assert (folio.refcount, folio.anon_exclusive) == (1, True)
    here.put_refs(folio)
    assert folio.free
    assert not folio.anon_exclusive


def test_the_zero_page_is_never_handed_out() -> None:
    """Frame 0 is in use from the start."""
    here = world()
    assert not here.frames[0].free
    assert here.alloc_folio(anon=True).pfn == 1


def test_watchers_see_changes_of_the_mark_and_not_repetitions() -> None:
    """Setting what is set is no event."""
    log = Log()
    here = world(log)
    folio = here.alloc_folio(anon=True)
    here.set_exclusive(folio, exclusive=True)
    here.set_exclusive(folio, exclusive=True)
    here.put_refs(folio)
    assert log.events == [("allocated", 1), ("exclusive", 1), ("freed", 1)]


def test_a_watch_calls_every_watcher_in_order() -> None:
    """The checkers come first, others after them."""
    first, second = Log(), Log()
    world(first, second).alloc_folio(anon=True)
    assert first.events == second.events == [("allocated", 1)]


def test_a_watch_without_watchers_has_every_hook() -> None:
    """The model may call each of them."""
    assert all(callable(getattr(Watch(), hook)) for hook in HOOKS)


def test_a_failing_site_fails_once_for_each_time_it_is_listed() -> None:
    """Then allocations succeed again."""
    here = world()
    here.fail_sites.extend(["dup_mmap", "dup_mmap"])
    assert [here.fails("dup_mmap") for _ in range(3)] == [True, True, False]
    assert not here.fails("vm_area_dup")


def test_a_run_that_needs_too_many_frames_is_refused() -> None:
    """A limit, not a crash."""
    here = world()
    for _ in range(FRAMES - 1):
        here.alloc_folio(anon=True)
    with pytest.raises(
        RefusedError, match=rf"^the run needs more than {FRAMES} frames$"
    ):
        here.alloc_folio(anon=True)
