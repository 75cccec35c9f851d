"""The race table that leaves nothing out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from syrupy.assertion import SnapshotAssertion

from driving import forker, program, thread
from forkfuzz.checkers import Violation
from forkfuzz.report import Recording, race_table, violation_text
from forkfuzz.report.layout import Line, columns
from forkfuzz.report.race.table import full_rows
from forkfuzz.scenarios import SCENARIOS, Program
from forkfuzz.scenarios.program import Load, Store

Find = Callable[[str, str, int], Iterator[tuple[Recording, Violation]]]


@pytest.mark.parametrize("name", ["torn", "lost_store"])
def test_a_full_table_reads_like_the_other(
    name: str, cases: dict[str, Callable[[], Recording]], snapshot: SnapshotAssertion
) -> None:
    """Looked at and approved."""
    assert "\n".join(race_table(cases[name](), full=True)) == snapshot


@pytest.mark.parametrize("name", ["torn", "torn_in_page", "lost_store", "leak"])
def test_nothing_is_left_out(
    name: str, cases: dict[str, Callable[[], Recording]]
) -> None:
    """Every store and load of the run is there; so is every task with a column."""
    recording = cases[name]()
    table = " ".join(" ".join(race_table(recording, full=True)).split())
    for _, event in recording.events("store"):
        assert f"{event.place()} = {event.data['value']}" in table
    for _, event in recording.events("load"):
        assert f"load {event.place()} == {event.data['value']}" in table
    acks = sum(1 for _ in recording.events("flush_acknowledged"))
    assert table.count("acks)") == acks
    assert "takes mmap_lock:parent" in table


def test_more_than_three_tasks_share_a_column(
    record_one: Callable[[Program, str], Recording],
) -> None:
    """All but the one that forks, with the name before each line."""
    names = ["T1", "T2", "T3", "T4"]
    crowd = program(
        ["A"], forker(), *(thread(name, Store("A", 0, 1)) for name in names)
    )
    headers, lines = full_rows(record_one(crowd, "seed"))
    assert headers == ["F (fork)", "the others"]
    for name in names:
        assert [line for line in lines if line.text == f"{name}: A[0] = 1"]
    assert {line.column for line in lines if line.text.startswith("T")} == {1}


def test_many_tasks_and_no_fork_share_the_only_column(
    record_one: Callable[[Program, str], Recording],
) -> None:
    """There is nobody to have a column of its own."""
    crowd = program(["A"], *(thread(f"T{n}", Load("A", 0, f"r{n}")) for n in range(4)))
    headers, lines = full_rows(record_one(crowd, "seed"))
    assert headers == ["all threads"]
    assert {line.column for line in lines} == {0}


@pytest.mark.slow
def test_a_full_table_fits_in_seventy_five_columns_of_ascii(find: Find) -> None:
    """Whatever the scenario, and it is never shorter than the other."""
    seen = 0
    for spec in SCENARIOS:
        for recording, violation in find(spec, "v5.8", 6):
            table = race_table(recording, violation, full=True)
            assert all(len(line) <= 75 and line.isascii() for line in table)
            assert len(table) >= len(race_table(recording, violation))
            seen += 1
    assert seen > 20


def test_the_message_can_have_the_full_table(torn: Recording) -> None:
    """Everything else in it stays."""
    short, full = violation_text(torn), violation_text(torn, full=True)
    assert "takes mmap_lock:parent" in full
    assert short.splitlines()[0] == full.splitlines()[0]
    assert short.splitlines()[-3:] == full.splitlines()[-3:]


def test_a_long_name_does_not_widen_the_table() -> None:
    """A header is cut to the room there is."""
    table = columns(["a" * 64, "b" * 64], [Line(0, 0, "x"), Line(1, 0, "y")])
    assert max(map(len, table)) <= 75
    assert table[0].count("..") == 2
