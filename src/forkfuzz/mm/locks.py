"""The state of locks; what is done with them is in `forkfuzz.locking`."""

from __future__ import annotations

import functools

from forkfuzz.engine import Access, writes


@functools.cache
def _access(name: str) -> Access:
    return writes(name)


class Lock:
    """What every lock has.

    Attributes:
        name: Class and instance, such as ``ptl:parent``.
        writer: Whether it is held exclusively.
        readers: How many hold it shared.
        touch: Access of taking or dropping it.
    """

    __slots__ = ("name", "readers", "touch", "writer")

    def __init__(self, name: str) -> None:
        self.name = name
        self.writer = False
        self.readers = 0
        self.touch = _access(name)

    def free_for_write(self) -> bool:
        """Return whether an exclusive holder can have it now."""
        return not self.writer and not self.readers

    def free_for_read(self) -> bool:
        """Return whether a shared holder can have it now."""
        return not self.writer


class SpinLock(Lock):
    """A spinlock: its waiters do not sleep."""

    __slots__ = ()


class RwSemaphore(Lock):
    """A reader-writer semaphore: its waiters sleep."""

    __slots__ = ()
