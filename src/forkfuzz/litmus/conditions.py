"""What assertions say about the end of a run."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from .places import Observation, Place


@attrs.frozen(slots=True)
class Atom:
    """What is seen at a place is this value.

    Attributes:
        place: What is looked at.
        value: What is to be there; True for what either holds or not.
    """

    place: Place
    value: int | bool


@attrs.frozen(slots=True)
class Not:
    """The operand does not hold."""

    operand: Condition


@attrs.frozen(slots=True)
class And:
    """All operands hold."""

    operands: tuple[Condition, ...]


@attrs.frozen(slots=True)
class Or:
    """At least one operand holds."""

    operands: tuple[Condition, ...]


Condition = Atom | Not | And | Or


def evaluate(condition: Condition, observation: Observation) -> bool:
    """Return whether a condition holds of what was seen."""
    match condition:
        case Atom(place, value):
            return observation[place] == value
        case Not(operand):
            return not evaluate(operand, observation)
        case And(operands):
            return all(evaluate(operand, observation) for operand in operands)
        case Or(operands):
            return any(evaluate(operand, observation) for operand in operands)


def places_in(condition: Condition) -> Iterator[Place]:
    """Give every place that a condition looks at, in the order in which it does."""
    match condition:
        case Atom(place):
            yield place
        case Not(operand):
            yield from places_in(operand)
        case And(operands) | Or(operands):
            for operand in operands:
                yield from places_in(operand)
