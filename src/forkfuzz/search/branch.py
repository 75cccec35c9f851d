"""What a search keeps of the ways that it has not gone yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from .futures import Locks, Node

UNKNOWN = -1
"""In place of the number of a shared state."""


@attrs.frozen(slots=True)
class Branch:
    """Decisions that have not been followed to their end yet.

    Attributes:
        path: The decisions, the last one being the new one.
        step: Position in *path* of the last decision that chose a task.
        places: Where the tasks stand before that step.
        shared: What they share there, by its number.
        departures: How many there are in *path*; see `Limits`.
    """

    path: bytes
    step: int = 0
    places: Mapping[int, int] = attrs.Factory(dict)
    shared: int = UNKNOWN
    departures: int = 0

    def then(self, option: int, departures: int = 0) -> Branch:
        """Return the branch with one more decision, about the same step."""
        return Branch(
            self.path + bytes([option]),
            self.step,
            self.places,
            self.shared,
            self.departures + departures,
        )


@attrs.define(slots=True)
class Reduced:
    """A state from which only one task's step was taken.

    Attributes:
        here: How it is reached, and what it is; *step* is where the next decision is.
        options: Which tasks could run.
        chosen: Which of them did.
        step: Where it stood.
        others: Where the others stood.
        held: Locks that the chosen one held.
    """

    here: Branch
    options: Sequence[int]
    chosen: int
    step: Node
    others: list[Node]
    held: Locks
