"""What a checker reports when the modelled kernel broke a property."""

from __future__ import annotations

import enum
import hashlib

import attrs

SIGNATURE_DIGITS = 8
"""Hexadecimal digits of a signature."""


class Severity(enum.Enum):
    """Who can notice a violation."""

    PROGRAM = "a program can see it"
    CONTRACT = "only the contract is broken"


@attrs.frozen(slots=True)
class StoreRef:
    """One store of the program, or what it did to a whole page, as a violation names it.

    Attributes:
        task: Who stored.
        place: Where, such as ``A[0]``.
        value: What.
        step: At which step of the run it took effect.
        page_is: What has become of the page, if it was no store.
    """

    task: str
    place: str
    value: int
    step: int
    page_is: str = attrs.field(default="", repr=False)  # traces are of stores

    def __str__(self) -> str:
        """Return it in the words of a race table."""
        by = f" by {self.task}" if self.task else ""
        if self.page_is:
            return f"{self.place.rpartition('[')[0]} {self.page_is}{by}"
        return f"{self.place} = {self.value}{by}"


@attrs.frozen(slots=True)
class Violation:
    """One broken property in one run.

    Attributes:
        prop: Name of the property, such as ``snapshot.torn``.
        severity: Whether a program can see it.
        message: What happened, in one line.
        step: The step after which it was noticed, counted from 1.
        points: Labels of the steps that did it; together with the property and the
            rules they identify the bug, whatever the schedule.
        pair: The two stores that no cut separates: one that the child lacks, one that
            it has. Empty where the property is not about a pair.
    """

    prop: str
    severity: Severity
    message: str
    step: int
    points: tuple[str, ...]
    pair: tuple[StoreRef, ...] = ()

    def signature(self, rules: str) -> str:
        """Return the stable identity of this bug under *rules*, in hexadecimal."""
        identity = "\n".join((self.prop, *self.points, rules))
        return hashlib.sha256(identity.encode()).hexdigest()[:SIGNATURE_DIGITS]
