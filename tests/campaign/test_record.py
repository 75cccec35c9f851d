"""Records of violations: they come back as they were, whatever else is fed in."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forkfuzz.campaign import decode, encode
from forkfuzz.campaign.record import MAX_BYTES, MAX_NESTING
from forkfuzz.errors import FormatError

from .sample import SAMPLE

GOLDEN = (Path(__file__).parent / "golden_record_v1.json").read_bytes()


def changed(**fields: object) -> bytes:
    """Return the golden record with some fields replaced."""
    return json.dumps(json.loads(GOLDEN) | fields).encode()


def decode_or_refuse(data: bytes) -> bool:
    """Return whether *data* is a record; anything but FormatError fails the test."""
    try:
        record = decode(data)
    except FormatError as error:
        refusal = str(error)
    else:
        assert decode(encode(record)) == record
        return True
    assert refusal.isprintable()
    return False


def test_the_stored_record_of_version_1_is_read_and_written_unchanged() -> None:
    """Records that were written once can be read for ever, and are canonical."""
    assert decode(GOLDEN) == SAMPLE
    assert encode(SAMPLE) == GOLDEN


def test_every_truncation_is_refused() -> None:
    """A record cut off anywhere is not a record; only the newline may be missing."""
    accepted = [n for n in range(len(GOLDEN)) if decode_or_refuse(GOLDEN[:n])]
    assert accepted == [len(GOLDEN) - 1]


def test_every_flipped_bit_is_refused_or_harmless() -> None:
    """No single damaged bit makes anything but a record or a FormatError."""
    accepted = 0
    for position in range(len(GOLDEN)):
        for bit in range(8):
            damaged = bytearray(GOLDEN)
            damaged[position] ^= 1 << bit
            accepted += decode_or_refuse(bytes(damaged))
    # Flips within free text are seen as other text; structure and keys are not.
    assert 0 < accepted < len(GOLDEN) * 8 / 2


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    """Random bytes are no record."""
    assert not decode_or_refuse(data)


BOMBS = {
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "not utf-8": b'{"format":"\xff"}',
    "nan": GOLDEN.replace(b'"step":14', b'"step":NaN'),
    "infinity": GOLDEN.replace(b'"step":14', b'"step":Infinity'),
    "float": GOLDEN.replace(b'"step":14', b'"step":14.0'),
    "exponent": GOLDEN.replace(b'"step":14', b'"step":1e999999999'),
    "big": GOLDEN.replace(b'"step":14', b'"step":' + b"9" * 30),
    "huge": GOLDEN.replace(b'"step":14', b'"step":' + b"9" * 500_000),
    "negative": GOLDEN.replace(b'"step":14', b'"step":-1'),
    "boolean": GOLDEN.replace(b'"step":14', b'"step":true'),
    "text": GOLDEN.replace(b'"step":14', b'"step":"14"'),
    "duplicate": GOLDEN.replace(b'"step":14', b'"step":14,"step":14'),
    "duplicate within": GOLDEN.replace(b'"pages":2', b'"pages":2,"pages":2'),
    "unknown": GOLDEN.replace(b'"step":14', b'"step":14,"\\u001b[2J":1'),
    "missing": GOLDEN.replace(b'"step":14,', b""),
    "deep list": b"[" * 500_000,
    "deep object": b'{"a":' * 200_000,
    "deep within": changed(params=json.loads("[" * 17 + "]" * 17)),
    "surrogate": GOLDEN.replace(b"sequentially", b"\\ud800"),
    "large": GOLDEN + b" " * MAX_BYTES,
    "wide": changed(points=["x"] * 101),
    "many": changed(params={str(n): n for n in range(101)}),
    "long": changed(rules="x" * 2001),
    "path": changed(scenario="../../etc"),
    "newline in name": changed(scenario="mp\n"),
    "signature": changed(signature="7c1e90ab\n"),
    "signature upper": changed(signature="7C1E90AB"),
    "odd hex": changed(input="abc"),
    "short decision": changed(decisions=[["T1", "x", 1]]),
    "long decision": changed(decisions=[["T1", "x", 1, 0, 0]]),
    "three stores": changed(pair=[json.loads(GOLDEN)["pair"][0]] * 3),
    "format": changed(format="other"),
    "version text": changed(version="1"),
    "version true": changed(version=True),
    "version huge": changed(version=10**20),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_hostile_record_is_refused(name: str) -> None:
    """It ends in FormatError, with a message that is safe to print."""
    assert not decode_or_refuse(BOMBS[name])


def test_a_later_version_is_named() -> None:
    """A record of the future says what it needs."""
    expected = r"^needs forkfuzz that reads version 2; this one reads 1$"
    with pytest.raises(FormatError, match=expected):
        decode(changed(version=2, something_new=1))


def test_the_limits_are_checked_before_parsing() -> None:
    """Size and nesting are refused by name, at exactly one above the limit."""
    with pytest.raises(FormatError, match=r"^record of 1048577 bytes, expected at mos"):
        decode(b" " * (MAX_BYTES + 1))
    with pytest.raises(FormatError, match=r"^not a record: nested deeper than 16 lev"):
        decode(b"[" * (MAX_NESTING + 1))
    with pytest.raises(FormatError, match=r"^not a record: expected .format.: 'forkf"):
        decode(b"[" * MAX_NESTING + b"]" * MAX_NESTING)


def test_brackets_in_text_are_not_nesting() -> None:
    """Only structure counts."""
    text = '[{"\\' * 100
    assert decode(changed(message=text)).message == text


def test_a_record_without_an_input_is_a_record() -> None:
    """Not every strategy reads bytes."""
    record = msgspec.structs.replace(SAMPLE, input=None)
    assert decode(encode(record)) == record
