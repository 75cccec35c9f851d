"""Ctrl-C: once to stop and save, twice to stop now; the command line adds SIGTERM."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any


class Interrupts:
    """While it is entered, the first SIGINT is a request, the second an exception.

    Only the main thread of a program can ask for this; elsewhere nothing changes.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: Any = None

    def __enter__(self) -> Interrupts:  # noqa: PYI034 -- final in practice
        with contextlib.suppress(ValueError):  # not the main thread
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _handle(self, _signum: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait; a process started meanwhile is spared both.

    They reach all processes of a terminal or a service, and are for the first of them.
    """
    signals = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
