"""Writing a program down as a litmus test."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise, zip_longest
from typing import Any

import attrs

from forkfuzz.errors import InternalError, LitmusError, UsageError
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios import program as p

from .columns import ACTORS, child_number
from .directives import MAX_FAILURES
from .pages import MAX_VMA
from .parser import parse
from .source import MAX_BYTES

_HARDWARE_EVENTS: Any = attrs.fields(p.Program).hardware_events.default


def format_test(
    name: str,
    program: p.Program,
    rules: str = "",
    title: str = "",
    assertions: Iterable[str] = (),
) -> str:
    """Write *program* so that `parse` makes the `normal_form` of it again.

    No litmus test can say

    - that a thread is killed, or that the kernel stores on its behalf;
    - that the slow path alone takes a reference as ``get`` does;
    - two threads of one child, or a name that belongs to another kind of column;
    - a statement in a column of a kind that does not have it, such as a ``dma`` of a
      thread, or ``collapse`` where no page is in the child's first VMA;
    - names, numbers, pages and combinations of attributes that the language refuses;
    - hardware with lax dirty bits and without evictions, or a number of spontaneous
      TLB events other than the usual one;
    - more than fits into a test.

    Args:
        name: Of the test.
        program: What to write.
        rules: As `forkfuzz.rules.parse_rules` reads them; by default ``seed``.
        title: The description; may be empty.
        assertions: Lines below the table, such as ``violates snapshot.torn``; without
            any it is ``clean``.

    Raises:
        UsageError: There is no such test; the message says what cannot be said.
    """
    rules_text = re.sub(r"\s", "", rules) or "seed"
    parse_rules(rules_text)
    wanted = normal_form(program)
    _check_hardware(program)
    for thread in wanted.threads:
        _check_column(wanted, thread)
    if len(wanted.threads) == 1 and not wanted.threads[0].statements:
        raise _unsayable(program, "that nothing is done")
    blocks = [
        [f"litmus {name}", *([f'"{title}"'] if title else [])],
        [f"rules {rules_text}", *_directives(wanted)],
        _table(wanted),
        [_aligned(line) for line in assertions] or ["clean"],
    ]
    text = "\n\n".join("\n".join(block) for block in blocks) + "\n"
    _check_text(text, wanted)
    return text


def normal_form(program: p.Program) -> p.Program:
    """Return *program* as a litmus test has it, where its own words mean the same.

    The thread of a child is named after it. VMAs are numbered in the order of their
    addresses, first values are given for all words of a page or for none, and `Pin`
    with ``get`` is without ``write``, which it does not look at. Tests decide TLB
    events when they matter, so they need not say so (``lazy_tlb``), and what a
    campaign should have reached (``sometimes``) is not for them.

    Whatever `parse` has made is its own normal form.
    """
    events = program.hardware_events
    return attrs.evolve(
        program,
        pages=_normal_pages(program.pages),
        threads=_normal_threads(program),
        # A lazy TLB does not look at their number.
        hardware_events=_HARDWARE_EVENTS if program.lazy_tlb else events,
        lazy_tlb=False,
        sometimes=(),
    )


def _normal_pages(pages: tuple[p.PageSpec, ...]) -> tuple[p.PageSpec, ...]:
    vmas = [page.vma for page in pages]
    if vmas != sorted(vmas) or not 0 <= vmas[0] <= vmas[-1] <= MAX_VMA:
        # Only neighbours share a VMA, whatever its number.
        boundaries = [0, *(int(one != other) for one, other in pairwise(vmas))]
        vmas = [sum(boundaries[: count + 1]) for count in range(len(pages))]
    return tuple(
        attrs.evolve(page, vma=vma, init=_normal_init(page))
        for page, vma in zip(pages, vmas, strict=True)
    )


def _normal_init(page: p.PageSpec) -> tuple[int, ...]:
    if not page.init:
        return ()
    return (*page.init, *[0] * page.words)[: page.words]


def _normal_threads(program: p.Program) -> tuple[p.Thread, ...]:
    """Name the children's threads as their columns, and mend what is not looked at."""
    return tuple(
        attrs.evolve(
            thread,
            name=_child_name(thread.fork) if thread.kind == "child" else thread.name,
            statements=tuple(map(_normal_statement, thread.statements)),
            fork=thread.fork if thread.kind == "child" else 1,
        )
        for thread in _check_children(program)
    )


def _child_name(fork: int) -> str:
    return "child" if fork == 1 else f"child{fork}"


def _check_children(program: p.Program) -> tuple[p.Thread, ...]:
    """Return the threads, whose new names are then as unique as the old ones."""
    seen: dict[int, str] = {}
    for thread in program.threads:
        if thread.kind == "child" and thread.fork in seen:
            other = seen[thread.fork]
            raise _unsayable(program, f"that {other} and {thread.name} are one child's")
        if thread.kind == "child":
            seen[thread.fork] = thread.name
        elif child_number(thread.name) is not None:
            raise _unsayable(program, f"that {thread.name} is not a child's thread")
    return program.threads


def _normal_statement(statement: p.Statement) -> p.Statement:
    if isinstance(statement, p.Pin) and statement.get:
        return attrs.evolve(statement, write=False)
    return statement


def _unsayable(program: p.Program, what: str) -> UsageError:
    msg = f"{program.name}: no litmus test can say {what}"
    return UsageError(msg)


# What is checked here would otherwise be refused in words that do not fit.


def _check_hardware(program: p.Program) -> None:
    if program.hw_dirty_lax and not program.tlb_evictions:
        raise _unsayable(program, "both dirty=lax and evictions=none")
    events = program.hardware_events
    if events != _HARDWARE_EVENTS and not program.lazy_tlb:
        raise _unsayable(program, f"that a CPU sees {events} TLB events")
    if len(program.fail_sites) > MAX_FAILURES:
        raise _unsayable(program, f"that {len(program.fail_sites)} allocations fail")


def _check_column(program: p.Program, thread: p.Thread) -> None:
    named = "parent"
    if child_number(thread.name) is not None:
        named = "child"
    elif thread.name in ACTORS:
        named = "kernel"
    elif thread.name.startswith("dev"):
        named = "device"
    if named != thread.kind:
        what = f"that {thread.name!r} is of the kind {thread.kind!r}, not {named!r}"
        raise _unsayable(program, what)


def _check_text(text: str, wanted: p.Program) -> None:
    """Refuse a text that says something else, or nothing that a test can say.

    What the language takes is known to its parser alone.
    """
    if len(text) > MAX_BYTES:
        what = f"as much, in {len(text)} bytes: expected at most {MAX_BYTES}"
        raise _unsayable(wanted, what)
    try:
        found = parse(text).program
    except LitmusError as error:
        line = text.split("\n")[error.line - 1].strip()
        expected = f"expected {error.expected}, found {error.found}"
        raise _unsayable(wanted, f"{line[:60]!r}: {expected}") from None
    if attrs.evolve(found, name=wanted.name) != wanted:
        raise _unsayable(wanted, _difference(found, wanted))


def _difference(found: p.Program, wanted: p.Program) -> str:
    """Return in words the first thing that came back as another."""
    for page in wanted.pages:
        if page not in found.pages:
            return f"what page {page.name!r} is"
    for thread in wanted.threads:
        if thread not in found.threads:
            return f"what thread {thread.name!r} is"
    return "all of it"


# The text.


def _directives(program: p.Program) -> Iterator[str]:
    if program.hw_dirty_lax:
        yield "hardware dirty=lax"
    if not program.tlb_evictions:
        yield "hardware evictions=none"
    if program.faults_stop:
        yield "faults stop"
    for site in program.fail_sites:
        yield f"fail {site}"
    for page in program.pages:
        yield _page(page)
    for page in program.pages:
        for index, value in enumerate(page.init):
            # One zero is needed where there is nothing else.
            if value or not (index or any(page.init)):
                yield f"init {_word(page, index)}={value}"


def _page(page: p.PageSpec) -> str:
    attributes = {
        "shared": page.shared,
        "file": page.file,
        "untouched": page.untouched,
        "swapped": page.swapped,
        f"maps={page.maps}": page.maps,
        "pte=ro": page.read_only,
        "clean": page.clean,
        f"prot={page.prot}": page.prot != "rw",
        f"vma={page.vma}": page.vma,
        "pinned": page.pin == "rw",
        "pinned=ro": page.pin == "ro",
        f"refs={page.refs}": page.refs,
        "has-pinned": page.has_pinned,
        "dontfork": page.dontfork,
        "wipeonfork": page.wipeonfork,
    }
    size = f"[{page.words}]" if page.words != 1 else ""
    given = [text for text, is_given in attributes.items() if is_given]
    return " ".join(["page", f"{page.name}{size}", *given])


def _word(page: p.PageSpec, index: int) -> str:
    return page.name if page.words == 1 else f"{page.name}[{index}]"


def _table(program: p.Program) -> list[str]:
    speller = _Speller(program)
    columns = [
        [thread.name, *(speller.spell(thread, each) for each in thread.statements)]
        for thread in program.threads
    ]
    if all(len(column) == 1 for column in columns):
        columns[-1].append("")  # a table has a row
    widths = [max(map(len, column)) for column in columns]
    rows = zip_longest(*columns, fillvalue="")
    return [" | ".join(map(str.ljust, row, widths)).rstrip(" ") for row in rows]


def _aligned(assertion: str) -> str:
    """Put what is asserted where it is in the lines above and below."""
    kind, _, rest = assertion.strip().partition(" ")
    return f"{kind:9} {rest.strip()}".rstrip(" ")


class _Speller:
    """Spells statements.

    Args:
        program: Whose they are.
    """

    def __init__(self, program: p.Program) -> None:
        self._program = program
        self._pages = {page.name: page for page in program.pages}
        statements = [each for thread in program.threads for each in thread.statements]
        pins = [each for each in statements if isinstance(each, p.Pin)]
        pinned = {page.name for page in program.pages if page.pin}
        pinned |= {pin.page for pin in pins if not pin.get}
        self._only_got = {pin.page for pin in pins} - pinned

    def spell(self, thread: p.Thread, statement: p.Statement) -> str:
        """Return the statement as in its cell of the table."""
        match statement:
            case p.Store(page, index, value, kernel):
                if kernel:
                    raise self._refuse(thread, f"stores to {page} in the kernel")
                return f"{self._place(page, index)} = {value}"
            case p.Load(page, index, register):
                return f"{register} = {self._place(page, index)}"
            case p.DmaStore(page, index, value):
                return f"dma {self._place(page, index)} = {value}"
            case p.DmaLoad(page, index, register):
                return f"{register} = dma {self._place(page, index)}"
            case p.Peek(page, index, register):
                return f"{register} = peek {self._place(page, index)}"
            case p.Pin() | p.Unpin():
                return self._reference(thread, statement)
            case p.Kill(other):
                raise self._refuse(thread, f"kills {other}")
            case p.Collapse():
                return f"collapse {self._collapsed(thread)}"
            case _:
                return _plain(statement)

    def _refuse(self, thread: p.Thread, what: str) -> UsageError:
        return _unsayable(self._program, f"that {thread.name} {what}")

    def _place(self, page: str, index: int) -> str:
        return _word(self._pages[page], index)

    def _reference(self, thread: p.Thread, statement: p.Pin | p.Unpin) -> str:
        page = statement.page
        if isinstance(statement, p.Unpin):
            put = page in self._only_got and thread.kind != "device"
            return f"put {page}" if put else f"unpin {page}"
        if statement.get:
            if not statement.fast:
                raise self._refuse(thread, f"gets {page} by the slow path alone")
            return f"get {page}"
        options = [*["ro"] * (not statement.write), *["slow"] * (not statement.fast)]
        return " ".join(["pin", page, *options])

    def _collapsed(self, thread: p.Thread) -> str:
        """Return a page of the VMA that is meant, which the statement does not name."""
        for page in self._program.pages:
            if not page.dontfork:
                return page.name
        raise self._refuse(thread, "collapses memory of a child that has none")


def _plain(statement: p.Statement) -> str:
    """Spell a statement that means the same whatever is around it."""
    match statement:
        case p.Fork():
            return "fork"
        case p.Exit():
            return "exit"
        case p.Mprotect(page, prot):
            return f"mprotect {page} {prot}"
        case p.Madvise(page, advice):
            return f"madvise {page} {advice}"
        case p.Munmap(page):
            return f"munmap {page}"
        case p.SwapOut(page):
            return f"swapout {page}"
        case p.Post(semaphore):
            return f"post {semaphore}"
        case p.Wait(semaphore):
            return f"wait {semaphore}"
        case _:
            return _raw(statement)


def _raw(statement: p.Statement) -> str:
    match statement:
        case p.RawPte(page, "map", source):
            return f"pte {page} = {source}"
        case p.RawPte(page, "none"):
            return f"pte {page} = none"
        case p.RawPte(page, action):
            return f"pte {page} {action}"
        case p.SwapPte(page, register):
            return f"{register} = swap-pte {page} none"
        case p.Invlpg(page):
            return f"invlpg {page}"
        case p.Shootdown(page):
            return f"shootdown {page}".rstrip(" ")
        case _:
            msg = f"forkfuzz bug: no words for {statement!r}"
            raise InternalError(msg)
