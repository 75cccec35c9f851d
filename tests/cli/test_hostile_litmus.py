"""Hostile tests, files and options for the verbs that decide programs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from .programs import CLEAN, EXEMPT, TORN
from .running import assert_one_line, call, contents

VERBS = ("litmus", "check", "bisect")

TESTS: dict[str, bytes] = {
    "empty": b"",
    "blank": b"\n\n\n",
    "binary": bytes(range(256)) * 8,
    "nuls": bytes(4096),
    "elf": b"\x7fELF\x02\x01\x01" + bytes(200),
    "utf-16": TORN.encode("utf-16"),
    "not-utf-8": TORN.encode().replace(b"torn", b"to\xffrn", 1),
    "escape": TORN.encode().replace(b"mainline: ", b"\x1b[2J"),
    "bidi": TORN.replace("mainline: ", "\u202e").encode(),
    "only-a-comment": b"# litmus torn\n",
    "name-is-a-path": TORN.encode().replace(b"litmus torn", b"litmus ../../torn"),
    "name-long": TORN.encode().replace(b"litmus torn", b"litmus " + b"x" * 900),
    "name-huge": TORN.encode().replace(b"litmus torn", b"litmus " + b"x" * 9000),
    "line-of-60-kb": TORN.encode() + b"#" * 60_000,
    "a-megabyte": TORN.encode() + b"# x\n" * 250_000,
    "unknown-rules": TORN.encode().replace(b"mainline\n", b"nope\n", 1),
    "unknown-directive": TORN.encode().replace(b"page A[2]", b"import os"),
    "unknown-property": TORN.encode().replace(b"snapshot.torn", b"snapshot.nope"),
    "unknown-page": TORN.encode().replace(b"A[1] = 1", b"Z[1] = 1"),
    "words-huge": TORN.encode().replace(b"A[2]", b"A[" + b"9" * 900 + b"]", 1),
    "value-huge": TORN.encode().replace(b"A[0] = 1", b"A[0] = " + b"9" * 900),
    "value-not-ascii": TORN.replace("A[0] = 1", "A[0] = \u0661").encode(),
    "nested": TORN.encode().replace(
        b"exists ", b"exists " + b"~(" * 400 + b"child:A[0]=0" + b")" * 400 + b" /\\ "
    ),
    "columns": TORN.encode().replace(b"| F", b"| F" + b" | F" * 200),
    "no-table": TORN.partition("T1")[0].encode(),
    "no-assertion": TORN.partition("exists")[0].encode(),
    "a-schedule": b"forkfuzz schedule 1\nscenario: mp\nrules: seed\nend 0\n",
    "a-record": b'{"format": "forkfuzz-crash"}',
}
TESTS |= {f"cut-at-{n}-of-8": TORN.encode()[: len(TORN) * n // 10] for n in range(1, 8)}


@pytest.mark.parametrize("name", TESTS)
def test_a_hostile_test_is_refused(name: str, tmp_path: Path) -> None:
    """By every verb, with one line that names the place; nothing is written."""
    path = tmp_path / "x.litmus"
    path.write_bytes(TESTS[name])
    for verb in VERBS:
        outcome = call(verb, path)
        assert_one_line(outcome, 2)
        assert outcome.err.startswith(f"forkfuzz: {path}:")
    options = ("--update", "--witness", tmp_path / "w")
    assert_one_line(call("litmus", path, *options), 2)
    assert contents(tmp_path) == {"x.litmus": TESTS[name]}


def folder(where: Path) -> str:
    """Make a folder without tests, called like one, and name it."""
    (where / "folder.litmus").mkdir()
    return str(where / "folder.litmus")


def pipe(where: Path) -> str:
    """Make a pipe that nobody writes to, and name it."""
    os.mkfifo(where / "pipe.litmus")
    return str(where / "pipe.litmus")


def device(where: Path) -> str:
    """Make a link to what never ends, and name it."""
    (where / "zero.litmus").symlink_to("/dev/zero")
    return str(where / "zero.litmus")


def loop(where: Path) -> str:
    """Make a link to itself, and name it."""
    (where / "loop.litmus").symlink_to("loop.litmus")
    return str(where / "loop.litmus")


def sparse(where: Path) -> str:
    """Make a file of a gigabyte of nothing, and name it."""
    with (where / "sparse.litmus").open("wb") as file:
        file.truncate(1 << 30)
    return str(where / "sparse.litmus")


@pytest.mark.parametrize(
    "make",
    [
        folder,
        pipe,
        device,
        loop,
        sparse,
        lambda where: str(where / "missing.litmus"),
        lambda _where: "a\x00b.litmus",
        lambda _where: "\x1b[31m\u202e.litmus",
        lambda _where: "\udcff\udcfe.litmus",
        lambda _where: "x" * 5000 + ".litmus",
        lambda _where: "/dev/null/x.litmus",
    ],
)
@pytest.mark.parametrize("verb", VERBS)
def test_what_is_no_ordinary_file_is_refused(
    verb: str, make: Callable[[Path], str], tmp_path: Path
) -> None:
    """At once, without waiting for a pipe or reading a device to its end."""
    assert_one_line(call(verb, make(tmp_path)), 2)


def test_a_search_of_a_directory_meets_a_pipe(tmp_path: Path) -> None:
    """Which is an error, because a test may be meant; folders are not."""
    (tmp_path / "a.litmus").write_text(CLEAN)
    (tmp_path / "b.litmus").mkdir()
    assert call("litmus", tmp_path).code == 0
    os.mkfifo(tmp_path / "c.litmus")
    assert_one_line(call("litmus", tmp_path), 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["litmus", "--rules", ""],
        ["litmus", "--rules", "seed," * 20_000],
        ["litmus", "--rules", "seed,reuse=\x1b[2J"],
        ["litmus", "--max-states", "0"],
        ["litmus", "--max-states", "nan"],
        ["litmus", "--max-states", "9" * 6000],
        ["litmus", "--max-states", "\u0661"],
        ["litmus", "--max-memory", "0"],
        ["litmus", "--max-memory", "9" * 6000],
        ["litmus", "--preemptions", "-1"],
        ["litmus", "--preemptions", "1", "--delays", "1"],
        ["litmus", "--runs", "0"],
        ["litmus", "--runs", "1e3"],
        ["litmus", "--runs", "9" * 6000],
        ["litmus", "--runs", "9", "--seed", "-1"],
        ["litmus", "--runs", "9", "--seed", "\x00"],
        ["litmus", "--runs", "9", "--strategy", "\u202erandom"],
        ["litmus", "--runs", "9", "--strategy", "coverage"],
        ["litmus", "--jobs", "0"],
        ["litmus", "--jobs", "99999999999"],
        ["litmus", "--witness", "/dev/null"],
        ["litmus", "--witness", "/dev/null/x"],
        ["check", "--rules", "=,=,="],
        ["check", "--preemptions", "9" * 6000],
        ["check", "--witness", "/proc/x"],
        ["check", "--matrix", "--jobs", "-1"],
        ["check", "--matrix", "--max-states", "-1"],
        ["bisect", "--rules", "\x1b[31m"],
        ["bisect", "--max-states", "-5"],
    ],
)
def test_a_hostile_option_is_refused(arguments: list[str], torn: Path) -> None:
    """Before anything is decided."""
    verb, *options = arguments
    before = contents(torn.parent)
    assert_one_line(call(verb, torn, *options), 2)
    assert contents(torn.parent) == before


@pytest.mark.parametrize(
    "target",
    [
        "mp:pages=0",
        "mp:pages=1e9",
        "mp:pages=1000,words=1000,threads=1000,rounds=1000",
        "mp:\u202epages=1",
        "../mp",
        "\x1b[31mmp",
        "",
    ],
)
def test_a_hostile_scenario_is_refused(target: str) -> None:
    """As it is by a campaign."""
    assert_one_line(call("check", target), 2)


@pytest.fixture(name="witness")
def _witness(tmp_path: Path) -> Path:
    """Return a schedule of a litmus test, with the test beside it."""
    source = tmp_path / "exempt.litmus"
    source.write_text(EXEMPT)
    assert call("litmus", source, "--witness", tmp_path / "w").code == 0
    return tmp_path / "w" / "exempt-state-2.schedule"


@pytest.mark.parametrize(
    "spec",
    [
        *("../exempt.litmus", "/etc/exempt.litmus", "./exempt.litmus"),
        *("missing.litmus", "pipe.litmus", "zero.litmus", "other.litmus", ".litmus"),
        *("exempt.litmus x=1", "..litmus", "\x1b[2J.litmus"),
    ],
)
def test_a_schedule_for_another_file_is_refused(spec: str, witness: Path) -> None:
    """Only a test in the same folder is read, and it must be the one that fits."""
    os.mkfifo(witness.parent / "pipe.litmus")
    (witness.parent / "zero.litmus").symlink_to("/dev/zero")
    (witness.parent / "other.litmus").write_text(TORN)
    text = witness.read_text().replace("exempt.litmus", spec, 1)
    witness.write_text(text)
    assert_one_line(call("replay", witness), 2)
    assert_one_line(call("show", witness, "--as", "steps"), 2)
    assert_one_line(call("bisect", witness), 2)


@pytest.mark.parametrize("kind", ["folder", "not-utf-8", "pipe", "large"])
def test_an_expected_answer_that_cannot_be_read(kind: str, torn: Path) -> None:
    """It is not the answer; what is no text is an error."""
    kept = torn.with_suffix(".expected")
    if kind == "folder":
        kept.mkdir()
    elif kind == "pipe":
        os.mkfifo(kept)
    elif kind == "large":
        with kept.open("wb") as file:
            file.truncate(1 << 30)
    else:
        kept.write_bytes(b"\xff\xfe")
    outcome = call("litmus", torn)
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert outcome.err.startswith("forkfuzz: ")
