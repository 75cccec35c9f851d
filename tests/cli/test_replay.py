"""Replay and show: a stored run, again and in other forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from forkfuzz.engine import Schedule, dumps, loads

from .running import assert_one_line, call, contents, visible_signature

CORPUS = Path(__file__).parents[2] / "corpus" / "regressions"
TORN = CORPUS / "rule-2-torn-inside-the-page.schedule"


@pytest.mark.parametrize("original", [True, False])
def test_both_drivers_replay_to_the_same_digest(
    campaign: Path, *, original: bool
) -> None:
    """The run as found, and the shrunk one."""
    signature = visible_signature(campaign)
    options = ["--dir", campaign, "--json", *(["--original"] if original else [])]
    trio, inline = (
        call("replay", signature, *options, "--driver", driver)
        for driver in ("trio", "inline")
    )
    assert trio.code == inline.code == 1
    assert trio.out == inline.out
    (document,) = trio.lines()
    assert document["reproduces"] is True
    assert document["outcome"] == "finished"
    assert "snapshot.torn" in [v["property"] for v in document["violations"]]
    assert len(document["digest"]) == 64


def test_json_says_when_it_does_not_reproduce(campaign: Path) -> None:
    """Exit 0, and the document says the same."""
    signature = visible_signature(campaign)
    outcome = call("replay", signature, "--rules", "seed", "--dir", campaign, "--json")
    assert outcome.code == 0
    assert outcome.lines()[0]["reproduces"] is False
    assert outcome.lines()[0]["violations"] == []


def shorten_the_run(schedule: Schedule) -> Schedule:
    """Return *schedule* with a decision too many at its end."""
    header = {**schedule.header}
    return Schedule((*schedule.decisions, schedule.decisions[0]), header)


@pytest.mark.parametrize("verb", ["replay", "show"])
def test_a_run_that_ends_before_its_schedule_is_an_error(
    verb: str, campaign: Path
) -> None:
    """The model is not the one that the schedule was recorded with."""
    crash = campaign / "crashes" / visible_signature(campaign)
    schedule = loads((crash / "minimal.schedule").read_bytes())
    path = crash / "long.schedule"
    path.write_text(dumps(shorten_the_run(schedule)))
    outcome = call(verb, path)
    assert_one_line(outcome, 2)
    step, wanted = len(schedule.decisions), str(schedule.decisions[0])
    assert outcome.err == (
        f"forkfuzz: schedule step {step} wants {wanted!r}, but the run is over, "
        f"with 1 of {step + 1} decisions left; the model has changed since the "
        "schedule was recorded\n"
    )


def test_under_other_rules_a_schedule_need_not_fit(campaign: Path) -> None:
    """There it is followed as far as it goes."""
    crash = campaign / "crashes" / visible_signature(campaign)
    schedule = loads((crash / "minimal.schedule").read_bytes())
    path = crash / "long.schedule"
    path.write_text(dumps(shorten_the_run(schedule)))
    assert call("replay", path, "--rules", "mainline").code == 1
    assert call("replay", path, "--rules", "seed").code == 0


def test_a_step_that_the_model_does_not_offer_is_named(campaign: Path) -> None:
    """The message says which step, what was wanted and what there is."""
    signature = visible_signature(campaign)
    path = campaign / "crashes" / signature / "minimal.schedule"
    schedule = loads(path.read_bytes())
    number = len(schedule.decisions) // 2
    wanted = schedule.decisions[number].label
    lines = path.read_text().split("\n")
    index = len(lines) - 2 - len(schedule.decisions) + number
    lines[index] = lines[index].replace(wanted, "renamed:label")
    path.write_text("\n".join(lines))
    for driver in ("trio", "inline"):
        outcome = call("replay", signature, "--dir", campaign, "--driver", driver)
        assert_one_line(outcome, 2)
        assert f"schedule step {number} wants " in outcome.err
        assert "renamed:label" in outcome.err


def test_a_crash_killed_before_it_was_shrunk_replays(campaign: Path) -> None:
    """The record alone is enough."""
    signature = visible_signature(campaign)
    for name in ("minimal.litmus", "minimal.schedule", "race.txt", "README.md"):
        (campaign / "crashes" / signature / name).unlink()
    assert call("replay", signature, "--dir", campaign).code == 1
    assert call("show", signature, "--dir", campaign).code == 0


def test_a_schedule_without_a_claim_reproduces_what_it_shows(campaign: Path) -> None:
    """Without 'violates' any violation counts; one that it does not show does not."""
    crash = campaign / "crashes" / visible_signature(campaign)
    schedule = loads((crash / "minimal.schedule").read_bytes())
    header = {key: schedule.header[key] for key in ("scenario", "rules")}
    path = crash / "x.schedule"
    path.write_text(dumps(Schedule(schedule.decisions, header)))
    assert call("replay", path).code == 1
    claim = {**header, "violates": "page.refcount"}
    path.write_text(dumps(Schedule(schedule.decisions, claim)))
    outcome = call("replay", path)
    assert outcome.code == 0
    assert "page.refcount does not reproduce" in outcome.out
    assert "but: snapshot.torn: " in outcome.out


def test_a_claim_that_no_checker_can_judge_is_refused(tmp_path: Path) -> None:
    """It would never reproduce; the message lists those that there are."""
    path = tmp_path / "x.schedule"
    text = TORN.read_text()
    path.write_text(text.replace("violates: snapshot.torn", "violates: foo.bar"))
    for verb in ("replay", "show", "shrink"):
        outcome = call(verb, path)
        assert_one_line(outcome, 2)
        expected = f"'{path}' violates 'foo.bar', expected one of snapshot.torn, "
        assert expected in outcome.err


def test_a_file_is_what_the_commands_at_the_end_name(campaign: Path) -> None:
    """Its signature is no crash of the campaign here."""
    crash = campaign / "crashes" / visible_signature(campaign)
    path = crash / "with a blank.schedule"
    path.write_bytes((crash / "minimal.schedule").read_bytes())
    for verb in ("replay", "show"):
        outcome = call(verb, path)
        assert f"  Reproduce with:       forkfuzz replay '{path}'\n" in outcome.out
        assert f"forkfuzz show '{path}' --as race\n" in outcome.out


def test_what_neither_claims_nor_shows_a_violation_is_said_so(campaign: Path) -> None:
    """There is nothing that could reproduce."""
    crash = campaign / "crashes" / visible_signature(campaign)
    schedule = loads((crash / "minimal.schedule").read_bytes())
    header = {key: schedule.header[key] for key in ("scenario", "rules")}
    path = crash / "x.schedule"
    path.write_text(dumps(Schedule(schedule.decisions, header)))
    assert "snapshot.torn reproduces (" in call("replay", path).out
    outcome = call("replay", path, "--rules", "seed")
    assert outcome.code == 0
    assert outcome.out.startswith(f"{path}: no violation under seed (")


def test_names_from_outside_are_printed_without_control_characters(
    campaign: Path, tmp_path: Path
) -> None:
    """A file's name, and what a record claims to violate, may hold escapes."""
    crash = campaign / "crashes" / visible_signature(campaign)
    record = json.loads((crash / "record.json").read_bytes())
    record["property"] = "\x1b]0;owned\x07\u202e"
    record["message"] = "\x1b[2J"
    path = tmp_path / "\x1b[31m\u202e\udcff.json"
    path.write_text(json.dumps(record))
    for arguments in (["replay", path], ["replay", path, "--rules", "seed"]):
        outcome = call(*arguments)
        assert outcome.code == 0
        assert outcome.out.isascii()
        assert outcome.out.replace("\n", "").isprintable()
        assert "does not reproduce" in outcome.out


def test_show_race_is_the_table_on_disk(campaign: Path, finished: Path) -> None:
    """Of the shrunk run; without how long the search took."""
    signature = visible_signature(campaign)
    outcome = call("show", signature, "--dir", campaign)
    stored = (campaign / "crashes" / signature / "race.txt").read_text()
    found = [line for line in stored.splitlines() if "found after" in line]
    assert outcome.code == 0
    assert found
    lines = outcome.out.replace(str(campaign), str(finished)).splitlines()
    assert set(lines) <= set(stored.splitlines())
    assert max(len(line) for line in lines if "--dir" not in line) <= 75


def test_show_steps_tells_every_step(campaign: Path) -> None:
    """As many as the run has, in order, then how it ended."""
    signature = visible_signature(campaign)
    steps = call("replay", signature, "--dir", campaign, "--json").lines()[0]["steps"]
    outcome = call("show", signature, "--as", "steps", "--dir", campaign)
    numbered = [
        int(line.split()[0])
        for line in outcome.out.splitlines()
        if line[:4].strip().isdecimal()
    ]
    assert outcome.code == 0
    assert numbered == list(range(1, steps + 1))
    assert outcome.out.endswith("the run is over: finished\n")


def test_show_json_is_one_record_a_line(campaign: Path) -> None:
    """From the start of the run to its end, the violation among them."""
    outcome = call(
        "show", visible_signature(campaign), "--as", "json", "--dir", campaign
    )
    events = [line["event"] for line in outcome.lines()]
    assert outcome.code == 0
    assert (events[0], events[-1]) == ("run_started", "run_ended")
    assert "violation" in events


@pytest.mark.parametrize("original", [True, False])
def test_show_schedule_replays(
    campaign: Path, tmp_path: Path, *, original: bool
) -> None:
    """What it prints is a schedule file, good for a mail, with the test it is for."""
    signature = visible_signature(campaign)
    options = ["--original"] if original else []
    shown = call("show", signature, "--as", "schedule", "--dir", campaign, *options)
    path = tmp_path / "mailed.schedule"
    path.write_text(shown.out)
    test = call("show", signature, "--as", "litmus", "--dir", campaign)
    (tmp_path / "minimal.litmus").write_text(test.out)
    assert shown.code == test.code == 0
    assert loads(shown.out).header["signature"] == signature
    outcome = call("replay", path)
    assert outcome.code == 1
    assert "snapshot.torn reproduces" in outcome.out


def test_show_of_a_run_without_violation_is_an_error(tmp_path: Path) -> None:
    """There is no race to show; the other forms show it."""
    path = tmp_path / "empty.schedule"
    header = {"scenario": "mp", "rules": "seed"}
    path.write_text(dumps(Schedule((), header)))
    assert_one_line(call("show", path), 2)
    assert call("show", path, "--as", "steps").code == 0
    assert call("replay", path).code == 0


def test_replay_and_show_write_nothing(campaign: Path) -> None:
    """Also where the directory is not theirs to write."""
    signature = visible_signature(campaign)
    before = contents(campaign)
    for form in ("race", "steps", "json", "schedule"):
        assert call("show", signature, "--as", form, "--dir", campaign).code == 0
    assert call("replay", signature, "--dir", campaign).code == 1
    assert contents(campaign) == before


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("record.json", b""),
        ("record.json", b'{"format":"forkfuzz-crash","version":9}'),
        ("minimal.schedule", b"junk"),
        ("minimal.schedule", b"forkfuzz schedule 1\nscenario: no\nrules: seed\n\n"),
    ],
)
def test_a_damaged_file_of_a_crash_is_named(
    campaign: Path, name: str, data: bytes
) -> None:
    """Nobody named it on the command line, so the message does."""
    signature = visible_signature(campaign)
    path = campaign / "crashes" / signature / name
    path.write_bytes(data)
    outcome = call("replay", signature, "--dir", campaign)
    assert_one_line(outcome, 2)
    assert outcome.err.startswith(f"forkfuzz: '{path}': ")


def test_a_record_of_another_scenario_is_named(campaign: Path) -> None:
    """One that this forkfuzz does not have."""
    signature = visible_signature(campaign)
    path = campaign / "crashes" / signature / "record.json"
    path.write_bytes(path.read_bytes().replace(b'"scenario":"mp"', b'"scenario":"no"'))
    for options in ([], ["--original"]):
        outcome = call("replay", signature, *options, "--dir", campaign)
        assert_one_line(outcome, 2)
        assert outcome.err.startswith(f"forkfuzz: '{path}': no scenario 'no'; ")
