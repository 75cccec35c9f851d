"""Bytes as decisions: how the input of a fuzzing engine becomes a schedule, and back.

One byte for each decision that has an alternative, read from the front, so that a
change in the input changes nothing that was decided before it. Three quarters of all
bytes mean "go on": bugs need few switches, and a run with few switches is cheaper.

====================  ==========================  =============================
decision              byte below 192              byte from 192
====================  ==========================  =============================
task, can go on       it goes on                  one of the others
task, cannot go on    byte modulo their number    byte modulo their number
outcome               0, the undramatic one       one of the others
====================  ==========================  =============================

Of more than 64 other outcomes a second byte says which one is meant.

When the input is used up, zeros are read. So every input is a schedule, and its
runs end as soon as they can.
"""

from __future__ import annotations

from collections.abc import Sequence

from forkfuzz.engine import CHOICE, RawDecision, Strategy, Task
from forkfuzz.errors import UsageError

SWITCH = 192
"""The first byte that does not mean "go on"."""

OTHERS = 256 - SWITCH
"""How many other answers a single byte can give."""


def bytes_of(decision: RawDecision) -> int:
    """Return how many bytes a decision takes."""
    task, _label, options, value = decision
    if options == 1:
        return 0
    return 2 if task == CHOICE and value and _is_wide(options) else 1


def _is_wide(options: int) -> bool:
    return options - 1 > OTHERS


class Bytes:
    """Reads decisions from *data*.

    Args:
        data: The input; any bytes at all.
    """

    def __init__(self, data: bytes = b"") -> None:
        self._data = data
        self._position = 0

    @property
    def used(self) -> int:
        """How many bytes of the input this run has read."""
        return min(self._position, len(self._data))

    def begin(self) -> None:
        """Start again with the first byte."""
        self._position = 0

    def rewind(self, data: bytes) -> None:
        """Start again with other data: one object serves a whole campaign."""
        self._data = data
        self._position = 0

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose as the next byte says; a decision with one answer takes no byte."""
        count = len(runnable)
        if count == 1:
            return 0
        byte = self._next()
        if stay < 0:
            return byte % count
        if byte < SWITCH:
            return stay
        other = (byte - SWITCH) % (count - 1)
        return other + (other >= stay)

    def next_value(self, label: str, options: int) -> int:
        """Choose as the next byte says; an outcome with no alternative takes none."""
        if options == 1:
            return 0
        byte = self._next()
        if byte < SWITCH:
            return 0
        other = byte - SWITCH
        if _is_wide(options):
            other = other << 8 | self._next()
        return 1 + other % (options - 1)

    def _next(self) -> int:
        position = self._position
        self._position = position + 1
        return self._data[position] if position < len(self._data) else 0


class Encoder:
    """Writes down what another strategy decides as the bytes that `Bytes` reads.

    Runs of any strategy can so be the seeds of a fuzzing campaign.

    Args:
        inner: Who decides.
    """

    def __init__(self, inner: Strategy) -> None:
        self._inner = inner
        self._data = bytearray()

    def data(self) -> bytes:
        """Return the input that replays the run so far."""
        return bytes(self._data)

    def begin(self) -> None:
        """Start the next run, and with it a new input."""
        self._data.clear()
        self._inner.begin()

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose as the inner strategy does.

        Raises:
            UsageError: There are more answers than a byte can tell apart.
        """
        chosen = self._inner.next_task(runnable, stay)
        if len(runnable) == 1:
            return chosen
        if stay < 0:
            self._append(chosen, chosen)
        elif chosen == stay:
            self._append(0, chosen)
        else:
            self._append(SWITCH + chosen - (chosen > stay), chosen)
        return chosen

    def next_value(self, label: str, options: int) -> int:
        """Choose as the inner strategy does.

        Raises:
            UsageError: There are more outcomes than two bytes can tell apart.
        """
        value = self._inner.next_value(label, options)
        if options > 1 and not value:
            self._append(0, value)
        elif options > 1:
            other = value - 1
            if _is_wide(options):
                self._append(SWITCH + (other >> 8), value)
                self._append(other & 255, value)
            else:
                self._append(SWITCH + other, value)
        return value

    def _append(self, byte: int, answer: int) -> None:
        if byte > 255:
            msg = f"answer {answer} does not fit into the input; expected fewer options"
            raise UsageError(msg)
        self._data.append(byte)
