"""What a step touches: the unit of partial-order reduction, coverage and reports."""

from __future__ import annotations

import attrs


@attrs.frozen(slots=True)
class Access:
    """One shared object, and whether the step may change it.

    Two steps conflict when they name the same object and one of them writes.
    Accesses are made once for each object and reused: making one costs more than
    a step.

    Attributes:
        obj: Name of the object, such as ``pte:A``, ``page:3.0``, ``tlb:cpu1``.
        write: Whether the step may change it.
    """

    obj: str
    write: bool


NOTHING = Access("", write=False)
"""A step that touches nothing that another task can see."""


def reads(obj: str) -> Access:
    """Return the access of a step that only looks at *obj*."""
    return Access(obj, write=False)


def writes(obj: str) -> Access:
    """Return the access of a step that may change *obj*."""
    return Access(obj, write=True)
