"""Unreadable, truncated and hostile input: one clear line, and nothing is lost."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from forkfuzz.campaign import open_campaign

from .running import QUICK, assert_one_line, call, contents, visible_signature

Change = Callable[[bytes], bytes]


def replace(old: str, new: str) -> Change:
    """Return a change of the first *old* of a file; it must be there."""

    def change(data: bytes) -> bytes:
        assert old.encode() in data
        return data.replace(old.encode(), new.encode(), 1)

    return change


def line(number: int, text: str) -> Change:
    """Return a change of one line, counted from 0; an empty text drops it."""

    def change(data: bytes) -> bytes:
        lines = data.split(b"\n")
        lines[number : number + 1] = [text.encode()] if text else []
        return b"\n".join(lines)

    return change


def cut(share: float) -> Change:
    """Return a change that leaves the first part of a file."""
    return lambda data: data[: int(len(data) * share)]


def whole(data: bytes) -> Change:
    """Return a change that leaves nothing as it was."""
    return lambda _old: data


def entry(key: str, value: str) -> Change:
    """Return a change of one entry of a record to the JSON text *value*."""

    def change(data: bytes) -> bytes:
        document = json.loads(data)
        document[key] = "@"
        return json.dumps(document).replace('"@"', value).encode()

    return change


SCHEDULES: dict[str, Change] = {
    "empty": whole(b""),
    "blank": whole(b"\n\n\n"),
    "binary": whole(bytes(range(256)) * 8),
    "nuls": whole(bytes(4096)),
    "elf": whole(b"\x7fELF\x02\x01\x01" + bytes(200)),
    "utf-16": lambda data: data.decode().encode("utf-16"),
    "carriage-returns": lambda data: data.replace(b"\n", b"\r\n"),
    "not-utf-8": replace("title: ", "title: \xff\xfe "),
    "version-2": replace("schedule 1", "schedule 2"),
    "version-huge": replace("schedule 1", "schedule " + "9" * 5000),
    "version-escape": replace("schedule 1", "schedule \x1b[2J1"),
    "unknown-header": replace("title: ", "author: "),
    "header-twice": replace("scenario: mp\n", "scenario: mp\nscenario: mp\n"),
    "header-without-value": replace("rules: mainline", "rules:"),
    "header-with-escape": replace("title: ", "title: \x1b]8;;http://x\x07 "),
    "header-with-bidi": replace("title: ", "title: \u202e"),
    "no-scenario": replace("scenario: mp\n", ""),
    "no-rules": replace("rules: mainline\n", ""),
    "unknown-scenario": replace("scenario: mp", "scenario: nope"),
    "scenario-is-a-path": replace("scenario: mp", "scenario: ../../etc/passwd"),
    "scenario-is-a-file": replace("scenario: mp", "scenario: evil.py:Fork"),
    "unknown-parameter": replace("scenario: mp", "scenario: mp nope=1"),
    "parameter-out-of-range": replace("scenario: mp", "scenario: mp pages=1001"),
    "parameter-huge": replace("scenario: mp", "scenario: mp pages=" + "9" * 150),
    "parameter-negative": replace("scenario: mp", "scenario: mp pages=-1"),
    "parameter-not-a-number": replace("scenario: mp", "scenario: mp pages=nan"),
    "parameters-multiply": replace(
        "scenario: mp", "scenario: mp pages=1000 words=1000 threads=1000 rounds=1000"
    ),
    "other-program": replace("scenario: mp", "scenario: mp pages=1 rounds=1"),
    "unknown-rules": replace("rules: mainline", "rules: nope"),
    "unknown-field": replace("rules: mainline", "rules: seed,nope=1"),
    "unknown-value": replace("rules: mainline", "rules: seed,reuse=nope"),
    "unknown-task": line(8, "NOBODY dup_mm:mm_init 4"),
    "wrong-label": line(8, "F wrong:label 4"),
    "wrong-options": line(8, "F dup_mm:mm_init 999"),
    "outcome-for-a-step": line(8, "? dup_mm:mm_init 4 0"),
    "value-too-large": line(8, "? dup_mm:mm_init 4 4"),
    "number-huge": line(8, "F dup_mm:mm_init " + "9" * 4000),
    "number-negative": line(8, "F dup_mm:mm_init -4"),
    "number-not-ascii": line(8, "F dup_mm:mm_init \u0664"),
    "name-with-escape": line(8, "F\x1b[31m dup_mm:mm_init 4"),
    "name-with-bidi": line(8, "F\u202e dup_mm:mm_init 4"),
    "too-few-fields": line(8, "F 4"),
    "line-of-500-kb": line(8, "F " + "x" * 500_000 + " 4"),
    "decision-missing": line(8, ""),
    "after-the-end": lambda data: data + b"F dup_mm:mm_init 4\n",
    "end-twice": lambda data: data + data.split(b"\n")[-2] + b"\n",
    "wrong-count": lambda data: data.replace(b"\nend ", b"\nend 1"),
    "a-record": whole(b'["forkfuzz-crash"]'),
    "a-pickle": whole(b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93."),
}
SCHEDULES |= {f"cut-at-{n}-of-12": cut(n / 12) for n in range(1, 12)}

RECORDS: dict[str, Change] = {
    "brace": whole(b"{"),
    "empty-object": whole(b"{}"),
    "nested": whole(b'{"a":' * 5000 + b"1" + b"}" * 5000),
    "nested-in-entry": entry("params", "[" * 5000 + "]" * 5000),
    "version-2": entry("version", "2"),
    "version-true": entry("version", "true"),
    "version-huge": entry("version", "9" * 4000),
    "other-format": entry("format", '"zip"'),
    "unknown-entry": replace("{", '{"\\u001b[31m\\u202e": 1, '),
    "entry-twice": replace("{", '{"version":1,'),
    "entry-missing": replace('"decisions":', '"indecisions":'),
    "nan": entry("seed", "NaN"),
    "infinity": entry("seed", "Infinity"),
    "fraction": entry("seed", "1.5"),
    "exponent": entry("seed", "1e999"),
    "number-huge": entry("seed", "9" * 4000),
    "number-digits-bomb": entry("seed", "9" * 200_000),
    "number-negative": entry("seed", "-1"),
    "half-a-surrogate": entry("message", '"\\ud800"'),
    "signature-is-a-path": entry("signature", '"../../../x"'),
    "signature-long": entry("signature", '"' + "0" * 4000 + '"'),
    "scenario-is-a-path": entry("scenario", '"../mp"'),
    "scenario-unknown": entry("scenario", '"nope"'),
    "parameter-unknown": entry("params", '{"\\u202enope": 1}'),
    "parameter-out-of-range": entry("params", '{"pages": 1001}'),
    "parameter-is-text": entry("params", '{"pages": "2"}'),
    "parameters-multiply": entry(
        "params", '{"pages": 1000, "words": 1000, "threads": 1000, "rounds": 1000}'
    ),
    "rules-unknown": entry("rules", '"\\u001b]0;x\\u0007"'),
    "driver-unknown": entry("driver", '"asyncio"'),
    "decision-of-three": entry("decisions", '[["F", "dup_mm:mm_init", 4]]'),
    "decision-not-storable": entry("decisions", '[["F\\n", "dup_mm:mm_init", 4, 0]]'),
    "decision-of-another-run": entry("decisions", '[["F", "wrong:label", 4, 0]]'),
    "decision-negative": entry("decisions", '[["F", "dup_mm:mm_init", -4, 0]]'),
    "input-not-hex": entry("input", '"zz"'),
}
RECORDS |= {f"cut-at-{n}-of-8": cut(n / 8) for n in range(1, 8)}


ORIGINAL = ("--original", "--as", "schedule")
"""Of the run as it was found: a schedule of the scenario, not of a test beside it."""


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_hostile_schedule_is_refused(name: str, campaign: Path) -> None:
    """Replayed and shown, as a file and within the campaign's directory."""
    signature = visible_signature(campaign)
    path = campaign / "crashes" / signature / "minimal.schedule"
    original = call("show", signature, *ORIGINAL, "--dir", campaign).out
    titled = original.replace("scenario:", "title: x\nscenario:")
    path.write_bytes(SCHEDULES[name](titled.encode()))
    before = contents(campaign)
    assert_one_line(call("replay", path), 2)
    assert_one_line(call("show", path, "--as", "steps"), 2)
    assert_one_line(call("replay", signature, "--dir", campaign), 2)
    assert contents(campaign) == before


@pytest.mark.parametrize("name", RECORDS)
def test_a_hostile_record_is_refused(name: str, campaign: Path) -> None:
    """Replayed and shown, as a file and within the campaign's directory."""
    signature = visible_signature(campaign)
    path = campaign / "crashes" / signature / "record.json"
    path.write_bytes(RECORDS[name](path.read_bytes()))
    before = contents(campaign)
    assert_one_line(call("replay", path), 2)
    assert_one_line(call("show", path, "--as", "json"), 2)
    assert_one_line(call("replay", signature, "--original", "--dir", campaign), 2)
    assert contents(campaign) == before


def folder(where: Path) -> str:
    """Make a folder, and name it."""
    (where / "folder").mkdir()
    return str(where / "folder")


def pipe(where: Path) -> str:
    """Make a pipe that nobody writes to, and name it."""
    os.mkfifo(where / "pipe")
    return str(where / "pipe")


def link(where: Path) -> str:
    """Make a link to a file, and name it."""
    (where / "link").symlink_to(__file__)
    return str(where / "link")


def sparse(where: Path) -> str:
    """Make a file of a gigabyte of nothing, and name it."""
    with (where / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    return str(where / "sparse")


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda where: str(where / "missing"), 2),
        (lambda _where: "a\x00b", 2),
        (lambda _where: "\x1b[31m\u202e.schedule", 2),
        (lambda _where: "\udcff\udcfe", 2),
        (lambda _where: "x" * 5000, 2),
        (lambda _where: "", 2),
        (lambda _where: "../../../etc/shadow-", 2),
        (lambda _where: "/dev/null", 2),
        (lambda _where: "/dev/zero", 2),
        (lambda _where: "0000000g", 2),
        (folder, 2),
        (pipe, 2),
        (link, 2),
        (sparse, 4),
    ],
)
@pytest.mark.parametrize("verb", ["replay", "show"])
def test_what_is_no_ordinary_file_is_refused(
    verb: str, make: Callable[[Path], str], code: int, campaign: Path, tmp_path: Path
) -> None:
    """At once, without waiting for a pipe or reading a device to its end."""
    before = contents(campaign)
    assert_one_line(call(verb, make(tmp_path), "--dir", campaign), code)
    assert contents(campaign) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["mp:pages=0"],
        ["mp:pages=1e9"],
        ["mp:pages=999999999999999999999"],
        ["mp:pages=1000,words=1000,threads=1000,rounds=1000"],
        ["mp:\u202epages=1"],
        ["../mp"],
        ["\x1b[31mmp"],
        [""],
        ["mp", "--rules", ""],
        ["mp", "--rules", "seed," * 20_000],
        ["mp", "--rules", "seed,reuse=\x1b[2J"],
        ["mp", "--rules", "=,=,="],
        ["mp", "--runs", "0"],
        ["mp", "--runs", "-1"],
        ["mp", "--runs", "nan"],
        ["mp", "--runs", "9" * 6000],
        ["mp", "--runs", "\u0661"],
        ["mp", "--time", "0"],
        ["mp", "--time", "nan"],
        ["mp", "--time", "inf"],
        ["mp", "--time", "1e9"],
        ["mp", "--time", "-5s"],
        ["mp", "--time", "9" * 6000],
        ["mp", "--seed", "-1"],
        ["mp", "--seed", "4294967295"],
        ["mp", "--seed", "\x00"],
        ["mp", "--strategy", "\u202ecoverage"],
        ["mp", "--strategy", "bytes\n"],
        ["mp", "--corpus", "/dev/null"],
        ["mp", "--corpus", "\x1b[31m"],
    ],
)
def test_a_hostile_option_is_refused(arguments: list[str], campaign: Path) -> None:
    """Before the campaign's directory is touched."""
    before = contents(campaign)
    assert_one_line(call("fuzz", *arguments, *QUICK, "--dir", campaign), 2)
    assert contents(campaign) == before


@pytest.mark.parametrize("where", ["/dev/null", "/dev/null/x", "/proc/x"])
def test_a_directory_that_cannot_be_is_refused(where: str) -> None:
    """A campaign needs one that it can make and write."""
    assert_one_line(call("fuzz", "mp", *QUICK, "--runs", "5", "--dir", where), 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["fuzz", "mp", "--runs", "5", "--dir", ""],
        ["fuzz", "mp", "--runs", "5", "--corpus", ""],
        ["replay", "00000000", "--dir", ""],
        ["report", ""],
        ["shrink", "00000000", "--to", ""],
        ["check", "mp", "--witness", ""],
        ["litmus", "no.litmus", "--witness", ""],
    ],
)
def test_an_empty_name_is_no_folder(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a variable that is not set; the current folder is called '.'."""
    monkeypatch.chdir(tmp_path)
    outcome = call(*arguments)
    assert_one_line(outcome, 2)
    assert outcome.err.endswith(": '', expected the name of a folder\n")
    assert contents(tmp_path) == {}


def test_a_directory_in_use_is_refused(campaign: Path) -> None:
    """The one who holds the lock is named, and keeps all it has."""
    with open_campaign(campaign):
        before = contents(campaign)
        outcome = call("fuzz", "mp", *QUICK, "--dir", campaign)
        assert contents(campaign) == before
    assert_one_line(outcome, 2)
    assert f"is in use by process {os.getpid()}" in outcome.err


def kept(campaign: Path) -> dict[str, bytes]:
    """Return what a further campaign adds to, but does not change."""
    return {
        name: data
        for name, data in contents(campaign).items()
        if name.startswith(("corpus/", "crashes/"))
    }


@pytest.mark.parametrize("name", ["lock", "stats.ndjson", "record.json", "a crash"])
def test_a_link_in_the_campaign_leads_nowhere(
    name: str, campaign: Path, tmp_path: Path
) -> None:
    """What it points to is neither read nor written."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("a line\nand the rest")
    crash = campaign / "crashes" / visible_signature(campaign)
    if name == "a crash":
        crash.rename(campaign / "crashes" / "moved")
        crash.symlink_to(outside, target_is_directory=True)
    else:
        path = (crash if name == "record.json" else campaign) / name
        path.unlink()
        path.symlink_to(outside / "precious")
    before = kept(campaign)
    if name == "record.json":
        outcome = call("replay", crash.name, "--original", "--dir", campaign)
    else:
        outcome = call("fuzz", "mp", *QUICK, "--seed", "7", "--dir", campaign)
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert contents(outside) == {"precious": b"a line\nand the rest"}
    assert before.items() <= kept(campaign).items()


def test_a_damaged_input_in_the_corpus_is_only_an_input(campaign: Path) -> None:
    """Any bytes are a schedule; a pipe and a folder among them are passed over."""
    corpus = campaign / "corpus" / "mp"
    (corpus / "binary").write_bytes(bytes(range(256)) * 3000)
    (corpus / "empty").write_bytes(b"")
    (corpus / "folder").mkdir()
    os.mkfifo(corpus / "pipe")
    (corpus / "link").symlink_to("/dev/zero")
    outcome = call(
        *("fuzz", "mp", "--rules", "seed", "--runs", "80", *QUICK, "--dir", campaign)
    )
    assert outcome.code == 0
    assert outcome.err == ""
