"""Stored schedules are read back as written, and nothing else gets through."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forkfuzz.engine import CHOICE, Decision, Schedule, dumps, load, loads
from forkfuzz.engine.schedule import HEADER_KEYS, MAX_BYTES, MAX_DECISIONS
from forkfuzz.errors import FormatError, RefusedError, UsageError

GOLDEN = """\
forkfuzz schedule 1
title: child has B without A
scenario: mp pages=2
rules: mainline
kernel: 7.0
violates: snapshot.torn
signature: 7c1e90ab

F dup_mmap:mmap_write_lock_killable 3
T1 store:write_word 2
? mmu:insert 2 1
end 3
"""

GOLDEN_SCHEDULE = Schedule(
    (
        Decision("F", "dup_mmap:mmap_write_lock_killable", 3, 0),
        Decision("T1", "store:write_word", 2, 0),
        Decision("", "mmu:insert", 2, 1),
    ),
    {
        "title": "child has B without A",
        "scenario": "mp pages=2",
        "rules": "mainline",
        "kernel": "7.0",
        "violates": "snapshot.torn",
        "signature": "7c1e90ab",
    },
)

LETTERS = string.ascii_letters
LABELS = st.text(LETTERS + string.digits + "_.:-", min_size=1, max_size=120)
NAMES = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(LETTERS),
        st.text(LETTERS + string.digits + ":._-", max_size=63),
    ),
).filter(lambda name: name[:-1] not in HEADER_KEYS or not name.endswith(":"))
STEPS = st.builds(Decision, NAMES, LABELS, st.integers(1, 999_999), st.just(0))
CHOICES = st.integers(1, 999_999).flatmap(
    lambda n: st.builds(
        Decision, st.just(""), LABELS, st.just(n), st.integers(0, n - 1)
    )
)
PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
VALUES = st.text(PRINTABLE, min_size=1, max_size=200).filter(
    lambda value: value == value.strip(" ")
)
SCHEDULES = st.builds(
    Schedule,
    st.lists(STEPS | CHOICES, max_size=12).map(tuple),
    st.dictionaries(st.sampled_from(HEADER_KEYS), VALUES),
)


@given(SCHEDULES)
def test_schedule_is_read_back_as_written(schedule: Schedule) -> None:
    """Writing and reading change nothing."""
    assert loads(dumps(schedule)) == schedule
    assert loads(dumps(schedule).encode()) == schedule


def test_golden_text_stands_for_the_golden_schedule() -> None:
    """The format is this one, letter for letter."""
    assert loads(GOLDEN) == GOLDEN_SCHEDULE
    assert dumps(GOLDEN_SCHEDULE) == GOLDEN


def test_raw_decisions_become_a_schedule() -> None:
    """The machine's record is translated by the names of the tasks."""
    raw = [(1, "a:b", 2, 0), (CHOICE, "c:d", 3, 2), (0, "e:f", 1, 0)]
    assert Schedule.of(raw, ("F", "T1"), {"rules": "seed"}) == Schedule(
        (
            Decision("T1", "a:b", 2, 0),
            Decision("", "c:d", 3, 2),
            Decision("F", "e:f", 1, 0),
        ),
        {"rules": "seed"},
    )
    assert Schedule.of([], ()) == Schedule(())


def test_header_is_written_in_a_fixed_order() -> None:
    """Equal schedules give equal text, however they were put together."""
    one = Schedule((), {"rules": "seed", "title": "x"})
    two = Schedule((), {"title": "x", "rules": "seed"})
    expected = "forkfuzz schedule 1\ntitle: x\nrules: seed\n\nend 0\n"
    assert dumps(one) == dumps(two) == expected


def test_comments_blank_lines_and_alignment_are_free() -> None:
    """People may annotate a schedule and line up its columns."""
    text = GOLDEN.replace("T1 store", "\n  # é: T1 \t\nT1 \t store")
    text = text.replace("title:", "# before the header\n\ntitle:  ") + "\n# the end"
    assert loads(text) == GOLDEN_SCHEDULE


def test_every_truncation_is_noticed() -> None:
    """Only the last newline can be missing."""
    for size in range(len(GOLDEN) - 1):
        with pytest.raises(FormatError):
            loads(GOLDEN[:size])
        with pytest.raises(FormatError):
            loads(GOLDEN[:size].encode())
    assert loads(GOLDEN[:-1]) == GOLDEN_SCHEDULE


def test_flipped_bits_are_refused_or_give_a_schedule() -> None:
    """Whatever a byte turns into, reading gives a schedule or a FormatError."""
    refused = 0
    for position in range(len(GOLDEN)):
        for bit in range(8):
            data = bytearray(GOLDEN.encode())
            data[position] ^= 1 << bit
            try:
                schedule = loads(bytes(data))
            except FormatError:
                refused += 1
            else:
                assert loads(dumps(schedule)) == schedule
    # A high bit never is ASCII, and only comments may be anything else.
    assert len(GOLDEN) <= refused < 8 * len(GOLDEN)


@given(st.text() | st.binary())
def test_anything_else_is_a_format_error(data: str | bytes) -> None:
    """No text and no bytes make reading fail in any other way."""
    with pytest.raises(FormatError):
        loads(data)


@given(st.lists(st.sampled_from([*GOLDEN.split("\n"), "", "# x", "T1", "?"])))
def test_lines_in_any_order_are_refused_or_give_a_schedule(lines: list[str]) -> None:
    """However lines are put together, only a FormatError can come of it."""
    text = "\n".join(["forkfuzz schedule 1", *lines])
    try:
        schedule = loads(text)
    except FormatError:
        return
    assert loads(dumps(schedule)) == schedule


START = "forkfuzz schedule 1\n"
DECISION = r"'TASK LABEL OPTIONS' or '\? LABEL OPTIONS VALUE'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"line 1: expected 'forkfuzz schedule 1', got ''"),
        ("forkfuzz\n", r"line 1: expected 'forkfuzz schedule 1', got 'forkfuzz'"),
        (
            "forkfuzz schedule 1\r\nend 0\r\n",
            r"line 1: expected 'forkfuzz schedule 1', got 'forkfuzz schedule 1\\r'",
        ),
        (
            "forkfuzz schedule 2\nend 0\n",
            r"unknown schedule version '2'; this forkfuzz reads version 1",
        ),
        (
            "forkfuzz schedule 01\nend 0\n",
            r"unknown schedule version '01'; this forkfuzz reads version 1",
        ),
        (START, r"line 2: expected 'end 0', got 'the end of the file'"),
        (START + "end 1\n", r"line 2: expected 'end 0', got 'end 1'"),
        (
            START + "end 0\nend 0\n",
            r"line 3: expected nothing after 'end', got 'end 0'",
        ),
        (START + "T1 a:b 1\nend 2\n", r"line 3: expected 'end 1', got 'end 2'"),
        (START + "end 00\n", rf"line 2: expected {DECISION}, got 'end 00'"),
        (START + "T1 a:b\n", rf"line 2: expected {DECISION}, got 'T1 a:b'"),
        (START + "T1 a:b 0\n", rf"line 2: expected {DECISION}, got 'T1 a:b 0'"),
        (START + "T1 a:b -1\n", rf"line 2: expected {DECISION}, got 'T1 a:b -1'"),
        (START + "T1 a:b 1 0\n", rf"line 2: expected {DECISION}, got 'T1 a:b 1 0'"),
        (
            START + "T1 a:b \u0661\n",
            rf"line 2: expected {DECISION}, got 'T1 a:b \u0661'",
        ),
        (
            START + "T1\u00a0a:b 1\n",
            rf"line 2: expected {DECISION}, got 'T1\\xa0a:b 1'",
        ),
        (START + "1T a:b 1\n", rf"line 2: expected {DECISION}, got '1T a:b 1'"),
        (START + "T1 a/b 1\n", rf"line 2: expected {DECISION}, got 'T1 a/b 1'"),
        (START + "T1 a:b 1 # x\n", rf"line 2: expected {DECISION}, got 'T1 a:b 1 # x'"),
        (START + "? a:b 2 2\n", rf"line 2: expected {DECISION}, got '\? a:b 2 2'"),
        (START + "? a:b 0 0\n", rf"line 2: expected {DECISION}, got '\? a:b 0 0'"),
        (START + "\0\n", rf"line 2: expected {DECISION}, got '\\x00'"),
        (START + "\x1b[2J\n", rf"line 2: expected {DECISION}, got '\\x1b\[2J'"),
        (START + "colour: red\n", rf"line 2: expected {DECISION}, got 'colour: red'"),
        (
            START + "T1 a:b " + "9" * 5000,
            rf"line 2: expected {DECISION}, got 'T1 a:b 9{{53}}'",
        ),
        (
            START + "rules: a\ntitle: b\n",
            (
                r"line 3: expected headers once, ordered title, scenario, rules, kernel,"
                r" violates, signature, got 'title: b'"
            ),
        ),
        (
            START + "title: a\ntitle: a\n",
            (
                r"line 3: expected headers once, ordered title, scenario, rules, kernel,"
                r" violates, signature, got 'title: a'"
            ),
        ),
        (
            START + "title:\n",
            (
                r"line 2: expected 1 to 200 printable ASCII characters as value,"
                r" got 'title:'"
            ),
        ),
        (
            START + "title: \u00e9\n",
            (
                r"line 2: expected 1 to 200 printable ASCII characters as value,"
                r" got 'title: \u00e9'"
            ),
        ),
        (
            START + "title: " + "x" * 201,
            (
                r"line 2: expected 1 to 200 printable ASCII characters as value,"
                r" got 'title: x{53}'"
            ),
        ),
        (
            START + "T1 a:b 1\ntitle: late\nend 1\n",
            rf"line 3: expected {DECISION}, got 'title: late'",
        ),
    ],
)
def test_refusal_names_the_line_and_what_was_expected(text: str, message: str) -> None:
    """One line says where the text stops being a schedule."""
    with pytest.raises(FormatError, match=rf"^{message}$"):
        loads(text)


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    """The message says at which byte the text ends."""
    expected = r"^not UTF-8 at byte 20; expected a forkfuzz schedule$"
    with pytest.raises(FormatError, match=expected):
        loads(START.encode() + b"\xff")


def test_limits_are_checked_before_anything_else() -> None:
    """Too much text is refused whatever it says, in the same words both ways."""
    expected = rf"^schedule is larger than {MAX_BYTES} bytes$"
    for data in ("x" * (MAX_BYTES + 1), b"\xff" * (MAX_BYTES + 1)):
        with pytest.raises(RefusedError, match=expected):
            loads(data)
    long = Schedule((Decision("T" * 60, "a" * 120, 1, 0),) * 6_000)
    with pytest.raises(RefusedError, match=expected):
        dumps(long)


def test_too_many_decisions_are_refused() -> None:
    """As many decisions as the limit can be stored, and not one more."""
    line = "a b 1\n"
    text = START + line * MAX_DECISIONS
    assert len(loads(f"{text}end {MAX_DECISIONS}").decisions) == MAX_DECISIONS
    expected = rf"^schedule has more than {MAX_DECISIONS} decisions$"
    with pytest.raises(RefusedError, match=expected):
        loads(f"{text}{line}end {MAX_DECISIONS + 1}")
    with pytest.raises(RefusedError, match=expected):
        dumps(Schedule((Decision("a", "b", 1, 0),) * (MAX_DECISIONS + 1)))


@pytest.mark.parametrize(
    "fields",
    [
        ("1T", "a:b", 1, 0),
        ("T1", "a b", 1, 0),
        ("T1", "a:b", 0, 0),
        ("T1", "a:b", 1, 1),
        ("T1", "a:b\n", 1, 0),
        ("T1 x", "b", 1, 0),
        ("title:", "a:b", 1, 0),
        ("", "a:b", 2, 2),
        ("", "a:b", 2, -1),
        ("", "a:b 2", 1, 0),
        ("?", "a:b", 2, 1),
    ],
)
def test_decision_that_could_not_be_read_back_cannot_be_made(
    fields: tuple[str, str, int, int],
) -> None:
    """Nothing is written that would be refused, or understood differently."""
    with pytest.raises(UsageError, match=r"^decision .* cannot be stored: expected"):
        Decision(*fields)


def test_header_that_could_not_be_read_back_cannot_be_made() -> None:
    """Unknown keys and values of more than one line are the caller's fault."""
    expected = (
        r"^unknown header 'colour'; expected one of title, scenario, rules, kernel,"
        r" violates, signature$"
    )
    with pytest.raises(UsageError, match=expected):
        Schedule((), {"colour": "red"})
    expected = (
        r"^header 'title' is 'a\\nend 0'; expected 1 to 200 printable ASCII"
        r" characters on one line$"
    )
    with pytest.raises(UsageError, match=expected):
        Schedule((), {"title": "a\nend 0"})


def test_file_is_read(tmp_path: Path) -> None:
    """A path stands for the schedule stored there."""
    path = tmp_path / "torn.schedule"
    path.write_text(GOLDEN)
    assert load(path) == load(str(path)) == GOLDEN_SCHEDULE


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    """Missing, a folder, impossible: the message says which file, and why."""
    missing = tmp_path / "missing.schedule"
    expected = r"^cannot read '.*/missing\.schedule': no such file or directory$"
    with pytest.raises(FormatError, match=expected):
        load(missing)
    with pytest.raises(FormatError, match=r"^cannot read '.*': is a directory$"):
        load(tmp_path)
    with pytest.raises(FormatError, match=r"^cannot read '\\x00': .*null byte$"):
        load("\0")


def test_file_with_other_content_is_named(tmp_path: Path) -> None:
    """What is wrong inside a file is said together with its path."""
    path = tmp_path / "bad.schedule"
    path.write_bytes(b"\xff\xfe")
    expected = (
        r"^'.*/bad\.schedule': not UTF-8 at byte 0; expected a forkfuzz schedule$"
    )
    with pytest.raises(FormatError, match=expected):
        load(path)
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    expected = r"^'.*/bad\.schedule': schedule is larger than 1000000 bytes$"
    with pytest.raises(RefusedError, match=expected):
        load(path)
