"""What a search keeps of the ways that it has not gone yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from .futures import Locks, Node


@attrs.frozen(slots=True)
class Branch:
    """Decisions that have not been followed to their end yet.

    Attributes:
        path: The decisions, the last one being the new one.
        step: Position in *path* of the last decision that chose a task.
        places: Where the tasks stand before that step.
        preemptions: How many there are in *path*.
    """

    path: bytes
    step: int = 0
    places: Mapping[int, int] = attrs.Factory(dict)
    preemptions: int = 0


@attrs.define(slots=True)
class Reduced:
    """A state from which only one task's step was taken.

    Attributes:
        path: How it is reached.
        places: Where the tasks stand.
        options: Which tasks could run.
        chosen: Which of them did.
        step: Where it stood.
        others: Where the others stood.
        held: Locks that the chosen one held.
    """

    path: bytes
    places: Mapping[int, int]
    options: Sequence[int]
    chosen: int
    step: Node
    others: list[Node]
    held: Locks
