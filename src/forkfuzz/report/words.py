"""Names, as the tables use them."""

from __future__ import annotations

import re

from forkfuzz.checkers.violation import StoreRef
from forkfuzz.scenarios.program import Program

from .recording.events import Recording
from .sanitize import LONGEST, LONGEST_NAME, brief, escaped, printable

ENOUGH = LONGEST_NAME + 1
"""Characters of a name that say whether it is too long."""


def shown(program: Program, text: str, longest: int = LONGEST) -> str:
    """Return a text with the names of *program* in it as `brief` has them."""
    return with_names(cut_names(program), text, longest)


def cut_names(program: Program) -> dict[str, str]:
    """Return the names that are too long to be shown, and what stands for each."""
    names = {page.name for page in program.pages}
    names |= {thread.name for thread in program.threads}
    cut = (name for name in names if len(escaped(name[:ENOUGH])) > LONGEST_NAME)
    return {name: brief(name) for name in sorted(cut, key=lambda n: (-len(n), n))}


def with_names(cut: dict[str, str], text: str, longest: int = LONGEST) -> str:
    """Return a text with other names in it, escaped, and cut if it is long."""
    for name, short in cut.items():
        text = text.replace(name, short)
    return printable(text, longest)


def place_of(store: StoreRef) -> str:
    """Return the word of a store, as events have it."""
    page, bracket, index = store.place.rpartition("[")
    return f"{brief(page)}{bracket}{printable(index)}"


def vma_name(recording: Recording, name: str) -> str:
    """Return what a table calls the VMA of access *name*, such as ``vma0``.

    The number is the one that the program gives; all pages may be in one VMA.
    """
    start = name.rpartition(".")[2]
    if not start.isdecimal():
        return "vma"
    return f"vma{recording.program.pages[int(start)].vma}"


def pages_named(recording: Recording, text: str) -> list[str]:
    """Return the pages that a message speaks of, in address order.

    If it names none, those that have been in a frame that it names.
    """
    names = [brief(page.name) for page in recording.program.pages]
    frames = [f"frame {number}" for number in re.findall(r"\bframe (\d+)", text)]
    inside = {
        event.text("page")
        for _, event in recording.events("pte_set")
        for entry in (event.text("old"), event.text("new"))
        if " ".join(entry.split()[:2]) in frames
    }
    named = [name for name in names if _speaks_of(text, name)]
    return named or [name for name in names if name in inside]


def tasks_named(recording: Recording, text: str) -> list[str]:
    """Return the threads that a message speaks of, also as the CPU they run on."""
    threads = [brief(thread.name) for thread in recording.program.threads]
    return [
        name
        for name in threads
        if _speaks_of(text, name) or _speaks_of(text, recording.cpus.get(name, name))
    ]


def _speaks_of(text: str, name: str) -> bool:
    return bool(re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", text))
