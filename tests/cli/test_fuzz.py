"""Campaigns from the command line: what they print, find, keep and repeat."""

from __future__ import annotations

import json
import time  # noqa: TID251 -- when to kill a process is no part of a run
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from forkfuzz.campaign import Campaign, Finished, has_atheris, open_campaign
from forkfuzz.campaign.atomic import TEMPORARY
from forkfuzz.cli.session import Session
from forkfuzz.strategies import NAMES

from .running import (
    QUICK,
    Outcome,
    assert_one_line,
    call,
    contents,
    end,
    launch,
    start,
    visible_signature,
)

ENGINES = ["builtin", *(["atheris"] if has_atheris() else [])]
MANY = ("ro-pin", "--rules", "v5.8", "--keep-going")
"""A campaign that finds several bugs at once."""


@pytest.fixture(autouse=True)
def _little_shrinking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Campaigns in this process need not wait for the plainest schedule."""
    monkeypatch.setattr("forkfuzz.shrink.attempt.MAX_RUNS", 20)


def found(outcome: Outcome) -> list[tuple[str, str]]:
    """Return signature and input of each violation, in order."""
    records = [event["record"] for event in outcome.of("violation")]
    return [(record["signature"], record["input"]) for record in records]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_json_is_one_event_a_line_and_nothing_else(engine: str, tmp_path: Path) -> None:
    """Violations with their records, progress, and the end as the last line."""
    outcome = launch(
        *("fuzz", *MANY, "--runs", 100, "--engine", engine, "--json"), cwd=tmp_path
    )
    events = [line["event"] for line in outcome.lines()]
    assert outcome.code == 1
    assert outcome.err == ""
    assert set(events) == {"progress", "violation", "finished"}
    assert events.count("finished") == 1
    finished = outcome.lines()[-1]
    assert (finished["event"], finished["reason"]) == ("finished", "runs")
    assert finished["runs"] == 100
    assert not set(finished["reached"]) & set(finished["unreached"])
    stored = Campaign(tmp_path / ".forkfuzz")
    assert sorted(signature for signature, _ in found(outcome)) == stored.signatures()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_equal_seeds_and_runs_find_the_same(engine: str, tmp_path: Path) -> None:
    """The same bugs, in the same order, from the same inputs."""
    first, second = (
        call(
            *("fuzz", *MANY, "--runs", 100, "--json", "--engine", engine),
            *("--driver", "inline", "--seed", 5, "--dir", tmp_path / name),
        )
        for name in ("a", "b")
    )
    assert len(found(first)) > 1
    assert found(first) == found(second)


def test_keep_going_lists_all_that_was_found(tmp_path: Path) -> None:
    """The table of one, and the signatures of the others below."""
    outcome = call("fuzz", *MANY, "--runs", 100, *QUICK, "--dir", tmp_path)
    signatures = Campaign(tmp_path).signatures()
    assert outcome.code == 1
    assert len(signatures) > 1
    assert outcome.out.count("VIOLATION ") == 1
    assert outcome.out.count("  also found: ") == len(signatures) - 1
    assert all(f"sig {signature}" in outcome.out for signature in signatures)
    assert sum(f" {s}\n" in outcome.err for s in signatures) == len(signatures)


def test_without_it_the_first_visible_violation_is_the_end(tmp_path: Path) -> None:
    """The scenarios after it are not run."""
    outcome = call("fuzz", "mp", "horn", *QUICK, "--json", "--dir", tmp_path)
    assert outcome.code == 1
    assert {event["scenario"] for event in outcome.of("finished")} == {"mp"}
    assert outcome.of("finished")[0]["reason"] == "finding"
    assert outcome.lines()[-1] == {"event": "not_run", "scenarios": ["horn"]}


def test_what_was_not_run_is_said(tmp_path: Path) -> None:
    """With its parameters, in a line of its own, and only if there is anything."""
    options = (*QUICK, "--dir", tmp_path)
    outcome = call("fuzz", "mp", "horn", "mp:words=2,pages=3", *options)
    assert outcome.code == 1
    assert outcome.out.endswith("\nnot run: horn, mp:words=2,pages=3\n")
    few = ("--rules", "seed", "--runs", 5)
    outcome = call("fuzz", "horn", "mp", *few, *options)
    assert outcome.code == 0
    assert "not run" not in outcome.out


def test_all_scenarios_are_fuzzed_by_default(tmp_path: Path) -> None:
    """Each for as many runs."""
    outcome = call(
        *("fuzz", "--rules", "seed", "--runs", 2, "--strategy", "random", "--json"),
        *(*QUICK, "--dir", tmp_path),
    )
    document = call("scenarios", "--json").lines()[0]
    names = [entry["name"] for entry in document]
    finished = outcome.of("finished")
    assert outcome.code == 0
    assert [event["scenario"] for event in finished] == names
    assert {event["runs"] for event in finished} == {2}


@pytest.mark.parametrize("strategy", ["coverage", "bytes", *NAMES])
def test_each_strategy_can_be_chosen(strategy: str, tmp_path: Path) -> None:
    """It is named in the record of what it finds; some have but one schedule."""
    outcome = call(
        *(
            "fuzz",
            "ro-pin",
            "--rules",
            "v5.9",
            "--runs",
            40,
            "--strategy",
            strategy,
            "--json",
        ),
        *(*QUICK, "--dir", tmp_path),
    )
    records = [event["record"] for event in outcome.of("violation")]
    guided = strategy in {"coverage", "bytes"}
    assert records or strategy in {"round-robin", "stay"}
    assert outcome.code == (1 if records else 0)
    assert {record["strategy"] for record in records} <= {strategy}
    assert {r["engine"] for r in records} <= {"builtin" if guided else "none"}
    assert Campaign(tmp_path).config()["campaign"][0]["strategy"] == strategy


def test_a_time_budget_ends_a_campaign(tmp_path: Path) -> None:
    """Shared by all scenarios."""
    outcome = call(
        *("fuzz", "mp", "horn", "--rules", "seed", "--time", "0.6s", "--json"),
        *(*QUICK, "--dir", tmp_path),
    )
    assert outcome.code == 0
    assert [event["reason"] for event in outcome.of("finished")] == ["time", "time"]


def test_the_time_is_that_of_all_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each scenario gets its share of what is left; for the last ones there is none."""
    times = iter([0.0, 50.0, 80.0, 90.1])
    monkeypatch.setattr(
        "forkfuzz.campaign.clock.Stopwatch",
        lambda: SimpleNamespace(elapsed=times.__next__),
    )
    shares = []

    def events(session: Session, _folders: object) -> Iterator[Finished]:
        shares.append(session.config.seconds)
        session.finished = Finished("time", 1, ())
        yield session.finished

    monkeypatch.setattr(Session, "events", events)
    outcome = call(
        *("fuzz", "mp", "horn", "guard", "xu", "signal", "--time", 90, "--json"),
        *(*QUICK, "--dir", tmp_path),
    )
    assert outcome.code == 0
    assert shares == [18.0, 10.0, pytest.approx(10 / 3)]
    assert outcome.of("not_run")[0]["scenarios"] == ["xu", "signal"]


def test_what_was_never_reached_is_said(tmp_path: Path) -> None:
    """So that a campaign that finds nothing does not look better than it is."""
    outcome = call(
        *("fuzz", "mp", "--rules", "seed,early_cow=off", "--runs", 3, *QUICK),
        *("--dir", tmp_path),
    )
    assert outcome.code == 1
    assert "fuzz: mp never reached copy_present_page:" in outcome.err


def test_progress_is_plain_lines_without_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On stderr, one for each report."""
    monkeypatch.setattr("forkfuzz.cli.progress.PLAIN_SECONDS", 0.0)
    outcome = call(
        "fuzz", "mp", "--rules", "seed", "--runs", 80, *QUICK, "--dir", tmp_path
    )
    lines = outcome.err.splitlines()
    assert outcome.code == 0
    assert lines
    assert all(line.startswith("fuzz: mp: elapsed ") for line in lines)
    assert "runs 80 (" in lines[-1]
    assert outcome.err.replace("\n", "").isprintable()


def test_a_campaign_is_continued(tmp_path: Path) -> None:
    """Crashes stay as they are, the corpus and the statistics only grow."""
    arguments = ["fuzz", *MANY, *QUICK, "--dir", tmp_path, "--runs", 60]
    assert call(*arguments, "--seed", 1).code == 1
    before = contents(tmp_path)
    assert call(*arguments, "--seed", 2).code == 1
    after = contents(tmp_path)
    changed = {name for name, data in before.items() if after.get(name) != data}
    assert changed == {"campaign.toml", "stats.ndjson"}
    assert after["stats.ndjson"].startswith(before["stats.ndjson"])
    assert len(after) > len(before)


def test_a_bug_that_is_known_from_elsewhere_is_said_to_be(campaign: Path) -> None:
    """The commands are for the stored run; all scenarios that showed it are named."""
    options = (*QUICK, "--dir", campaign)
    signature = visible_signature(campaign)
    before = contents(campaign / "crashes" / signature)
    assert "seen.txt" not in before
    first = call("fuzz", "mp:rounds=2", *options)
    told = f"{signature} was stored before, from mp: that run is what these commands"
    assert f"{told} are for; seen in mp, mp:rounds=2 " in " ".join(first.out.split())
    assert "was stored before" not in call("fuzz", "mp", *options, "--seed", 2).out
    outcome = call("fuzz", "mp:rounds=4", *options, "--json")
    seen = {
        event["record"]["signature"]: event["seen"] for event in outcome.of("violation")
    }
    assert seen[signature] == ["mp", "mp:rounds=2", "mp:rounds=4"]
    after = contents(campaign / "crashes" / signature)
    assert after.pop("seen.txt") == b"mp\nmp:rounds=2\nmp:rounds=4\n"
    assert after == before


@pytest.mark.parametrize("damage", [b"\xff\x1b[31m\n\n../x\nmp:a=", b"mp\n" * 100_000])
def test_a_damaged_list_of_scenarios_is_only_a_list(
    damage: bytes, campaign: Path
) -> None:
    """What is in it and can be no name is left out."""
    signature = visible_signature(campaign)
    (campaign / "crashes" / signature / "seen.txt").write_bytes(damage)
    outcome = call("fuzz", "mp:rounds=2", *QUICK, "--dir", campaign)
    assert (outcome.code, outcome.err) == (1, "")
    assert "seen in mp, mp:rounds=2\n" in outcome.out


def test_where_a_damaged_record_comes_from_is_not_guessed(campaign: Path) -> None:
    """The bug is told as any other; whoever reads the record is told of the damage."""
    crash = campaign / "crashes" / visible_signature(campaign)
    (crash / "record.json").write_bytes(b"{")
    outcome = call("fuzz", "mp:rounds=2", *QUICK, "--dir", campaign)
    assert (outcome.code, outcome.err) == (1, "")
    assert "was stored before" not in outcome.out
    assert not (crash / "seen.txt").exists()


def test_what_no_longer_replays_is_told_anew(campaign: Path) -> None:
    """A schedule that the model has outgrown is replaced when its bug is found again."""
    signature = visible_signature(campaign)
    path = campaign / "crashes" / signature / "minimal.schedule"
    good = path.read_bytes()
    path.write_bytes(good.replace(b"\nend ", b"\nend 9"))
    assert call("replay", signature, "--dir", campaign).code == 2
    arguments = ["fuzz", "mp", *QUICK, "--keep-going", "--runs", 100]
    assert call(*arguments, "--dir", campaign).code == 1
    assert call("replay", signature, "--dir", campaign).code == 1


def test_further_inputs_can_be_given(campaign: Path, tmp_path: Path) -> None:
    """A campaign begins with them: the bug is there within as many runs."""
    crash = campaign / "crashes" / visible_signature(campaign)
    seeds = tmp_path / "seeds" / "mp"
    seeds.mkdir(parents=True)
    (seeds / "x").write_bytes((crash / "input.bin").read_bytes())
    outcome = call(
        *("fuzz", "mp", "--runs", 2, "--corpus", tmp_path / "seeds", *QUICK),
        *("--dir", tmp_path / "new", "--json"),
    )
    assert crash.name in [signature for signature, _ in found(outcome)]


def test_the_resolved_configuration_is_stored(tmp_path: Path) -> None:
    """Defaults, canonical rules, versions: enough to run the campaign again."""
    rules = "v7.0,child_unlock=after_flush,pinned_copy=protect_flush_copy"
    rules += ",mprotect_flags=after_vma_lock,split_flags=after_vma_lock,guard_flush=on"
    call(
        *("fuzz", "mp:pages=3", "--rules", rules, "--runs", 5, "--seed", 9, *QUICK),
        *("--dir", tmp_path),
    )
    config = Campaign(tmp_path).config()
    (only,) = config["campaign"]
    assert only["spec"] == {
        "scenario": "mp",
        "params": {"pages": 3},
        "rules": "seed",
        "driver": "inline",
    }
    assert (only["runs"], only["seed"], only["engine"]) == (5, 9, "builtin")
    assert config["scenarios"] == ["mp:pages=3"]
    assert set(config["versions"]) == {"forkfuzz", "kernel", "python"}


@pytest.mark.slow
def test_two_campaigns_in_one_directory_exclude_each_other(tmp_path: Path) -> None:
    """The second ends at once and names the first; the first goes on."""
    first = start(
        *("fuzz", *MANY, "--time", "60", *QUICK, "--json", "--dir", "c"), cwd=tmp_path
    )
    try:
        assert first.stdout is not None
        assert json.loads(first.stdout.readline())["event"] in {"progress", "violation"}
        second = launch("fuzz", "mp", "--dir", "c", cwd=tmp_path)
        assert_one_line(second, 2)
        assert f"'c' is in use by process {first.pid}; " in second.err
        assert first.poll() is None
    finally:
        first.kill()
        end(first)
    with open_campaign(tmp_path / "c"):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("number", range(10))
def test_a_killed_campaign_leaves_only_whole_crashes(
    number: int, tmp_path: Path
) -> None:
    """Killed while it saves: what has its name is whole, the rest is swept."""
    folder = tmp_path / "c"
    process = start(
        *("fuzz", *MANY, "--time", "60", *QUICK, "--seed", number, "--json"),
        *("--dir", folder),
        cwd=tmp_path,
    )
    crashes = folder / "crashes"
    deadline = time.monotonic() + 30
    while not (crashes.is_dir() and any(crashes.iterdir())):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    time.sleep(number * 0.02)
    process.kill()
    told = end(process).out.splitlines()[:-1]  # the last line may be torn
    campaign = Campaign(folder)
    for line in map(json.loads, told):
        if line["event"] == "violation":
            assert line["record"]["signature"] in campaign.signatures()
    for signature in campaign.signatures():
        where = ("--dir", folder, "--driver", "inline", "--json")
        assert call("replay", signature, *where).code == 1
        assert call("replay", signature, *where, "--original").code == 1
    with open_campaign(folder):
        pass
    assert [n for n in contents(folder) if TEMPORARY in n] == []


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["portfolio", "races"])
def test_many_pages_can_be_fuzzed(strategy: str, tmp_path: Path) -> None:
    """Hardware then has more translations to choose from than a byte has values."""
    outcome = call(
        *("fuzz", "mp:pages=150", "--rules", "seed", "--runs", 4),
        *("--strategy", strategy, "--dir", tmp_path),
    )
    assert (outcome.code, outcome.err) == (0, "")


@pytest.mark.slow
def test_rates_are_those_of_the_worker(tmp_path: Path) -> None:
    """It goes on while a violation is shrunk, and what it says meanwhile is read late."""
    options = ("--keep-going", "--runs", 1200, "--dir", tmp_path)
    assert call("fuzz", "mp", "--rules", "mainline", *options).code == 1
    lines = (tmp_path / "stats.ndjson").read_text().splitlines()
    samples = [json.loads(line) for line in lines]
    rates = [sample["rate"] for sample in samples if "rate" in sample]
    assert len(rates) > 2
    assert max(rates) < 20_000
