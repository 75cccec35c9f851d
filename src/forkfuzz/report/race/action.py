"""One thing that a task did, in the words of a kernel developer."""

from __future__ import annotations

import attrs


@attrs.define(eq=False, slots=True)
class Call:
    """A call of a kernel function that takes several steps.

    Attributes:
        head: What stands before its parts.
        whole: What stands for all of it, if nothing comes between its parts.
        last: The step of its last part.
    """

    head: str = ""
    whole: str = ""
    last: int = 0


@attrs.frozen(slots=True, eq=False)
class Action:
    """What one task did in one step, in words.

    Attributes:
        step: Number of the step.
        task: In whose column it belongs; empty for nobody's.
        kind: What sort of thing it is; decides when it matters.
        text: The words.
        page: Which page it is about; empty if about none, or all.
        place: Which word it is about.
        depth: How far it is indented, as a callee.
        call: The call that it is part of.
        note: A mark beside the line.
        stale: Whether it went through a translation that the page table has taken back.
    """

    step: int
    task: str
    kind: str
    text: str
    page: str = ""
    place: str = ""
    depth: int = 0
    call: Call = attrs.Factory(Call)
    note: str = ""
    stale: bool = False
