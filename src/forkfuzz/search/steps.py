"""Where each step led, so that no run is needed to find out that it leads nowhere new.

A step depends on where its task stands, on what the tasks share, and on the outcomes
that hardware picked on the way; on nothing else, or states would not be states. So a
step that was taken once is known wherever those are the same again, however the other
tasks stand.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from .branch import UNKNOWN, Branch
from .fingerprint import Symmetry
from .futures import Node


@attrs.frozen(slots=True)
class Step:
    """A step that was taken, with all that it asked decided beforehand.

    Attributes:
        task: Index of the task that took it.
        left: Where that stood before.
        outcomes: What hardware picked on the way.
    """

    task: int
    left: Node
    outcomes: bytes


class Steps:
    """Remembers where steps led.

    Args:
        symmetry: Which tasks can be exchanged for each other.
    """

    def __init__(self, symmetry: Symmetry) -> None:
        self._symmetry = symmetry
        self._led: dict[tuple[int, Node, bytes], tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._led)

    def learn(
        self, before: int, step: Step, places: Mapping[int, int], after: int
    ) -> None:
        """Note what a step did.

        Args:
            before: What the tasks shared before, by its number.
            step: The step.
            places: Where the tasks stand after it.
            after: What they share after it.
        """
        self._led[before, step.left, step.outcomes] = (places[step.task], after)

    def follow(self, branch: Branch) -> tuple[Mapping[int, int], int] | None:
        """Return where a branch leads by its last step; None if that is not known."""
        index, outcomes = branch.path[branch.step], branch.path[branch.step + 1 :]
        node = self._symmetry.node(index, branch.places.get(index, UNKNOWN))
        led = self._led.get((branch.shared, node, outcomes))
        if led is None:
            return None
        place, shared = led
        return {**branch.places, index: place}, shared
