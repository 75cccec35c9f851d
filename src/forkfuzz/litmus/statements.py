"""The rows of a test's table: from words to the statements of a program."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from lark import Token

from forkfuzz.scenarios import program as p

from .columns import CHILD, DEVICE, KINDS, PARENT, THREADS, Column, kinds_in_words
from .grammar import Node
from .pages import Pages
from .source import Line
from .words import identifier, number, require_modelled


@attrs.frozen(slots=True)
class Cell:
    """One statement, and what it may refer to.

    Attributes:
        line: Its row.
        column: Whose it is.
        pages: Those of the test.
        tree: The statement.
    """

    line: Line
    column: Column
    pages: Pages
    tree: Node

    @property
    def start(self) -> int:
        """Return the column at which the statement begins."""
        return int(self.tree.meta.column)

    @property
    def word(self) -> str:
        """Return what the statement is called."""
        return _SPELLING.get(self.tree.data, self.tree.data)

    def page(self, which: int = 0) -> str:
        """Return the page that a word of the statement names."""
        return str(self.pages.find(self.line, self.tree.children[which]).name)

    def place(self, which: int = 0) -> tuple[str, int]:
        """Return the page and index of a word of memory."""
        return self.pages.place(self.line, self.tree.children[which].children)

    def value(self) -> int:
        """Return the number at the statement's end."""
        return number(self.line, self.tree.children[-1])

    def options(self, which: int = 1) -> list[str]:
        """Return the keywords at the statement's end."""
        return ["".join(map(str, tree.children)) for tree in self.tree.children[which:]]

    def register(self) -> str:
        """Return the register that the statement loads into."""
        token: Token = self.tree.children[0]
        name = identifier(self.line, token, "a register")
        if name in self.pages:
            raise self.line.wrong(token, "a register, which is not named like a page")
        self.column.registers[name] = None
        return name


def _store(cell: Cell) -> p.Statement:
    place = cell.pages.place(cell.line, cell.tree.children[:-1])
    return p.Store(*place, cell.value())


def _load(cell: Cell) -> p.Statement:
    return p.Load(*cell.place(1), cell.register())


def _pin(cell: Cell) -> p.Statement:
    options = cell.options()
    for count, option in enumerate(options):
        (token,) = cell.tree.children[1 + count].children
        if option in options[:count]:
            raise cell.line.again(token, option)
        if {option, *options[:count]} >= {"fast", "slow"}:
            raise cell.line.wrong(token, "'fast' or 'slow', not both")
    return p.Pin(cell.page(), write="ro" not in options, fast="slow" not in options)


def _madvise(cell: Cell) -> p.Statement:
    (advice,) = cell.options()
    require_modelled(cell.line, cell.start, f"madvise {advice}")
    return p.Madvise(cell.page(), advice)


def _pte_map(cell: Cell) -> p.Statement:
    token: Token = cell.tree.children[1]
    source = cell.pages.find(cell.line, token)
    if source.fields.get("untouched"):
        expected = "a page with a frame from the start"
        raise cell.line.wrong(token, expected, f"'{token}', which has 'untouched'")
    return p.RawPte(cell.page(), "map", str(token))


def _pte_change(cell: Cell) -> p.Statement:
    (change,) = cell.options()
    return p.RawPte(cell.page(), change.removeprefix("="))


def _shootdown(cell: Cell) -> p.Statement:
    return p.Shootdown(cell.page() if cell.tree.children else "")


def _collapse(cell: Cell) -> p.Statement:
    page = cell.page()
    if not cell.pages.in_first_vma(page):
        raise cell.line.wrong(
            cell.tree.children[0], "a page of the first VMA that a child gets"
        )
    return p.Collapse()


def _post(cell: Cell) -> p.Statement:
    name = identifier(cell.line, cell.tree.children[0], "a semaphore")
    cell.column.posts.add(name)
    return p.Post(name)


def _wait(cell: Cell) -> p.Statement:
    token: Token = cell.tree.children[0]
    name = identifier(cell.line, token, "a semaphore")
    cell.column.waits.setdefault(name, (cell.line, token))
    return p.Wait(name)


# (who may, what becomes of it), by the grammar's name of the statement
_STATEMENTS: dict[str, tuple[frozenset[str], Callable[[Cell], p.Statement]]] = {
    "store": (THREADS, _store),
    "load": (THREADS, _load),
    "fork": (frozenset({PARENT}), lambda _: p.Fork()),
    "exit": (frozenset({CHILD}), lambda _: p.Exit()),
    "pin": (THREADS, _pin),
    "unpin": (THREADS | {DEVICE}, lambda cell: p.Unpin(cell.page())),
    "dma_store": (
        frozenset({DEVICE}),
        lambda cell: p.DmaStore(*cell.place(), cell.value()),
    ),
    "dma_load": (
        frozenset({DEVICE}),
        lambda cell: p.DmaLoad(*cell.place(1), cell.register()),
    ),
    "get": (THREADS, lambda cell: p.Pin(cell.page(), get=True, write=False)),
    "put": (THREADS, lambda cell: p.Unpin(cell.page())),
    "peek": (THREADS, lambda cell: p.Peek(*cell.place(1), cell.register())),
    "mprotect": (THREADS, lambda cell: p.Mprotect(cell.page(), cell.options()[0])),
    "madvise": (THREADS, _madvise),
    "munmap": (THREADS, lambda cell: p.Munmap(cell.page())),
    "swapout": (frozenset({"kswapd"}), lambda cell: p.SwapOut(cell.page())),
    "collapse": (frozenset({"khugepaged"}), _collapse),
    "pte_map": (THREADS, _pte_map),
    "pte_change": (THREADS, _pte_change),
    "swap_pte": (THREADS, lambda cell: p.SwapPte(cell.page(1), cell.register())),
    "invlpg": (THREADS, lambda cell: p.Invlpg(cell.page())),
    "shootdown": (THREADS, _shootdown),
    "post": (frozenset(KINDS), _post),
    "wait": (frozenset(KINDS), _wait),
}

_SPELLING = {
    "store": "a store",
    "load": "a load",
    **dict.fromkeys(("dma_store", "dma_load"), "dma"),
    **dict.fromkeys(("pte_map", "pte_change"), "pte"),
    "swap_pte": "swap-pte",
    "uffd_wp": "uffd-wp",
    "uffd_unwp": "uffd-unwp",
    "clear_refs": "clear-refs",
}
"""Where a statement is not called as in the grammar."""


def read_row(line: Line, tree: Node, columns: tuple[Column, ...], pages: Pages) -> None:
    """Give each column its cell of a row.

    Raises:
        LitmusError: The cells are too many or too few, or one cannot be where it is.
    """
    _count_cells(line, len(tree.children), columns)
    for column, cell in zip(columns, tree.children, strict=True):
        if cell.children:
            _read_cell(Cell(line, column, pages, cell.children[0]))


def _count_cells(line: Line, count: int, columns: tuple[Column, ...]) -> None:
    if count < len(columns):
        raise line.wrong(line.end, f"a cell for '{columns[count].name}'")
    if count > len(columns):
        bars = [n for n, character in enumerate(line.content, 1) if character == "|"]
        raise line.wrong(bars[len(columns) - 1], "no more cells than columns")


def _read_cell(cell: Cell) -> None:
    column = cell.column
    if len(column.statements) == p.MAX_STATEMENTS:
        raise cell.line.wrong(cell.start, f"at most {p.MAX_STATEMENTS} statements")
    require_modelled(cell.line, cell.start, f"statement {cell.word}")
    who, make = _STATEMENTS[cell.tree.data]
    if column.kind not in who:
        raise cell.line.wrong(
            cell.start,
            f"{cell.word} in the column of {kinds_in_words(who)}",
            f"it in that of {column.described}",
        )
    statement = make(cell)
    if column.exited and not isinstance(statement, p.Post | p.Wait):
        raise cell.line.wrong(cell.start, "nothing that needs memory after 'exit'")
    column.exited |= isinstance(statement, p.Exit)
    column.statements.append(statement)
