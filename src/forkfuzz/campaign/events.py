"""What a campaign tells its caller while it goes on."""

from __future__ import annotations

from typing import Literal

import attrs
import msgspec

from forkfuzz.harness.result import RunResult

Reason = Literal["runs", "time", "finding", "interrupted"]
"""Why a campaign ended; the first two are budgets."""


@attrs.frozen(slots=True)
class Progress:
    """How far the campaign is.

    Attributes:
        elapsed: Seconds since it began.
        runs: Runs so far.
        rate: Runs in a second, since the report before.
        features: How many different things the runs have reached; 0 without feedback.
        corpus: How many inputs are kept because they reached something new.
        findings: How many different violations.
        hits: How many runs with a violation.
        since_new: Seconds since something new was reached.
    """

    elapsed: float
    runs: int
    rate: float
    features: int
    corpus: int
    findings: int
    hits: int
    since_new: float


@attrs.frozen(slots=True)
class Finding:
    """A violation that this campaign had not seen, executed again in this process.

    Attributes:
        signature: Identity of the bug.
        input: Bytes that make the run: ``Bytes(input)`` is its strategy.
        result: The run; its headline is the violation.
        runs: How many runs it took to get here.
        elapsed: Seconds since the campaign began.
    """

    signature: str
    input: bytes
    result: RunResult
    runs: int
    elapsed: float


@attrs.frozen(slots=True)
class Notice:
    """Something the user ought to know, in one line."""

    message: str


class Reach(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of a program a campaign has seen.

    Attributes:
        interleavings: How many different runs there were.
        outcomes: How many different ends: values loaded, faults, properties broken.
        points: Labels of the steps that were taken, sorted.
    """

    interleavings: int = 0
    outcomes: int = 0
    points: tuple[str, ...] = ()


@attrs.frozen(slots=True)
class Finished:
    """The campaign is over, and everything it keeps is on disk.

    Attributes:
        reason: Why.
        runs: How many runs it had.
        reached: Names of the ``sometimes`` properties that at least one run reached.
        reach: What else was seen.
    """

    reason: Reason
    runs: int
    reached: tuple[str, ...]
    reach: Reach = attrs.field(factory=Reach, eq=False)


Event = Progress | Finding | Notice | Finished
