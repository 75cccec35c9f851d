"""Names, as the tables use them."""

from __future__ import annotations

import re

from .events import Recording


def vma_name(recording: Recording, name: str) -> str:
    """Return what a table calls the VMA of access *name*, such as ``vma0``.

    The number is the one that the program gives; all pages may be in one VMA.
    """
    start = name.rpartition(".")[2]
    if not start.isdecimal():
        return "vma"
    return f"vma{recording.program.pages[int(start)].vma}"


def pages_named(recording: Recording, text: str) -> list[str]:
    """Return the pages that a message speaks of, in address order."""
    words = re.findall(r"[A-Za-z0-9_]+", text)
    return [page.name for page in recording.program.pages if page.name in words]


def tasks_named(recording: Recording, text: str) -> list[str]:
    """Return the threads that a message speaks of, also as the CPU they run on."""
    words = re.findall(r"[A-Za-z0-9_]+", text)
    threads = [thread.name for thread in recording.program.threads]
    named = [word for word in words if word in threads]
    named += [t for t in threads if recording.cpus.get(t) in words]
    return list(dict.fromkeys(named))
