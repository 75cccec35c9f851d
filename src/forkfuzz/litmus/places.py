"""What can be seen of a run when it is over, and how it is looked at."""

from __future__ import annotations

import attrs

from forkfuzz.harness.memory import word_value
from forkfuzz.harness.run import Run
from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.mm.pgtable import PAGE_PRESENT, PAGE_RW, pte_dirty

Value = int | bool | None
"""What was seen: a number, whether something holds, or that there is nothing to see."""


@attrs.frozen(slots=True)
class Word:
    """A word of memory, by the page tables of a process.

    Attributes:
        process: ``parent``, ``child``, ``child2``, ...
        fork: Which fork made it; 0 for the parent.
        page: The page.
        index: The word.
        text: As it is written.
    """

    process: str
    fork: int
    page: str
    index: int
    text: str = attrs.field(eq=False)

    def look(self, run: Run) -> Value:
        """Return its value; None if it has no such address, or is not there."""
        mm = _process(run, self.fork)
        if mm is None:
            return None
        return word_value(mm, run.execution.vpn(self.page), self.index)


@attrs.frozen(slots=True)
class Register:
    """A register of a column.

    Attributes:
        column: The column.
        name: The register.
    """

    column: str
    name: str

    @property
    def text(self) -> str:
        """Return it as it is written."""
        return f"{self.column}:{self.name}"

    def look(self, run: Run) -> Value:
        """Return its value; None if it was never set."""
        return run.execution.registers.get((self.column, self.name))


@attrs.frozen(slots=True)
class Ended:
    """How a thread ended.

    Attributes:
        column: The thread.
        how: ``segv``, ``fault`` or ``fork-failed``, after which it went on.
    """

    column: str
    how: str

    @property
    def text(self) -> str:
        """Return it as it is written."""
        return f"{self.column}:{self.how}"

    def look(self, run: Run) -> Value:
        """Return whether it ended so."""
        if self.how == "fork-failed":
            return self.column in run.execution.failed_forks
        return run.execution.faults.get(self.column) == self.how


@attrs.frozen(slots=True)
class Entry:
    """The parent's page-table entry of a page.

    Attributes:
        page: The page.
        what: ``dirty``, ``writable`` or ``none``.
    """

    page: str
    what: str

    @property
    def text(self) -> str:
        """Return it as it is written."""
        return f"pte({self.page}):{self.what}"

    def look(self, run: Run) -> Value:
        """Return whether it is so."""
        entries = run.world.mms[0].page_table.entries
        pte = entries[run.execution.vpn(self.page)]
        match self.what:
            case "dirty":
                return pte_dirty(pte)
            case "writable":
                return pte & (PAGE_PRESENT | PAGE_RW) == PAGE_PRESENT | PAGE_RW
            case _:
                return not pte


Place = Word | Register | Ended | Entry


def _process(run: Run, fork: int) -> MmStruct | None:
    """Return the address space of the parent, or of the child that a fork made."""
    return run.execution.children.get(fork) if fork else run.world.mms[0]


@attrs.frozen(slots=True)
class Observation:
    """What was seen of one run.

    Two are equal if they have seen the same, provided that they looked at the same.

    Attributes:
        places: What was looked at.
        values: What was there.
    """

    places: tuple[Place, ...] = attrs.field(eq=False)
    values: tuple[Value, ...]

    def __getitem__(self, place: Place) -> Value:
        return self.values[self.places.index(place)]

    def __str__(self) -> str:
        """Return the state as it is printed: ``child:A[0]=0; T1:r=-; ~T1:segv;``."""
        pairs = zip(self.places, self.values, strict=True)
        return " ".join(f"{_told(place, value)};" for place, value in pairs)


def _told(place: Place, value: Value) -> str:
    if isinstance(value, bool):
        return place.text if value else f"~{place.text}"
    return f"{place.text}={'-' if value is None else value}"


def look(run: Run, places: tuple[Place, ...]) -> Observation:
    """Look at a run that is over.

    Args:
        run: The run.
        places: What to look at; see `forkfuzz.litmus.observables`.
    """
    return Observation(places, tuple(place.look(run) for place in places))
