"""Which store a program can know to have come before which.

Program order, loads that read stores, and waits that a post has ended: the vector
clocks of Lamport's happened-before. Memory is sequentially consistent, so these are the
only orders that a program can observe without a clock.
"""

from __future__ import annotations

from collections.abc import Hashable

Clock = dict[int, int]
"""How many stores of each thread, by its number, are known to have happened."""


class Causality:
    """Tells whether one store happened before another."""

    def __init__(self) -> None:
        self._now: dict[int, Clock] = {}
        self._stores: dict[int, tuple[int, int]] = {}
        self._clocks: dict[int, Clock] = {}
        self._posts: dict[str, list[Clock]] = {}

    def stored(self, thread: int, store: int) -> None:
        """A thread has made a store."""
        clock = self._now.setdefault(thread, {})
        clock[thread] = clock.get(thread, 0) + 1
        self._stores[store] = (thread, clock[thread])
        self._clocks[store] = dict(clock)

    def loaded(self, thread: int, store: int) -> None:
        """A thread has read what *store* wrote."""
        known = self._clocks.get(store)
        if known is not None:
            self._learn(thread, known)

    def posted(self, thread: int, semaphore: str) -> None:
        """A thread has let a wait go on."""
        known = dict(self._now.get(thread, {}))
        self._posts.setdefault(semaphore, []).append(known)

    def awaited(self, thread: int, semaphore: str) -> None:
        """A thread has waited for a post: for the oldest that nobody has taken."""
        self._learn(thread, self._posts[semaphore].pop(0))

    def _learn(self, thread: int, known: Clock) -> None:
        clock = self._now.setdefault(thread, {})
        for other, count in known.items():
            if count > clock.get(other, 0):
                clock[other] = count

    def state(self) -> Hashable:
        """Return the clocks of all threads, stores and posts."""
        return (
            tuple(sorted((t, tuple(sorted(c.items()))) for t, c in self._now.items())),
            tuple(
                sorted((s, tuple(sorted(c.items()))) for s, c in self._clocks.items())
            ),
            tuple(
                (name, tuple(tuple(sorted(c.items())) for c in posts))
                for name, posts in sorted(self._posts.items())
            ),
        )

    def is_cpu_store(self, store: int) -> bool:
        """Return whether a thread made it, not a device."""
        return store in self._stores

    def before(self, first: int, second: int) -> bool:
        """Return whether *first* happened before *second*, for a program."""
        if first not in self._stores or second not in self._clocks:
            return False
        thread, count = self._stores[first]
        return first != second and self._clocks[second].get(thread, 0) >= count
