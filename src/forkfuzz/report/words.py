"""Names, as the tables use them."""

from __future__ import annotations

import re

from forkfuzz.checkers.violation import StoreRef
from forkfuzz.scenarios.program import Program

from .events import Recording
from .sanitize import LONGEST, LONGEST_NAME, brief, escaped, printable

SURELY_BRIEF = LONGEST_NAME // len("\\U00000000")
"""Characters of a name that is shown whole, whatever they are."""


def shown(program: Program, text: str, longest: int = LONGEST) -> str:
    """Return a text with the names of *program* in it as `brief` has them."""
    names = {page.name for page in program.pages}
    names |= {thread.name for thread in program.threads}
    long = [name for name in names if len(name) > SURELY_BRIEF]  # seldom any
    names = {name for name in long if brief(name) != escaped(name)}
    for name in sorted(names, key=lambda name: (-len(name), name)):
        text = text.replace(name, brief(name))
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
