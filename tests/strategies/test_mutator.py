"""Mutations stay within bounds and vary schedules in useful ways."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forkfuzz.strategies.mutator import (
    LIBFUZZER_FLAGS,
    MOST_KNOWN,
    Points,
    crossover,
    mutate,
)
from forkfuzz.strategies.stored_bytes import SWITCH

DATA = st.binary(max_size=300)
SIZES = st.integers(1, 400)
SEEDS = st.integers(0, 2**32)


@given(data=DATA, max_size=SIZES, seed=SEEDS)
def test_mutation_is_within_bounds(data: bytes, max_size: int, seed: int) -> None:
    """However long the input, the result is neither empty nor too long."""
    assert 1 <= len(mutate(data, max_size, random.Random(seed))) <= max_size


@given(a=DATA, b=DATA, max_size=SIZES, seed=SEEDS)
def test_crossover_is_within_bounds(
    a: bytes, b: bytes, max_size: int, seed: int
) -> None:
    """However long the inputs, the result is neither empty nor too long."""
    assert 1 <= len(crossover(a, b, max_size, random.Random(seed))) <= max_size


@given(data=DATA, seed=SEEDS)
def test_chance_comes_only_from_the_generator(data: bytes, seed: int) -> None:
    """The same seed gives the same mutations, one after the other."""
    one, two = random.Random(seed), random.Random(seed)
    for _ in range(3):
        assert mutate(data, 200, one) == mutate(data, 200, two)
        assert crossover(data, b"abc", 200, one) == crossover(data, b"abc", 200, two)


@pytest.mark.parametrize("max_size", [1, 2, 3])
def test_tiny_limits_hold_for_every_kind_of_mutation(max_size: int) -> None:
    """A thousand mutations of nothing and of something fit into three bytes."""
    rng = random.Random(1)
    sizes = {
        len(mutate(d, max_size, rng)) for d in (b"", b"x" * 50) for _ in range(500)
    }
    assert min(sizes) >= 1
    assert max(sizes) == max_size


def _common_prefix(a: bytes, b: bytes) -> int:
    return next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a)
    )


def test_most_mutations_keep_a_prefix() -> None:
    """What was decided early survives, mostly."""
    rng = random.Random(2)
    data = bytes(range(100))
    kept = [_common_prefix(data, mutate(data, 100, rng)) for _ in range(1000)]
    # A new tail (50 %) keeps 10 bytes with chance 0.9, one to four edits (40 %) with
    # about 0.8, a fresh input never: 0.77 in all, standard deviation 0.013.
    assert 700 < sum(prefix >= 10 for prefix in kept) < 840


def test_tails_have_few_or_many_switches() -> None:
    """The rate of switches varies from input to input."""
    rng = random.Random(3)
    rates = []
    for _ in range(500):
        result = mutate(b"", 64, rng)
        if len(result) == 64:
            rates.append(sum(byte >= SWITCH for byte in result) / 64)
    # About 0.5 + 0.1 * 2/3 of the results are drawn anew over 64 bytes; of them a fifth
    # each has the rate 1 or 0.04, for which more than 0.2 is 6 standard deviations off.
    assert sum(rate == 1.0 for rate in rates) > 25
    assert sum(rate < 0.2 for rate in rates) > 60


def test_input_may_grow_beyond_its_size() -> None:
    """Runs can get longer, so their inputs can."""
    rng = random.Random(4)
    assert max(len(mutate(bytes(100), 1000, rng)) for _ in range(100)) > 140


def test_crossover_splices_at_the_same_position() -> None:
    """A fifth of the results begins like one input and ends like the other."""
    rng = random.Random(5)
    a, b = b"a" * 40, b"b" * 50
    results = [crossover(a, b, 100, rng) for _ in range(1000)]
    spliced = [r for r in results if len(r) == 50 and r.strip(b"a").strip(b"b") == b""]
    # Mean 200, standard deviation sqrt(1000 * 0.2 * 0.8) = 12.6.
    assert 140 < sum(r[:1] == b"a" and r[-1:] == b"b" for r in spliced) < 260


def test_crossover_splices_at_the_same_point() -> None:
    """Where both runs stood at one label, if their labels are known."""
    rng = random.Random(6)
    a, b = b"a" * 8, b"b" * 8
    points = Points()
    points.learn(a, [(0, f"step:{n}", 2, 0) for n in range(8)])
    points.learn(b, [(0, f"step:{(n + 5) % 8}", 2, 0) for n in range(8)])
    for _ in range(400):
        made = crossover(a, b, 100, rng, points)
        cut = _common_prefix(made, a)
        if 0 < cut < len(made) and made[cut:] == b"b" * (len(made) - cut):
            # a is cut at step:cut, where b stands at position (cut - 5) % 8.
            assert len(made) - cut == 8 - (cut - 5) % 8


def test_decisions_without_a_choice_have_no_byte() -> None:
    """Labels go with bytes, and old inputs are forgotten."""
    points = Points()
    points.learn(b"ab", [(0, "x:1", 1, 0), (0, "x:2", 2, 0), (-1, "x:3", 3, 1)])
    assert points.of(b"ab") == ("x:2", "x:3")
    for number in range(MOST_KNOWN):
        points.learn(number.to_bytes(4, "big"), [])
    assert points.of(b"ab") == ()


def test_preemptions_are_inserted_moved_and_deleted() -> None:
    """One in a long quiet input: results with two, with none, and with one elsewhere."""
    rng = random.Random(7)
    data = bytes(20) + b"\xf0" + bytes(20)
    results = [mutate(data, 41, rng) for _ in range(2000)]
    quiet = [r for r in results if len(r) in (41, 40) and r.count(0) >= 39]
    positions = {r.index(b"\xf0") for r in quiet if r.count(0xF0) == 1}
    assert bytes(41) in quiet
    assert any(sum(byte >= SWITCH for byte in r) == 2 for r in quiet)
    assert {20 - 8, 19, 21, 28} <= positions


def test_flags_are_well_formed() -> None:
    """A flag of libFuzzer has to be one word with one dash."""
    names = [flag.partition("=")[0] for flag in LIBFUZZER_FLAGS]
    assert names == ["-mutate_depth", "-entropic", "-len_control", "-use_cmp"]
    assert all(flag.partition("=")[2].isdigit() for flag in LIBFUZZER_FLAGS)
