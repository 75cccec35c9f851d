"""Finding what a person names on the command line: a signature, or a file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from forkfuzz.campaign import Campaign, Record, decisions_of, decode, is_signature
from forkfuzz.campaign.reading import read_limited
from forkfuzz.campaign.record import MAX_BYTES
from forkfuzz.checkers import PROPERTIES, Violation
from forkfuzz.engine import Decision, loads
from forkfuzz.errors import FormatError, RefusedError, ReplayError, UsageError
from forkfuzz.harness import RunResult
from forkfuzz.report import quoted
from forkfuzz.rules import Rules, format_rules, parse_rules
from forkfuzz.scenarios import Program, find_scenario, open_program

from .fuzz import DEFAULT_DIR

if TYPE_CHECKING:
    from forkfuzz.litmus import LitmusTest

LITMUS = ".litmus"
"""How the name of a litmus test ends, where it stands for a program."""


@attrs.frozen(slots=True)
class Stored:
    """A stored run.

    Attributes:
        name: As it was named.
        program: What to run.
        rules: Under which rules.
        decisions: The schedule.
        violates: The property that it breaks, if it says so.
        signature: Identity of the violation, if it has one.
        record: The whole record, where there is one.
        spec: How a schedule says which program it is for.
        test: The litmus test, if it is a run of one.
        words: What commands call it, with the options that they need to find it.
    """

    name: str
    program: Program
    rules: Rules
    decisions: tuple[Decision, ...]
    violates: str
    signature: str
    record: Record | None = None
    spec: str = ""
    test: LitmusTest | None = None
    words: str = attrs.field()

    @words.default
    def _by_name(self) -> str:
        return quoted(self.name)

    def violation(self, result: RunResult) -> Violation | None:
        """Return the stored violation as *result* has it; any, if none is named."""
        if not self.violates:
            return result.headline()
        spelled = format_rules(self.rules)
        for violation in result.violations:
            if violation.prop == self.violates and self.signature in (
                "",
                violation.signature(spelled),
            ):
                return violation
        return None

    def check_used(self, result: RunResult) -> None:
        """Refuse a run that ended before the schedule did.

        Raises:
            ReplayError: There are decisions left.
        """
        used, stored = len(result.decisions), len(self.decisions)
        if used < stored:
            msg = (
                f"schedule step {used} wants {str(self.decisions[used])!r}, but the "
                f"run is over, with {stored - used} of {stored} decisions left; the "
                "model has changed since the schedule was recorded"
            )
            raise ReplayError(msg, step=used)


def open_stored(name: str, directory: Path, *, original: bool = False) -> Stored:
    """Open the run that *name* stands for.

    Args:
        name: A signature of the campaign in *directory*, or a file: a schedule or a
            record.
        directory: The campaign's directory.
        original: The run as it was found, not the shrunk one.

    Raises:
        UsageError: There is no such run, or the file cannot be read as one.
        RefusedError: The file is larger than any schedule or record may be.
    """
    if is_signature(name) and not Path(name).exists():
        stored = _open_crash(name, directory, original=original)
        options = " --original" if original else ""
        return attrs.evolve(stored, words=f"{name_in(directory, name)}{options}")
    data = _read(Path(name))
    if data.lstrip()[:1] == b"{":
        return _from_record(name, decode(data))
    return from_schedule(name, data)


def name_in(directory: Path, signature: str) -> str:
    """Return what commands call a crash of the campaign in a directory."""
    if directory == Path(DEFAULT_DIR):
        return signature
    return f"{signature} --dir {quoted(str(directory))}"


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size if path.is_file() else 0
        if size <= MAX_BYTES:
            return read_limited(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        msg = f"cannot read {str(path)!r}: {reason}"
        raise FormatError(msg) from error
    msg = f"{str(path)!r} has {size} bytes, expected at most {MAX_BYTES}"
    raise RefusedError(msg)


def _open_crash(signature: str, directory: Path, *, original: bool) -> Stored:
    campaign = Campaign(directory)
    folder = campaign.crash_folder(signature)
    record = campaign.record(signature)
    with _named(folder / "record.json"):
        found = _from_record(signature, record)
    if original:
        return found
    try:
        text = campaign.crash_file(signature, "minimal.schedule")
    except FormatError:
        return found  # killed between saving and shrinking; the record is whole
    path = folder / "minimal.schedule"
    with _named(path):
        stored = from_schedule(str(path), text)
    program = attrs.evolve(stored.program, name=found.program.name)
    return attrs.evolve(stored, name=signature, program=program, record=record)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say which file an error is about, where nobody has named it."""
    try:
        yield
    except UsageError as error:
        msg = f"{str(path)!r}: {error}"
        raise FormatError(msg) from error


def _from_record(name: str, record: Record) -> Stored:
    return Stored(
        name,
        find_scenario(record.scenario).program(record.params),
        parse_rules(record.rules),
        decisions_of(record),
        record.property,
        record.signature,
        record,
    )


def _test(name: str, spec: str) -> LitmusTest | None:
    """Return the litmus test beside a schedule that it is for, if it is for one."""
    if not spec.endswith(LITMUS):
        return None
    from .exploring import load_test

    if Path(spec).name != spec:
        msg = f"{name!r} is for {spec[:60]!r}, expected a file in the same folder"
        raise FormatError(msg)
    return load_test(Path(name).parent / spec)


def _program(test: LitmusTest | None, spec: str) -> Program:
    """Return what a schedule is for."""
    if test is None:
        return open_program(spec)
    from forkfuzz.harness.trial import with_lazy_tlb

    return with_lazy_tlb(test.program)


def from_schedule(name: str, data: bytes) -> Stored:
    """Return the run that a stored schedule describes.

    Raises:
        UsageError: It cannot be read, or does not say what it is for.
        RefusedError: It is beyond the limits.
    """
    schedule = loads(data)
    header = schedule.header
    for key in ("scenario", "rules"):
        if key not in header:
            msg = f"{name!r} does not say which {key} it is for, expected '{key}: ...'"
            raise UsageError(msg)
    violates = header.get("violates", "")
    if violates and violates not in PROPERTIES:
        expected = ", ".join(PROPERTIES)
        msg = f"{name!r} violates {violates[:40]!r}, expected one of {expected}"
        raise UsageError(msg)
    spec = header["scenario"]
    test = _test(name, spec)
    return Stored(
        name,
        _program(test, spec),
        parse_rules(header["rules"]),
        schedule.decisions,
        violates,
        header.get("signature", ""),
        spec=spec,
        test=test,
    )
