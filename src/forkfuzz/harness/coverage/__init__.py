"""Feedback for a guided search: what the interleaving did, not which code it ran.

Code coverage of a model is saturated after a few runs. So observers mark what tells
runs apart, as numbers hashed into a buffer that the fuzzing engine looks at.

To add a kind: a module with a watcher or an observer, and a line in the tables here and in `marks`.
"""

from __future__ import annotations

from collections.abc import Iterable
from mmap import mmap

import attrs

from forkfuzz.engine import Observer

from .marks import DEFAULT_KINDS, FEEDBACK_BYTES, KINDS, Kind
from .pairs import Conflicts, ReadsFrom
from .state import StateCoverage
from .translation import TranslationFrom

__all__ = ["DEFAULT_KINDS", "FEEDBACK_BYTES", "KINDS", "Coverage", "Kind", "cover"]


@attrs.frozen(slots=True)
class Coverage:
    """What marks the feedback of one run.

    Attributes:
        watchers: Told of what the model does.
        observers: Told of every step.
    """

    watchers: tuple[StateCoverage | TranslationFrom, ...]
    observers: tuple[Observer, ...]


_WATCHERS: dict[Kind, type[StateCoverage | TranslationFrom]] = {
    "state": StateCoverage,
    "translation-from": TranslationFrom,
}
_OBSERVERS: dict[Kind, type[ReadsFrom | Conflicts]] = {
    "reads-from": ReadsFrom,
    "conflicts": Conflicts,
}


def cover(buffer: bytearray | mmap, kinds: Iterable[Kind]) -> Coverage:
    """Return what marks these kinds of feedback in *buffer*."""
    kinds = tuple(kinds)
    return Coverage(
        tuple(_WATCHERS[kind](buffer) for kind in kinds if kind in _WATCHERS),
        tuple(_OBSERVERS[kind](buffer) for kind in kinds if kind in _OBSERVERS),
    )
