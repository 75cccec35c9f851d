"""Draws without putting back: chance that does not repeat itself."""

from __future__ import annotations

from .chance import Chance


class Bag:
    """Draws numbers, none of them again before all the others were drawn.

    Args:
        chance: Where the draws come from.
    """

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._drawn: set[int] = set()

    def draw(self, count: int) -> int:
        """Return a number from 0 to ``count - 1``; *count* may grow from draw to draw."""
        left = [i for i in range(count) if i not in self._drawn]
        if not left:
            self._drawn.clear()
            left = list(range(count))
        number = left[self._chance.pick(len(left))]
        self._drawn.add(number)
        return number
