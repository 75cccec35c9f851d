"""``forkfuzz check --matrix``: every value of every guard on every litmus test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from forkfuzz.counting import counted

from .exit import Exit, say
from .exploring import load_test, processes
from .output import echo, put_json

if TYPE_CHECKING:
    from forkfuzz.exhaustive.matrix import Cell, Row
    from forkfuzz.search import Limits

HEADER = (
    "guard",
    "value",
    "breaks",
    "shown by",
    "steps",
    "preemptions",
    "states",
    "also shown by",
)


def show_matrix(
    files: Sequence[str], limits: Limits, jobs: int, *, as_json: bool
) -> int:
    """Decide and print the table, as Markdown; see `forkfuzz.exhaustive.matrix`."""
    from forkfuzz.exhaustive.matrix import matrix

    from .litmus import check_names, find_tests

    tests = [load_test(path) for path in find_tests(files)]
    check_names(tests)
    programs = {test.name: test.program for test in tests}
    rows: list[Row] = []

    def tell(row: Row) -> None:
        for line in [] if as_json else table([row], with_header=not rows):
            echo(line)
        rows.append(row)

    interrupted = False
    try:
        if jobs == 1:
            matrix(programs, limits, tell=tell)
        else:
            with processes(jobs) as run:
                matrix(programs, limits, run, tell=tell)
    except KeyboardInterrupt:
        interrupted = True
    if as_json:
        put_json([_document(row) for row in rows])
    if interrupted:
        say("check: interrupted; the table is not whole")
        return Exit.INTERRUPTED
    return Exit.VIOLATION if rows[0].cells else Exit.CLEAN


def table(rows: Sequence[Row], *, with_header: bool = True) -> list[str]:
    """Return the table in Markdown."""
    lines = [_line(HEADER), _line(["---"] * len(HEADER))] if with_header else []
    for row in rows:
        for number, cell in enumerate(row.cells):
            lines.append(_line([*_name(row, number), *_cell(cell)]))
        if not row.cells:
            where = f"nothing, in {counted(row.programs, 'test')}"
            if row.unsure:
                where += f", of which not in full: {', '.join(row.unsure)}"
            name = _name(row, 0)
            lines.append(_line([*name, where, "", "", "", str(row.states), ""]))
    return lines


def _name(row: Row, number: int) -> tuple[str, str]:
    if number:
        return "", ""
    return (f"`{row.field}`", f"`{row.value}`") if row.field else ("none", "`seed`")


def _cell(cell: Cell) -> list[str]:
    also = f"{cell.also} more" if cell.also else ""
    plainest = [str(cell.steps), str(cell.preemptions)] if cell.steps else ["?", "?"]
    return [f"`{cell.prop}`", cell.program, *plainest, str(cell.states), also]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _document(row: Row) -> dict[str, Any]:
    return {
        "field": row.field,
        "value": row.value,
        "programs": row.programs,
        "states": row.states,
        "unsure": list(row.unsure),
        "breaks": [
            {
                "property": cell.prop,
                "program": cell.program,
                "states": cell.states,
                "steps": cell.steps,
                "preemptions": cell.preemptions,
                "also": cell.also,
            }
            for cell in row.cells
        ],
    }
