"""Make a program smaller: fewer threads, statements, pages and words.

Each candidate is a program with something left out. It is run along the turns of the
run at hand, as far as they apply; if the violation is still there, it is taken. Without
much of the program the turns that are left mostly lead elsewhere, so that one without a
thread, half of one, a page or a word is searched for another run with the violation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

from forkfuzz.errors import UsageError
from forkfuzz.scenarios.program import PageSpec, Program, Thread

from .attempt import HARDWARE, Attempt, Attempts
from .guide import Turn

Change = dict[str, Any]
"""Fields of a program, with other values."""


def shrink_program(best: Attempt, attempts: Attempts) -> Attempt:
    """Return a run of the smallest program found that shows the violation."""
    best = _without_hardware(best, attempts)
    best = _descend(best, attempts, _much_smaller, search=True)
    return _descend(best, attempts, _smaller, search=False)


def _descend(
    best: Attempt,
    attempts: Attempts,
    variants: Callable[[Program], Iterator[Program]],
    *,
    search: bool,
) -> Attempt:
    """Take every variant that shows the violation, and go on from there.

    With *search*, also those that show it in another order only.
    """
    position = 0
    candidates = list(variants(best.program))
    while position < len(candidates) and not attempts.spent:
        candidate = candidates[position]
        attempt = attempts.make(candidate, best.turns)
        if attempt is None and search:
            attempt = attempts.search(candidate)
        if attempt is None:
            position += 1
        else:
            best = attempt
            # What has failed so far would mostly fail again.
            candidates = list(variants(best.program))
    return best


def _without_hardware(best: Attempt, attempts: Attempts) -> Attempt:
    """Decide fills and evictions when they matter, if the violation is there then too.

    A reader then has no hardware steps to follow, and a search no tasks for them.
    """
    if best.program.lazy_tlb:
        return best
    lazy = attrs.evolve(best.program, lazy_tlb=True)
    turns = [turn for turn in best.turns if not turn.task.startswith(HARDWARE)]
    names = list(dict.fromkeys(turn.task for turn in turns))
    # Whose translations are gone by the time they are used: nobody's, or all of one
    # thread, or everybody's.
    for evicted in ([], *([name] for name in names), names):
        attempt = attempts.make(lazy, _with_evictions(turns, evicted))
        if attempt is not None:
            return attempt
    return attempts.search(lazy) or best


def _with_evictions(turns: Sequence[Turn], evicted: Sequence[str]) -> tuple[Turn, ...]:
    """Return the turns, each translation of some threads being evicted before its use."""
    return tuple(
        attrs.evolve(turn, values=(1,) * turn.steps if turn.task in evicted else ())
        for turn in turns
    )


def _much_smaller(program: Program) -> Iterator[Program]:
    """Give programs without a thread, half of one, a page, or a word."""
    yield from _programs(
        program,
        *_without_threads(program),
        *_without_statements(program, singly=False),
        *_without_pages(program),
        *_with_fewer_words(program),
    )


def _smaller(program: Program) -> Iterator[Program]:
    """Give programs with something left out, the largest parts first."""
    yield from _programs(
        program,
        *_without_threads(program),
        *_without_statements(program, singly=True),
        *_without_pages(program),
        *_with_fewer_words(program),
        *_with_plainer_pages(program),
        *_with_small_numbers(program),
    )


def _programs(program: Program, *changes: Change) -> Iterator[Program]:
    for change in changes:
        try:
            yield attrs.evolve(program, **change)
        except UsageError:
            continue  # what is left is no program


def _without_threads(program: Program) -> Iterator[Change]:
    threads = program.threads
    for n in range(len(threads)):
        yield {"threads": (*threads[:n], *threads[n + 1 :])}


def _without_statements(program: Program, *, singly: bool) -> Iterator[Change]:
    """Leave out halves of a thread's statements, or quarters and single ones too."""
    for n, thread in enumerate(program.threads):
        count = len(thread.statements)
        sizes = dict.fromkeys((count // 2, count // 4, 1) if singly else (count // 2,))
        for size in [size for size in sizes if size]:
            for start in range(0, count, size):
                left = thread.statements[:start] + thread.statements[start + size :]
                yield _with_thread(program, n, attrs.evolve(thread, statements=left))


def _with_thread(program: Program, n: int, thread: Thread) -> Change:
    return {"threads": (*program.threads[:n], thread, *program.threads[n + 1 :])}


def _without_pages(program: Program) -> Iterator[Change]:
    for page in program.pages:
        threads = tuple(
            attrs.evolve(
                thread,
                statements=tuple(
                    statement
                    for statement in thread.statements
                    if page.name
                    not in (
                        getattr(statement, "page", ""),
                        getattr(statement, "source", ""),
                    )
                ),
            )
            for thread in program.threads
        )
        pages = tuple(other for other in program.pages if other is not page)
        yield {"pages": pages, "threads": threads}


def _with_fewer_words(program: Program) -> Iterator[Change]:
    for n, page in enumerate(program.pages):
        if page.words > 1:
            fewer = attrs.evolve(
                page, words=page.words - 1, init=page.init[: page.words - 1]
            )
            yield _with_page(program, n, fewer)


def _with_plainer_pages(program: Program) -> Iterator[Change]:
    """Give pages the attributes that they have when nothing is said of them."""
    plain = {field.name: field.default for field in attrs.fields(PageSpec)}
    for n, page in enumerate(program.pages):
        for name in PLAIN:
            if getattr(page, name) != plain[name]:
                change: dict[str, Any] = {name: plain[name]}
                yield _with_page(program, n, attrs.evolve(page, **change))


def _with_small_numbers(program: Program) -> Iterator[Change]:
    """Let each access be one of the first word, or of the word before its own.

    And let each store be of 1.
    """
    for n, thread in enumerate(program.threads):
        for k, statement in enumerate(thread.statements):
            index = getattr(statement, "index", 0)
            plainer: list[Change] = [
                {"index": i} for i in (0, index - 1) if 0 <= i < index
            ]
            if getattr(statement, "value", 1) > 1:
                plainer.append({"value": 1})
            for change in plainer:
                before, after = thread.statements[:k], thread.statements[k + 1 :]
                statements = (*before, attrs.evolve(statement, **change), *after)
                yield _with_thread(
                    program, n, attrs.evolve(thread, statements=statements)
                )


PLAIN = (
    *("init", "refs", "has_pinned", "clean", "read_only", "untouched", "swapped"),
    "file",
)
"""Attributes of pages that can be left out without the program being another one."""


def _with_page(program: Program, n: int, page: PageSpec) -> Change:
    return {"pages": (*program.pages[:n], page, *program.pages[n + 1 :])}
