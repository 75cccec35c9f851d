"""What watchers of a run are told: the model's side of the oracle's window.

The model calls a hook right after the thing has happened, within the same step. A
watcher takes note and changes nothing. A hook that nobody overrides costs one call of
an empty function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cpu import Cpu
    from .folio import Folio, Pin
    from .locks import Lock
    from .mm_types import MmStruct, VmAreaStruct


class Watcher:
    """Base of watchers; override the hooks that matter.

    ``store`` is the identity of a store: unique, and independent of the schedule.
    ``vpn`` is a page's number, ``index`` a word's number in its page.
    """

    # User accesses, at the moment of their effect.

    def stored(
        self, cpu: Cpu, mm: MmStruct, vpn: int, index: int, pfn: int, store: int
    ) -> None:
        """A CPU store has taken effect in frame *pfn*."""

    def loaded(
        self, cpu: Cpu, mm: MmStruct, vpn: int, index: int, pfn: int, store: int
    ) -> None:
        """A CPU load has read what *store* wrote."""

    def device_stored(self, pin: Pin, index: int, store: int) -> None:
        """A device, or the kernel, has written through a page reference."""

    def device_loaded(self, pin: Pin, index: int, store: int) -> None:
        """A device, or the kernel, has read through a page reference."""

    def ended(self, cpu: Cpu) -> None:
        """The operation of a thread is over: it is back in user mode."""

    # Translations.

    def filled(self, cpu: Cpu, vpn: int, entry: int) -> None:
        """A TLB has cached *entry*, or changed its copy."""

    def flushed(self, mm: MmStruct, vpn: int | None) -> None:
        """A flush of *vpn*, or of everything, has all its acknowledgements."""

    def invalidated(self, mm: MmStruct, vpn: int | None) -> None:
        """So has a shootdown that the program asked for: no entry need have changed."""

    # Page tables and frames.

    def pte_set(self, mm: MmStruct, vpn: int, old: int, new: int) -> None:
        """The kernel has stored a page-table entry."""

    def word_copied(self, source: Folio, target: Folio, index: int, store: int) -> None:
        """The kernel has copied one word between frames."""

    def exclusive_changed(self, folio: Folio) -> None:
        """PageAnonExclusive was set or cleared."""

    def rmap_changed(self, folio: Folio) -> None:
        """The folio's mapcount has changed."""

    def allocated(self, folio: Folio) -> None:
        """The folio was handed out, all words cleared."""

    def freed(self, folio: Folio) -> None:
        """The folio was given back to the allocator."""

    def zapped(self, mm: MmStruct, vpn: int) -> None:
        """The owner of the address has thrown the page away."""

    def zap_looked(self, cpu: Cpu, mm: MmStruct, vpn: int) -> None:
        """A call that throws pages away has seen to it that this one is gone."""

    def zap_ended(self, cpu: Cpu, mm: MmStruct) -> None:
        """That call is about to return: nobody may use the pages any more."""

    def write_protected(self, mm: MmStruct, vpn: int) -> None:
        """mprotect is about to return: nobody may write the page any more."""

    def collapse_begun(self, mm: MmStruct) -> None:
        """khugepaged takes out the next of the pages that it collapses."""

    def collapse_copied(self, mm: MmStruct, vpn: int) -> None:
        """khugepaged has given up the mapping of a page that it has copied."""

    def collapse_ended(self, mm: MmStruct) -> None:
        """All of them are mapped again, these or copies."""

    # Page references.

    def pinned(self, pin: Pin) -> None:
        """get_user_pages or pin_user_pages has succeeded."""

    def unpinned(self, pin: Pin) -> None:
        """The reference was given back."""

    # Order between threads that the program makes itself.

    def posted(self, cpu: Cpu | None, semaphore: str) -> None:
        """A thread, or a device if there is no CPU, has let a wait go on."""

    def awaited(self, cpu: Cpu | None, semaphore: str) -> None:
        """A thread or device goes on that waited for a post."""

    # fork.

    def fork_called(self, oldmm: MmStruct, mm: MmStruct) -> None:
        """fork holds mmap_lock of the parent for writing."""

    def fork_cut(self, oldmm: MmStruct, mm: MmStruct) -> None:
        """mm_lock_seq is even again: the instant that the child must reflect."""

    def fork_failed(self, oldmm: MmStruct, mm: MmStruct) -> None:
        """fork gives up; the child has been taken apart, the parent is unlocked."""

    def fork_returned(self, oldmm: MmStruct, mm: MmStruct) -> None:
        """The child's threads can run."""

    # Locks.

    def acquiring(self, cpu: Cpu, lock: Lock, *, sleeps: bool) -> None:
        """A thread asks for a lock, and will sleep or spin if it is taken."""

    def acquired(self, cpu: Cpu, lock: Lock) -> None:
        """A thread has a lock."""

    def released(self, cpu: Cpu, lock: Lock) -> None:
        """A thread has dropped a lock."""

    def vma_read_locked(self, cpu: Cpu, vma: VmAreaStruct) -> None:
        """vma_start_read has succeeded."""

    def vma_read_unlocked(self, cpu: Cpu, vma: VmAreaStruct) -> None:
        """vma_end_read has dropped the reference."""

    def vma_write_locked(self, cpu: Cpu, vma: VmAreaStruct) -> None:
        """vma_start_write has succeeded."""

    def vma_write_unlocked(self, cpu: Cpu, mm: MmStruct) -> None:
        """Every VMA write lock of *mm* has been dropped."""


HOOKS = tuple(
    name
    for name, member in vars(Watcher).items()
    if callable(member) and not name.startswith("_")
)


_OVERRIDDEN: dict[type[Watcher], tuple[str, ...]] = {}
"""Hooks that each class of watchers has; a cache, for a run is set up in no time."""


def _overridden(kind: type[Watcher]) -> tuple[str, ...]:
    if kind not in _OVERRIDDEN:
        _OVERRIDDEN[kind] = tuple(
            name for name in HOOKS if getattr(kind, name) is not getattr(Watcher, name)
        )
    return _OVERRIDDEN[kind]


class Watch(Watcher):
    """Hands each event on to the watchers that have a hook for it."""

    def __init__(self, watchers: Iterable[Watcher] = ()) -> None:
        hooks: dict[str, list[Callable[..., None]]] = {}
        for watcher in watchers:
            for name in _overridden(type(watcher)):
                hooks.setdefault(name, []).append(getattr(watcher, name))
        for name, callables in hooks.items():
            setattr(self, name, _combine(callables))


def _combine(hooks: list[Callable[..., None]]) -> Callable[..., None]:
    if len(hooks) == 1:
        return hooks[0]

    def everybody(*args: Any, **kwargs: Any) -> None:
        for hook in hooks:
            hook(*args, **kwargs)

    return everybody
