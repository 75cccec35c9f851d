"""Two runs side by side: where they part, what each does then, how each ends."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from forkfuzz.counting import counted

from .layout import paragraph
from .recording.events import Recording, Step
from .sanitize import printable
from .steps import describe

SHOWN = 6
"""Steps that are shown of each run after they part."""


@attrs.frozen(slots=True)
class Difference:
    """What tells two runs apart.

    Attributes:
        common: How many steps they share.
        only_first: Properties that only the first breaks, sorted.
        only_second: The same of the second.
    """

    common: int
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Return whether the runs break the same properties."""
        return not (self.only_first or self.only_second)


def difference(first: Recording, second: Recording) -> Difference:
    """Compare two runs, step by step, with the outcomes that hardware picked."""
    common = 0
    for one, other in zip(first.steps, second.steps, strict=False):
        if (one.task, one.label, one.choices) != (
            other.task,
            other.label,
            other.choices,
        ):
            break
        common += 1
    broken = [
        {violation.prop for violation in run.result.violations}
        for run in (first, second)
    ]
    return Difference(
        common,
        tuple(sorted(broken[0] - broken[1])),
        tuple(sorted(broken[1] - broken[0])),
    )


def difference_text(names: tuple[str, str], first: Recording, second: Recording) -> str:
    """Return the comparison for people, without a newline at its end."""
    found = difference(first, second)
    lines = [f"{counted(found.common, 'step')} in common"]
    for name, run in zip(names, (first, second), strict=True):
        lines += ["", *_after(printable(name), run, found.common)]
    lines.append("")
    for label, props in (("first", found.only_first), ("second", found.only_second)):
        if props:
            lines += paragraph(f"only the {label} breaks {', '.join(props)}", 0)
    if found.same:
        lines.append(
            "both break the same properties" if _broken(first) else "both clean"
        )
    return "\n".join(lines)


def _broken(run: Recording) -> bool:
    return bool(run.result.violations)


def _after(name: str, run: Recording, common: int) -> Iterator[str]:
    steps = run.steps[common:]
    if not steps:
        yield f"{name}: the run is over: {run.result.outcome.value}"
        return
    yield f"{name}, from step {common + 1} of {len(run.steps)}:"
    for step in steps[:SHOWN]:
        yield from _step(step)
    if len(steps) > SHOWN:
        yield f"  and {len(steps) - SHOWN} more"


def _step(step: Step) -> Iterator[str]:
    choices = [f"outcome {c.value} for {c.label}" for c in step.choices]
    told = [*choices, *map(describe, step.events)]
    yield from paragraph(f"{step.task}  {step.label}")
    for text in told:
        yield from paragraph(text, 6)
