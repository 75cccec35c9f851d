"""Where feedback goes: a map of bytes, and a part of it for each kind of feedback.

The kinds have parts of their own, so that one which reaches many different things does
not drown the others by collisions.
"""

from __future__ import annotations

import zlib
from mmap import mmap
from typing import Literal, get_args

Kind = Literal["state", "reads-from", "translation-from", "conflicts"]
"""A kind of feedback; what each is, its module tells."""

KINDS: tuple[Kind, ...] = get_args(Kind)

DEFAULT_KINDS: tuple[Kind, ...] = ("state",)
"""What pays; see the page on feedback."""

_SIZES = {"state": 15, "reads-from": 13, "translation-from": 13, "conflicts": 13}
"""Logarithms of the sizes. Larger maps would invite more than a corpus bears."""

FEEDBACK_BYTES = 1 << 16
"""Size of the whole buffer; a part of it is not in use."""

_LABELS: dict[str, int] = {}
"""A number for each label, the same in every process; a cache, not state."""


def number(label: str) -> int:
    """Return a number for a label: the same in every process, unlike its hash."""
    known = _LABELS.get(label)
    if known is None:
        known = _LABELS[label] = zlib.crc32(label.encode())
    return known


class Marks:
    """The part of the buffer that belongs to one kind of feedback.

    Args:
        buffer: `FEEDBACK_BYTES` bytes, zero before each run.
        kind: One of `KINDS`.
    """

    def __init__(self, buffer: bytearray | mmap, kind: Kind) -> None:
        before = KINDS[: KINDS.index(kind)]
        self._buffer = buffer
        self._start = sum(1 << _SIZES[other] for other in before)
        self._shift = 64 - _SIZES[kind]
        self._mask = (1 << _SIZES[kind]) - 1

    def mark(self, what: int, state: int) -> None:
        """Mark that something was reached: a state, and what happened in it."""
        # Knuth's multiplicative hash; the top bits are the good ones.
        mixed = (state * 1_000_003 + what) * 0x9E3779B97F4A7C15
        self._buffer[self._start + (mixed >> self._shift & self._mask)] = 1
