"""A bag gives each number once before any comes again."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from forkfuzz.strategies.bag import Bag
from forkfuzz.strategies.chance import Chance


@given(st.integers(1, 12), st.integers(0, 99))
def test_every_number_comes_once_in_each_round(count: int, seed: int) -> None:
    """Whatever the order."""
    bag = Bag(Chance(seed))
    for _ in range(3):
        assert sorted(bag.draw(count) for _ in range(count)) == list(range(count))


def test_each_number_is_as_likely_to_come_first() -> None:
    """The order is drawn, too."""
    first = Counter(Bag(Chance(seed)).draw(3) for seed in range(3000))
    assert set(first) == {0, 1, 2}
    assert all(abs(seen - 1000) < 130 for seen in first.values())  # five sigma


def test_numbers_that_are_new_come_before_old_ones() -> None:
    """The bag may grow."""
    bag = Bag(Chance(1))
    old = {bag.draw(2), bag.draw(2)}
    assert old == {0, 1}
    assert {bag.draw(4), bag.draw(4)} == {2, 3}
