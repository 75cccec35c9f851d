"""Size, counts, depth, characters, files: what is checked before anything is read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from forkfuzz.cli.exit import Exit, code_for
from forkfuzz.errors import FormatError, LitmusError
from forkfuzz.litmus import load, parse
from forkfuzz.litmus.assertions import MAX_ASSERTIONS, MAX_DEPTH
from forkfuzz.litmus.directives import MAX_FAILURES
from forkfuzz.litmus.source import MAX_BYTES, MAX_LINE
from forkfuzz.scenarios.program import MAX_PAGES, MAX_STATEMENTS, MAX_THREADS
from litmus.texts import refused, text, told


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"directives": "\n".join(f"page P{n}" for n in range(MAX_PAGES + 1))},
            f"{MAX_PAGES + 2}:6: expected at most {MAX_PAGES} pages, found 'P{MAX_PAGES}'",
        ),
        (
            {"directives": "page A\n" + "fail dup_mmap\n" * (MAX_FAILURES + 1)},
            f"{MAX_FAILURES + 3}:1: expected at most {MAX_FAILURES} failures, found 'fail'",
        ),
        (
            {"table": "|".join(f"T{n}" for n in range(MAX_THREADS + 1))},
            f"4:55: expected at most {MAX_THREADS} columns, found 'T{MAX_THREADS}'",
        ),
        (
            {"table": "T1\n" + "fork\n" * (MAX_STATEMENTS + 1)},
            (
                f"{MAX_STATEMENTS + 5}:1: expected at most {MAX_STATEMENTS} statements, "
                "found 'fork'"
            ),
        ),
        (
            {"assertions": "exists child:A=1\n" * (MAX_ASSERTIONS + 1)},
            (
                f"{MAX_ASSERTIONS + 7}:1: expected at most {MAX_ASSERTIONS} assertions, "
                "found 'exists'"
            ),
        ),
        (
            {"assertions": f"exists {'~' * (MAX_DEPTH + 1)}child:A=1"},
            f"7:59: expected at most {MAX_DEPTH} levels of nesting, found 'child'",
        ),
        (
            {"assertions": "clean" + " " * MAX_LINE},
            f"7:1001: expected at most {MAX_LINE} characters in a line, found 1005",
        ),
    ],
)
def test_counts_are_bounded(parts: dict[str, str], message: str) -> None:
    """The first that is too much is named."""
    assert told(**parts) == message


@pytest.mark.parametrize("data", ["#" * MAX_BYTES, "é" * 33000, b"\xff" * MAX_BYTES])
def test_size_is_bounded(data: str | bytes) -> None:
    """Whatever the text holds."""
    encoded = data if isinstance(data, bytes) else data.encode()
    if len(encoded) <= MAX_BYTES:
        encoded += b"\n"
    assert str(refused(encoded)) == (
        f"t.litmus:1:1: expected at most {MAX_BYTES} bytes, found more"
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"litmus t\npag\xffe", "2:4: expected UTF-8, found byte 0xff"),
        ("litmus é".encode() + b"\xc3", "1:9: expected UTF-8, found byte 0xc3"),
        ("litmus t\0", "1:9: expected printable text, found the character U+0000"),
        ("\ufefflitmus t", "1:1: expected printable text, found the character U+FEFF"),
        ("a\rb", "1:2: expected printable text, found the character U+000D"),
        (
            "litmus \x1b[31mt",
            "1:8: expected printable text, found the character U+001B",
        ),
        ("#\u202e", "1:2: expected printable text, found the character U+202E"),
        ("#\ud800", "1:2: expected printable text, found the character U+D800"),
    ],
)
def test_text_is_printable(data: str | bytes, message: str) -> None:
    """What a terminal could take for something else is named by its number."""
    assert str(refused(data)) == f"t.litmus:{message}"


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        ("", "1:1: expected 'litmus' and the name of the test"),
        ("# nothing\n\n", "3:1: expected 'litmus' and the name of the test"),
        ("litmus t", "1:9: expected a directive or the table"),
        ("litmus t\npage A\n", "3:1: expected a directive or the table"),
        ("litmus t\npage A\nT1 | F\n#", "4:1: expected the first row of the table"),
    ],
)
def test_files_that_end_too_early(cut: str, message: str) -> None:
    """The message says what is missing."""
    assert str(refused(cut)) == f"t.litmus:{message}, found the end of the file"


def test_what_only_a_program_refuses_has_a_place_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Should the model know a reason that the language does not."""
    monkeypatch.setattr("forkfuzz.litmus.columns.MAX_THREADS", 99)
    names = " | ".join(f"T{n}" for n in range(MAX_THREADS + 1))
    assert told(table=f"{names}\n{'|' * MAX_THREADS}") == (
        "4:1: expected a program that can run, found t: 17 threads, expected 1 to 16"
    )


# Files.


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """They are named, and so is the reason."""
    for path, reason in (
        (str(tmp_path / "none.litmus"), "no such file or directory"),
        (str(tmp_path), "is a directory"),
        ("nul\0.litmus", "embedded null byte"),
    ):
        with pytest.raises(LitmusError) as caught:
            load(path)
        assert (
            str(caught.value) == f"{path}:1:1: expected a readable file, found {reason}"
        )


def test_endless_files_are_not_read_to_their_end() -> None:
    """No more is read than a test may have."""
    with pytest.raises(LitmusError, match="expected at most 65536 bytes, found more"):
        load("/dev/zero")


def test_the_program_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    """With the message alone on the standard error."""
    error = refused("litmus t\npage A hugetlb")
    assert isinstance(error, FormatError)
    assert code_for(error) is Exit.USAGE
    assert capsys.readouterr().err == (
        "forkfuzz: t.litmus:2:8: page attribute hugetlb is not modelled yet\n"
    )


# Time.


def calls(read: str) -> int:
    """Return how many calls of functions it takes to read a text, or to refuse it."""
    count = 0

    def profile(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        parse(read)
    except LitmusError:
        pass
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "make",
    [
        lambda n: "\n" * 30 * n,
        lambda n: "litmus t\npage A\nT1" + "\nA=1" * 10 * n,
        lambda n: "litmus t\npage A[64]\n" + "init A=1\n" * n,
        lambda n: "litmus t\n" + "".join(f"page P{i}\n" for i in range(n)) + "@",
        lambda n: text("T1\nr = A", "\n".join(["exists T1:r=1"] * n) + "\n@"),
        lambda n: text(assertions="exists " + r" /\ ".join(["~child:A=1"] * (n // 2))),
        lambda n: text(assertions="exists " + "(" * 4 * n + "child:A=1" + ")" * 4 * n),
        lambda n: text(assertions="exists " + "(" * 9 * n),
        lambda n: text(assertions="exists " + "~" * 9 * n),
        lambda n: text(directives="page A " + "clean " * n),
        lambda n: text("T1|T2|T3\n" + "r=A|post s|wait s\n" * n),
    ],
)
def test_time_is_linear(make: Callable[[int], str]) -> None:
    """Twice as much, deep, long or wide, takes about twice as many calls."""
    calls(make(50))  # whatever is done once
    assert calls(make(100)) < 2.5 * calls(make(50))
