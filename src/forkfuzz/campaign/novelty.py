"""Which feedback is new: what engines do with the buffer after each run."""

from __future__ import annotations

from mmap import mmap

import attrs

from forkfuzz.harness.coverage import DEFAULT_KINDS, Kind

from .target import FEEDBACK_BYTES

_ZEROS = bytes(FEEDBACK_BYTES)


@attrs.define(eq=False)
class PlainFeedback:
    """A feedback buffer in ordinary memory.

    Attributes:
        kinds: Kinds of feedback.
    """

    kinds: tuple[Kind, ...] = DEFAULT_KINDS
    buffer: bytearray = attrs.field(factory=lambda: bytearray(FEEDBACK_BYTES))

    def clear(self) -> None:
        """Make it ready for the next run."""
        self.buffer[:] = _ZEROS


class Novelty:
    """Remembers what was seen in the buffer.

    Attributes:
        features: How many different things.
    """

    def __init__(self) -> None:
        self.features = 0
        self._seen = bytearray(FEEDBACK_BYTES)

    def note(self, buffer: bytearray | mmap) -> int:
        """Return how much of what a run has marked is new, and remember it."""
        seen, new = self._seen, 0
        index = buffer.find(b"\1")
        while index >= 0:
            if not seen[index]:
                seen[index] = 1
                new += 1
            index = buffer.find(b"\1", index + 1)
        self.features += new
        return new
