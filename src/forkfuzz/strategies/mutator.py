"""Mutations of fuzz inputs that are schedules in the encoding of `stored_bytes`.

A schedule's meaning is in its prefix: one changed decision and the rest of the input
is read by other tasks at other points. So the main mutation keeps a prefix and draws
the rest anew, with few or many switches. The others know what a byte means: they
insert, move and delete preemptions, and splice schedules where both stand at the same
point. General byte mutations miss some kinds of bugs altogether.

A mutator must neither raise nor return too much: libFuzzer would be left for good.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from forkfuzz.engine import RawDecision

from .stored_bytes import SWITCH, bytes_of

LIBFUZZER_FLAGS = (
    # A second mutation on top would replace most of what the first one kept.
    "-mutate_depth=1",
    # Weighing inputs by rare features costs time in proportion to the corpus. With
    # these two flags bugs took 1.3 to 4.5 times fewer executions than without.
    "-entropic=0",
    # Short inputs are no simpler here: an exhausted input goes on without switches.
    "-len_control=0",
    # Comparisons in a Python program say nothing about a schedule.
    "-use_cmp=0",
)
"""What libFuzzer needs to be told to get along with these mutations."""

_SWITCH_RATES = (1.0, 0.5, 0.25, 0.1, 0.04)
_FRESH_SIZES = (16, 64, 256)
_MIN_GROWTH = 64
_FAR = 8
"""How far a preemption moves, at most."""

MOST_KNOWN = 4096
"""Inputs whose points are remembered; the oldest are forgotten."""


class Points:
    """At which point each byte of an input was read.

    Two schedules can be spliced where both stand at the same one: what comes after it
    in the second means something after the first.
    """

    def __init__(self) -> None:
        self._labels: dict[bytes, tuple[str, ...]] = {}

    def learn(self, data: bytes, decisions: Iterable[RawDecision]) -> None:
        """Remember the run of an input.

        Args:
            data: The input.
            decisions: As the machine recorded them.
        """
        labels: list[str] = []
        for decision in decisions:
            labels += [decision[1]] * bytes_of(decision)
        if len(self._labels) >= MOST_KNOWN:
            del self._labels[next(iter(self._labels))]
        self._labels[data] = tuple(labels[: len(data)])

    def of(self, data: bytes) -> Sequence[str]:
        """Return the labels of an input, byte by byte; none if it is not known."""
        return self._labels.get(data, ())


def mutate(data: bytes, max_size: int, rng: random.Random) -> bytes:
    """Return a variation of *data*: a new tail, a fresh input, or a few edits.

    Args:
        data: The input to vary; may be empty.
        max_size: The result has 1 to so many bytes; at least 1.
        rng: Source of all chance; only its ``random()`` is used.
    """
    kind = rng.random()
    if kind < 0.5:
        result = _new_tail(data, max_size, rng)
    elif kind < 0.6:
        size = _FRESH_SIZES[_pick(len(_FRESH_SIZES), rng)]
        result = _random_bytes(min(size, max_size), rng)
    elif kind < 0.8:
        result = _edit(data, rng)
    else:
        result = _edit_preemption(data, rng)
    return result[:max_size] or b"\0"


def crossover(
    a: bytes,
    b: bytes,
    max_size: int,
    rng: random.Random,
    points: Points | None = None,
) -> bytes:
    """Return *a* up to some position and *b* from there on, or a variation of *a*.

    libFuzzer asks for a crossover as often as for a mutation, but splices help only
    now and then: four out of five calls mutate instead.

    Args:
        a: The input that gives the prefix.
        b: The input that gives the rest: from where it stands at the same point, or
            else from the same position.
        max_size: The result has 1 to so many bytes; at least 1.
        rng: Source of all chance; only its ``random()`` is used.
        points: At which points the inputs' bytes were read, as far as is known.
    """
    shorter = min(len(a), len(b))
    if shorter < 2 or rng.random() < 0.8:
        return mutate(a, max_size, rng)
    cut = 1 + _pick(shorter - 1, rng)
    start = cut if points is None else _same_point(points, a, cut, b, rng)
    return (a[:cut] + b[start:])[:max_size] or b"\0"


def _same_point(
    points: Points, a: bytes, cut: int, b: bytes, rng: random.Random
) -> int:
    """Return where *b* stands at the point at which *a* is cut."""
    labels, others = points.of(a), points.of(b)
    if cut >= len(labels):
        return cut
    found = [i for i, label in enumerate(others) if label == labels[cut]]
    return found[_pick(len(found), rng)] if found else cut


def _new_tail(data: bytes, max_size: int, rng: random.Random) -> bytes:
    cut = _pick(min(len(data), max_size) + 1, rng)
    # Grows by a half at most, so that a run may get longer, without ever drawing
    # thousands of bytes that no run reads.
    size = min(max_size, max(_MIN_GROWTH, len(data) + len(data) // 2))
    return data[:cut] + _random_bytes(size - cut, rng)


def _random_bytes(count: int, rng: random.Random) -> bytes:
    rate = _SWITCH_RATES[_pick(len(_SWITCH_RATES), rng)]
    return bytes(_random_byte(rate, rng) for _ in range(count))


def _random_byte(rate: float, rng: random.Random) -> int:
    if rng.random() < rate:
        return SWITCH + _pick(256 - SWITCH, rng)
    return _pick(SWITCH, rng)


def _edit(data: bytes, rng: random.Random) -> bytes:
    edited = bytearray(data)
    for _ in range(1 + _pick(4, rng)):
        position = _pick(len(edited) + 1, rng)
        kind = rng.random()
        if kind < 0.2:
            edited.insert(position, _random_byte(0.5, rng))
        elif kind < 0.4:
            del edited[position : position + 1]
        else:
            edited[position : position + 1] = bytes((_random_byte(0.5, rng),))
    return bytes(edited)


def _edit_preemption(data: bytes, rng: random.Random) -> bytes:
    """Insert a preemption, or move or delete one; nothing else is decided anew."""
    edited = bytearray(data)
    there = [i for i, byte in enumerate(edited) if byte >= SWITCH]
    kind = rng.random()
    if not there or kind < 0.4:
        position = _pick(len(edited) + 1, rng)
        edited[position : position + 1] = bytes((_random_byte(1.0, rng),))
        return bytes(edited)
    position = there[_pick(len(there), rng)]
    preemption, edited[position] = edited[position], 0
    if kind < 0.8:
        far = 1 + _pick(_FAR, rng)
        moved = position + far if rng.random() < 0.5 else position - far
        moved = min(max(moved, 0), len(edited))
        edited[moved : moved + 1] = bytes((preemption,))
    return bytes(edited)


def _pick(count: int, rng: random.Random) -> int:
    # Only random() is promised to give the same numbers on every Python.
    return int(rng.random() * count)
