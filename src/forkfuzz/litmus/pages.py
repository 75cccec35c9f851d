"""The pages of a test: from attributes to the parent's address space."""

from __future__ import annotations

import itertools
from typing import Any

import attrs
from lark import Token

from forkfuzz.scenarios.program import MAX_PAGES, MAX_WORDS, PageSpec

from .grammar import Node
from .source import Line
from .words import identifier, number, require_modelled

MAX_REFS = 1_000_000
MAX_VMA = 9999

_ATTRIBUTES: dict[str, dict[str, object]] = {
    "anon": {},
    "shared": {"shared": True},
    "file": {"file": True},
    "untouched": {"untouched": True},
    "clean": {"clean": True},
    "swapped": {"swapped": True},
    "pte=ro": {"read_only": True},
    "prot=r": {"prot": "r"},
    "prot=none": {"prot": "none"},
    "dontfork": {"dontfork": True},
    "wipeonfork": {"wipeonfork": True},
    "pinned": {"pin": "rw"},
    "pinned=ro": {"pin": "ro"},
    "has-pinned": {"has_pinned": True},
}
"""The fields of `PageSpec` that an attribute without a value of its own stands for."""

_PRESENT = ("clean", "pte=ro", "pinned", "pinned=ro", "refs")
_CONTRADICTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("anon", ("shared", "file")),
    ("shared", ("file", "swapped", "maps", "wipeonfork")),
    ("file", ("clean", "pte=ro", "pinned", "pinned=ro", "swapped", "maps")),
    ("file", ("wipeonfork",)),
    ("untouched", (*_PRESENT, "swapped", "maps")),
    ("swapped", (*_PRESENT, "maps")),
    ("maps", ("pinned", "pinned=ro", "refs")),
    ("clean", ("pte=ro", "prot=r", "prot=none")),
    ("prot=r", ("prot=none",)),
    ("pinned", ("pinned=ro",)),
)
"""Attributes that no page has together, each with all those that it excludes."""

_OF_THE_VMA = ("shared", "file", "prot", "dontfork", "wipeonfork")


@attrs.define(slots=True)
class Page:
    """A page as far as it has been read.

    Attributes:
        line: Where it is declared.
        name: As declared there.
        words: How many the program names.
        fields: For its `PageSpec`.
        init: First values, by index.
    """

    line: Line
    name: Token
    words: int = 1
    fields: dict[str, Any] = attrs.field(factory=dict)
    init: dict[int, int] = attrs.field(factory=dict)

    def spec(self) -> PageSpec:
        """Return the page as a program has it."""
        values = tuple(self.init.get(index, 0) for index in range(self.words))
        init = values if self.init else ()
        return PageSpec(str(self.name), words=self.words, init=init, **self.fields)


class Pages:
    """All pages that have been declared so far."""

    def __init__(self) -> None:
        self._pages: dict[str, Page] = {}

    def __len__(self) -> int:
        return len(self._pages)

    def __contains__(self, name: object) -> bool:
        return name in self._pages

    def declare(self, line: Line, tree: Node) -> None:
        """Take in ``page NAME[WORDS] ATTR...``."""
        name, *rest = tree.children
        if len(self._pages) == MAX_PAGES:
            raise line.wrong(name, f"at most {MAX_PAGES} pages")
        identifier(line, name, "a page")
        if name in self._pages:
            raise line.wrong(name, "a name that no page has yet")
        page = Page(line, name)
        if rest and rest[0].data == "index":
            size = rest.pop(0).children[0]
            page.words = number(line, size, 1, MAX_WORDS, "a number of words")
        self._add_attributes(page, rest)
        self._pages[str(name)] = page

    def set_word(self, line: Line, tree: Node) -> None:
        """Take in ``init NAME[I]=V``."""
        place, value = tree.children
        name, index = self.place(line, place.children)
        page = self._pages[name]
        for field in ("untouched", "maps"):
            if page.fields.get(field) and not page.fields.get("file"):
                raise line.wrong(
                    place.children[0],
                    "a page with a frame of its own from the start",
                    f"'{name}', which has '{field}'",
                )
        if index in page.init:
            raise line.wrong(place.children[0], "a word that has no first value yet")
        page.init[index] = number(line, value)

    def find(self, line: Line, name: Token) -> Page:
        """Return the page that a word of the test names."""
        page = self._pages.get(str(name))
        if page is None:
            known = f" ({', '.join(list(self._pages)[:8])})" if self._pages else ""
            raise line.wrong(name, f"a page that is declared{known}")
        return page

    def place(self, line: Line, children: list[Any]) -> tuple[str, int]:
        """Return page and index of ``NAME`` or ``NAME[I]``."""
        page = self.find(line, children[0])
        index = 0
        if len(children) > 1:
            what = f"an index in {page.name}"
            token = children[1].children[0]
            index = number(line, token, 0, page.words - 1, what)
        return str(page.name), index

    def words(self, name: str) -> int:
        """Return how many words a page has."""
        return self._pages[name].words

    def in_first_vma(self, name: str) -> bool:
        """Return whether a page is in the first VMA that a child gets."""
        inherited = [p for p in self._pages.values() if not p.fields.get("dontfork")]
        vmas = [self._vma(page) for page in inherited]
        return bool(vmas) and self._vma(self._pages[name]) == min(vmas)

    def specs(self) -> tuple[PageSpec, ...]:
        """Return all pages in address order."""
        ordered = sorted(self._pages.values(), key=self._vma)
        self._check_vmas(ordered)
        seen: set[str] = set()
        for page in ordered:
            target = page.fields.get("maps")
            if target and target not in seen:
                expected = f"a vma= not below that of {target}, which it maps"
                raise page.line.wrong(page.name, expected)
            seen.add(str(page.name))
        return tuple(page.spec() for page in ordered)

    @staticmethod
    def _vma(page: Page) -> int:
        return int(page.fields.get("vma", 0))

    def _check_vmas(self, ordered: list[Page]) -> None:
        """Refuse neighbours that cannot be in the VMA that they share."""
        for before, page in itertools.pairwise(ordered):
            if self._vma(before) != self._vma(page):
                continue
            for field in _OF_THE_VMA:
                if before.fields.get(field) != page.fields.get(field):
                    later = max(before, page, key=lambda p: p.line.number)
                    other = page if later is before else before
                    raise later.line.wrong(
                        later.name,
                        f"a vma= of its own, or {field} as for {other.name}",
                    )

    def _add_attributes(self, page: Page, trees: list[Node]) -> None:
        given: dict[str, Token] = {}
        for tree in trees:
            first, *rest = tree.children
            name, value = str(first), rest[-1] if rest else None
            require_modelled(page.line, first, f"page attribute {name}")
            if value is not None and value.type in ("PAGE", "NUMBER"):
                page.fields[name] = self._value(page, name, value)
            else:
                name += f"={value}" if value else ""
                page.fields.update(_ATTRIBUTES[name])
            if name in given:
                raise page.line.again(first, name)
            given[name] = first
        _check_contradictions(page.line, given)

    def _value(self, page: Page, name: str, value: Token) -> int | str:
        match name:
            case "vma":
                return number(page.line, value, 0, MAX_VMA, "the number of a VMA")
            case "refs":
                return number(page.line, value, 0, MAX_REFS, "a number of references")
            case _:
                return self._mapped(page.line, value)

    def _mapped(self, line: Line, name: Token) -> str:
        """Return the page whose frame another one maps, if that can be."""
        fields = self.find(line, name).fields
        taken = [
            f for f in ("untouched", "swapped", "shared", "file", "maps") if f in fields
        ]
        if taken:
            raise line.wrong(
                name,
                "an anonymous page with a frame of its own",
                f"'{name}', which has '{taken[0]}'",
            )
        return str(name)


def _check_contradictions(line: Line, given: dict[str, Token]) -> None:
    for name, excluded in _CONTRADICTIONS:
        for other in excluded:
            if name in given and other in given:
                first, later = sorted((name, other), key=list(given).index)
                expected = f"nothing that contradicts '{first}'"
                raise line.wrong(given[later], expected, f"'{later}'")
