"""The record of one violation: what ``crashes/<sig>/record.json`` holds.

A record is mailed and attached to reports, so it is read as if an enemy wrote it: size
and nesting are checked before parsing, types and counts while decoding, and nothing
but `FormatError` comes out of `decode`.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal, NoReturn

import msgspec

from forkfuzz.errors import FormatError

from .target import Name

FORMAT = "forkfuzz-crash"
VERSION = 1
MAX_BYTES = 1 << 20
MAX_NESTING = 16

Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]
Index = Annotated[int, msgspec.Meta(ge=0, le=1 << 31)]
Value = Annotated[int, msgspec.Meta(ge=-(1 << 62), le=1 << 62)]
Word = Annotated[str, msgspec.Meta(max_length=200)]
Line = Annotated[str, msgspec.Meta(max_length=2000)]
Signature = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}\Z")]
Hex = Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9a-f]{2})*\Z", max_length=1 << 18)]
Decision = tuple[Word, Word, Index, Index]
"""(task's name, empty if an outcome was chosen, label, options, value)."""


class StoreEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One store of the pair that no cut separates."""

    task: Word
    place: Word
    value: Value
    step: Index


class Versions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What made the record."""

    forkfuzz: Word
    kernel: Word
    python: Word


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One violation, with all that is needed to see it again.

    Attributes:
        seed: The campaign's seed.
        runs: How many runs it took to find it.
        severity: Name of the member of ``Severity``, lower case.
        assumptions: What the model assumes, one line each.
        input: What the fuzzing engine fed the run; None if it was not decided by bytes.
        decisions: The whole schedule. It is the truth if it and *input* disagree.
    """

    format: Literal["forkfuzz-crash"] = "forkfuzz-crash"
    version: Literal[1] = 1
    scenario: Name
    params: Annotated[dict[Word, Value], msgspec.Meta(max_length=100)]
    rules: Line
    driver: Literal["trio", "inline"]
    engine: Word
    strategy: Word
    seed: Count
    runs: Count
    property: Word
    severity: Literal["program", "contract"]
    message: Line
    step: Index
    points: Annotated[tuple[Word, ...], msgspec.Meta(max_length=100)]
    pair: Annotated[tuple[StoreEntry, ...], msgspec.Meta(max_length=2)]
    assumptions: Annotated[tuple[Line, ...], msgspec.Meta(max_length=100)]
    signature: Signature
    input: Hex | None
    decisions: Annotated[tuple[Decision, ...], msgspec.Meta(max_length=100_000)]
    versions: Versions


def encode(record: Record) -> bytes:
    """Return *record* as canonical JSON: ASCII, sorted keys, one newline at the end."""
    text = json.dumps(
        msgspec.to_builtins(record), sort_keys=True, separators=(",", ":")
    )
    return text.encode("ascii") + b"\n"


def decode(data: bytes) -> Record:
    """Return the record in *data*.

    Raises:
        FormatError: It is not a record, is damaged or hostile, or of another version.
    """
    if len(data) > MAX_BYTES:
        msg = f"record of {len(data)} bytes, expected at most {MAX_BYTES}"
        raise FormatError(msg)
    document = _parse(data)
    _check_version(document)
    try:
        return msgspec.convert(document, Record)
    except msgspec.ValidationError as error:
        msg = f"not a valid record: {_printable(str(error))}"
        raise FormatError(msg) from error


def _parse(data: bytes) -> object:
    try:
        text = data.decode("utf-8")
        _check_nesting(text)
        document = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_no_float,
            parse_float=_no_float,
        )
        # An escape can smuggle in half a surrogate pair, which cannot be printed.
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        msg = f"not a record: {error}"
        raise FormatError(msg) from error
    return document


def _check_nesting(text: str) -> None:
    depth = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text, re.DOTALL):
        bracket = token.group()
        if bracket in "[{":
            depth += 1
            if depth > MAX_NESTING:
                msg = f"nested deeper than {MAX_NESTING} levels"
                raise ValueError(msg)
        elif bracket in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        msg = "a key is given twice"
        raise ValueError(msg)
    return result


def _no_float(text: str) -> NoReturn:
    msg = f"{text[:40]!r} is not a whole number"
    raise ValueError(msg)


def _printable(text: str) -> str:
    # The text may quote a key of the file: no escape sequence may reach a terminal.
    return text.encode("unicode_escape").decode("ascii")[:300]


def _check_version(document: object) -> None:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        msg = f'not a record: expected "format": {FORMAT!r}'
        raise FormatError(msg)
    version = document.get("version")
    if version == VERSION and type(version) is int:
        return
    if type(version) is int and 0 <= version < 1 << 31:
        msg = f"needs forkfuzz that reads version {version}; this one reads {VERSION}"
        raise FormatError(msg)
    msg = f'not a record: "version" is {version!r:.40}, expected {VERSION}'
    raise FormatError(msg)
