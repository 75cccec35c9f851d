"""How the time of a run grows: sane figures, and linear as far as noise allows."""

from __future__ import annotations

from json import loads

import pytest

from cli.running import call
from forkfuzz.bench.growth import AXES, Axis, exponent, measure


def test_exponents_of_known_curves() -> None:
    """A straight line has 1, a parabola 2, whatever the unit."""
    assert exponent([(n, 0.3 * n) for n in (1, 4, 9)]) == pytest.approx(1)
    assert exponent([(n, 7.0 * n * n) for n in (2, 4, 8)]) == pytest.approx(2)


def test_every_axis_makes_larger_and_larger_programs() -> None:
    """All sizes are within the limits of programs."""
    for axis in AXES.values():
        programs = [axis.build(size) for size in axis.sizes]
        sizes = [
            (len(p.threads), len(p.pages), max(len(t.statements) for t in p.threads))
            for p in programs
        ]
        assert sizes == sorted(set(sizes))


def test_steps_are_those_really_taken() -> None:
    """A bound on steps must not cut the largest runs."""
    whole = AXES["steps"]
    axis = Axis(whole.sizes[:2], whole.build, is_steps=True)
    points = measure(axis, runs=2, repeats=1)
    assert points[0][0] < points[1][0]
    assert all(seconds > 0 for _, seconds in points)


def test_the_command_prints_exponents() -> None:
    """Three of them, in text and as JSON."""
    outcome = call("bench", "grow", "--runs", "1", "--repeats", "1", "--json")
    assert outcome.code == 0
    document = loads(outcome.out)
    assert set(document) == {"threads", "pages", "steps"}
    assert all(each["exponent"] < 2 for each in document.values())
