"""What a simulated machine says that memory holds: the same as a litmus test does."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from forkfuzz.errors import UsageError
from forkfuzz.exhaustive import decide
from forkfuzz.harness.sim import Sim, SimThread
from forkfuzz.litmus import observables, observe, parse


@attrs.frozen
class Case:
    """A page, what happens to it, and what there is at the end; None if nothing is.

    Attributes:
        what: In words.
        page: Attributes of the page, which has 7 in it if it has anything.
        before: Whether the parent stores 5 before it forks.
        after: What the parent does afterwards: a method and its argument.
        exits: Whether the child exits.
        parent: What the parent holds.
        child: What the child holds.
    """

    what: str
    page: str = ""
    before: bool = False
    after: tuple[str, ...] = ()
    exits: bool = False
    parent: int | None = 7
    child: int | None = 7


CASES = (
    Case("nothing happens"),
    Case("a store before the fork", before=True, parent=5, child=5),
    Case("the child has not touched it", "shared", before=True, parent=5, child=5),
    Case("a file that nobody has touched", "file untouched"),
    Case("nobody has touched it", "untouched", parent=0, child=0),
    Case("in the swap cache", "swapped"),
    Case("not for the child", "dontfork", child=None),
    Case("unmapped", after=("munmap",), parent=None),
    Case("thrown away", after=("madvise", "dontneed"), parent=0),
    Case("a guard region", after=("madvise", "guard"), parent=None),
    Case("the child is gone", exits=True, child=None),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
async def test_a_value_is_what_a_load_would_be_given(case: Case) -> None:
    """By the page tables of each process; without memory there is no value."""
    sim = Sim()
    attributes: dict[str, Any] = dict.fromkeys(case.page.split(), True)
    init = () if case.page == "untouched" else (7,)
    page = sim.page("A", init=init, **attributes)

    @sim.thread
    async def forker(cpu: SimThread) -> None:
        if case.before:
            await cpu.store(page, 5)
        await cpu.fork()
        if case.after:
            name, *advice = case.after
            await getattr(cpu, name)(page, *advice)

    if case.exits:

        @sim.child
        async def child(cpu: SimThread) -> None:
            await cpu.exit()

    await sim.run()
    for process, value in (("parent", case.parent), ("child", case.child)):
        if value is None:
            with pytest.raises(UsageError, match=f"{process} has no page A at the end"):
                sim.value(page, of=process)
        else:
            assert sim.value(page, of=process) == value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_a_litmus_test_sees_the_same(case: Case) -> None:
    """Of the same program."""
    cells = ["A = 5"] * case.before + ["fork"]
    if case.after:
        cells.append(" ".join((case.after[0], "A", *case.after[1:])))
    rows = [[cell] for cell in cells]
    if case.exits:
        rows = [["F", "child"], *[[cell, ""] for cell in cells]]
        rows[-1][1] = "exit"
    else:
        rows = [["F"], *rows]
    init = "" if case.page == "untouched" else "init A=7\n"
    table = "\n".join(" | ".join(row) for row in rows)
    shown = "exists parent:A=0 /\\ child:A=0"
    text = f"litmus t\npage A {case.page}\n{init}{table}\n\n{shown}\nclean\n"
    test = parse(text, "t.litmus")
    places = observables(test)
    decided = decide(test.program, test.rules, lambda run: observe(run, places))
    assert {end.values for end in decided.ends} == {(case.parent, case.child)}
