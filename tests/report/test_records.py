"""Records, and the page that documents them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest
import structlog
from structlog.testing import LogCapture

from driving import program, thread
from forkfuzz.checkers import Violation
from forkfuzz.report import Recording, emit, json_lines, records, records_schema
from forkfuzz.scenarios import SCENARIOS, Program
from forkfuzz.scenarios.program import Wait
from shown import NAMES, exhibit_run

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "records.md"
COMMON = {"event", "run"}
OF_A_STEP = {"step", "cpu", "task", "point"}
OF_A_RUN = ("run_started", "run_ended", "task_waiting")


def documented() -> dict[str, set[str]]:
    """Return the keys of each event, as the page has them."""
    events = {}
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and (name := re.fullmatch(r"`(\w+)`", cells[0])):
            common = COMMON if name[1] in OF_A_RUN else COMMON | OF_A_STEP
            events[name[1]] = common | set(re.findall(r"`(\w+)`", cells[2]))
    return events


def explained() -> set[str]:
    """Return the keys that the page explains."""
    lines = PAGE.read_text("utf-8").splitlines()
    cells = [line.strip("|").split("|") for line in lines if line.count("|") == 3]
    return {row[0].strip(" `") for row in cells} - {"key", "---"}


@pytest.fixture(name="emitted", scope="module")
def _emitted(
    find: Callable[[str, str, int], Iterator[tuple[Recording, Violation]]],
    record_one: Callable[[Program, str], Recording],
) -> dict[str, set[str]]:
    """Keys of each event that some run of some scenario has emitted."""
    recordings = [
        recording
        for spec in SCENARIOS
        for rules in ("mainline", "v5.8")
        for recording, _ in find(spec, rules, 12)
    ]
    recordings += [record_one(s.program(), "mainline") for s in SCENARIOS.values()]
    stuck = program(["A"], thread("T1", Wait("never")))
    recordings.append(record_one(stuck, "mainline"))
    keys: dict[str, set[str]] = {}
    for recording in recordings:
        for line in json_lines(recording):
            fields = json.loads(line)
            keys.setdefault(fields["event"], set()).update(fields)
    return keys


@pytest.mark.slow
def test_every_event_and_key_is_documented_and_every_documented_one_emitted(
    emitted: dict[str, set[str]],
) -> None:
    """The page and the code cannot drift apart, in either direction."""
    assert emitted == documented()


def test_every_key_is_explained() -> None:
    """No key of an event is left to guessing."""
    assert set().union(*documented().values()) == explained()


def test_the_schema_has_the_documented_events_and_keys() -> None:
    """Neither more nor less."""
    kinds = records_schema()["$defs"]
    assert {name: set(kind["required"]) for name, kind in kinds.items()} == documented()


@pytest.mark.parametrize("name", NAMES)
def test_every_record_of_an_exhibit_is_valid(name: str) -> None:
    """Under the schema that is published, which is one itself."""
    schema = json.loads(PAGE.with_suffix(".schema.json").read_text("utf-8"))
    kind = jsonschema.Draft202012Validator
    kind.check_schema(schema)
    whole = kind(schema)
    kinds = {event: kind(own) for event, own in schema["$defs"].items()}
    seen = set()
    for line in json_lines(exhibit_run(name).recording):
        fields = json.loads(line)
        kinds[fields["event"]].validate(fields)
        if fields["event"] not in seen:
            whole.validate(fields)
        seen.add(fields["event"])
    assert {"run_started", "step_taken", "violation", "run_ended"} <= seen


def test_the_schema_refuses_what_is_no_record(torn: Recording) -> None:
    """A key too many, one too few, one of another type, a control character."""
    one = jsonschema.Draft202012Validator(records_schema())
    record = next(f for f in map(json.loads, json_lines(torn)) if f["event"] == "store")
    assert one.is_valid(record)
    for change in ({"more": 1}, {"value": "1"}, {"page": "\x1b"}, {"event": "stores"}):
        assert not one.is_valid({**record, **change})
    del record["stale"]
    assert not one.is_valid(record)


def test_records_are_json_with_sorted_keys(torn: Recording) -> None:
    """Equal runs give equal lines."""
    lines = list(json_lines(torn))
    assert lines == list(json_lines(torn))
    for line in lines:
        fields = json.loads(line)
        assert list(fields) == sorted(fields)
        assert line.isascii()


def test_a_run_is_called_by_its_digest_unless_it_has_a_name(torn: Recording) -> None:
    """All records of a run have the same key."""
    assert {fields["run"] for _, fields in records(torn)} == {torn.result.digest()[:8]}
    assert {fields["run"] for _, fields in records(torn, run="7")} == {"7"}


def test_records_go_to_any_structlog_logger(torn: Recording) -> None:
    """A campaign's own logger gets the same events and keys."""
    log = LogCapture()
    logger = structlog.wrap_logger(structlog.ReturnLogger(), processors=[log])
    assert len(list(emit(torn, logger))) == len(log.entries)
    assert log.entries[0]["event"] == "run_started"
    assert [e["value"] for e in log.entries if e["event"] == "store"] == [1, 1]
    assert log.entries[-1]["violations"] == 1
