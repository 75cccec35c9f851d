"""Ctrl-C: a request first, an exception second."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from forkfuzz.campaign.interrupt import Interrupts


def test_the_second_interrupt_is_an_exception() -> None:
    """The first only asks; the second breaks off; afterwards all is as before."""
    before = signal.getsignal(signal.SIGINT)
    with Interrupts() as interrupts:
        requests = [interrupts.requested]
        signal.raise_signal(signal.SIGINT)
        requests.append(interrupts.requested)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert requests == [False, True]
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_the_main_thread_nothing_changes() -> None:
    """Only the main thread of a program owns its signals."""
    before = signal.getsignal(signal.SIGINT)

    def enter() -> bool:
        with Interrupts() as interrupts:
            return interrupts.requested or signal.getsignal(signal.SIGINT) is not before

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(enter).result() is False
