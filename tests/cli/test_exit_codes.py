"""Each exit code, and how failures are told."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from forkfuzz.campaign import Campaign, has_atheris
from forkfuzz.campaign.interrupt import Interrupts
from forkfuzz.cli import VERBS
from forkfuzz.cli.exit import terminable
from forkfuzz.engine import Strategy
from forkfuzz.harness import Feedback, RunResult
from forkfuzz.harness.target import ScenarioTarget
from forkfuzz.strategies import Bytes
from offspring import children

from .running import (
    QUICK,
    assert_one_line,
    call,
    contents,
    end,
    launch,
    start,
    visible_signature,
)

ENGINES = ["builtin", *(["atheris"] if has_atheris() else [])]


def test_0_when_nothing_is_found(tmp_path: Path) -> None:
    """The result says how many runs, of what, under which rules; not that it is safe."""
    outcome = call(
        "fuzz", "mp", "--rules", "seed", "--runs", 60, *QUICK, "--dir", tmp_path
    )
    assert outcome.code == 0
    verdict, seen = outcome.out.splitlines()
    assert verdict == "mp: no violation in 60 runs of this model under rules seed"
    assert seen.startswith("  seen: ")


def test_one_of_a_thing_is_singular(tmp_path: Path) -> None:
    """As of a single run, and of what it has seen."""
    outcome = call(
        "fuzz", "mp", "--rules", "seed", "--runs", 1, *QUICK, "--dir", tmp_path
    )
    assert outcome.out.startswith("mp: no violation in 1 run of this model under rule")
    assert "  seen: 1 interleaving, 1 outcome, " in outcome.out


def test_1_when_fuzzing_finds_a_violation(tmp_path: Path) -> None:
    """In a process of its own, with the command that reproduces it at the end."""
    outcome = launch("fuzz", "mp", *QUICK, "--dir", "c", cwd=tmp_path)
    signature = visible_signature(tmp_path / "c")
    assert outcome.code == 1
    assert f"forkfuzz replay {signature}" in outcome.out


def test_1_when_a_replay_reproduces(campaign: Path) -> None:
    """The stored schedule shows the stored property."""
    signature = visible_signature(campaign)
    outcome = call("replay", signature, "--dir", campaign)
    assert outcome.code == 1
    assert f"{signature}: snapshot.torn reproduces" in outcome.out


def test_0_when_a_replay_does_not_reproduce(campaign: Path) -> None:
    """The same schedule, as far as it fits, under the documented protocol."""
    signature = visible_signature(campaign)
    outcome = call("replay", signature, "--rules", "seed", "--dir", campaign)
    assert outcome.code == 0
    assert f"{signature}: snapshot.torn does not reproduce under seed" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nope"], "no such command 'nope'"),
        (["fuzz", "--nope"], "no such option '--nope'"),
        (["fuzz", "nope"], "no scenario 'nope'; there are mp, "),
        (["fuzz", "mp:nope=1"], "mp has no parameter 'nope'; it has pages, "),
        (["fuzz", "mp:pages=1001"], "pages=1001 is out of range, expected 0 to 1000"),
        (
            ["fuzz", "mp:pages=999999"],
            "pages=999999 is out of range, expected 0 to 1000",
        ),
        (
            ["fuzz", "mp", "--feedback", "nope"],
            "no feedback 'nope'; there are state, reads-from, ",
        ),
        (
            ["fuzz", "mp", "--feedback", "state", "--strategy", "pct"],
            "--feedback is for strategies that learn, not 'pct'",
        ),
        (
            ["fuzz", "mp", "--corpus", ".", "--strategy", "pct"],
            "--corpus is for strategies that learn, not 'pct'",
        ),
        (
            ["fuzz", "mp", "horn", "--corpus", "."],
            "--corpus '.' has no folder of a scenario that is fuzzed, such as 'mp'",
        ),
        (["bench", "find", "--feedback", "nope"], "no feedback 'nope'; there are "),
        (["fuzz", "fork-fails:site=3"], "fork-fails: site=3, expected 0 to 2"),
        (["check", "fork-fails:site=99"], "fork-fails: site=99, expected 0 to 2"),
        (
            ["fuzz", "mp:rounds=1,rounds=2"],
            "'rounds' is given twice in 'mp rounds=1 rounds=2'",
        ),
        (["fuzz", "mp:pages"], "'pages' is not a parameter, expected name=number"),
        (["fuzz", "mp", "--rules", "nope"], "no preset 'nope'; there are seed, "),
        (["fuzz", "mp", "--rules", "seed,no=1"], "no rule 'no=1'; expected field="),
        (["fuzz", "mp", "--rules", "seed,reuse=no"], "no value 'no' for reuse; it "),
        (["fuzz", "mp", "--strategy", "nope"], "unknown strategy 'nope'; expected "),
        (["fuzz", "mp", "--engine", "nope"], "invalid value for '--engine': 'nope' "),
        (["fuzz", "mp", "--driver", "nope"], "invalid value for '--driver': 'nope' "),
        (["fuzz", "mp", "--corpus", "nope"], "invalid value for '--corpus': "),
        (["fuzz", "mp", "--runs"], "option '--runs' requires an argument"),
        (["replay"], "missing argument 'SIG|FILE'"),
        (["replay", "00000000"], "no crash '00000000' in '.forkfuzz'"),
        (["replay", "a", "b"], "got unexpected extra argument"),
        (["show", "00000000", "--as", "nope"], "invalid value for '--as': 'nope' "),
        (["show", "no/such/file"], "cannot read 'no/such/file': "),
        (["bench", "drivers", "nope"], "no scenario 'nope'"),
        (
            ["bench", "drivers", "--pairs", "0"],
            "invalid value for '--pairs': '0', expected ",
        ),
        (["litmus"], "missing argument 'FILE...'"),
        (["litmus", "no.litmus"], "no.litmus:1:1: expected a readable file, found no "),
        (["litmus", "."], "no .litmus file in '.'"),
        (["check"], "missing argument 'SCENARIO|FILE...'"),
        (["check", "nope"], "no scenario 'nope'; there are mp, "),
        (["check", "mp:nope=1"], "mp has no parameter 'nope'; it has pages, "),
        (["check", "mp", "no.litmus"], "no.litmus:1:1: expected a readable file, "),
        (["check", "mp", "--rules", "nope"], "no preset 'nope'; there are seed, "),
        (["check", "--matrix", "mp"], "mp:1:1: expected a readable file, found no "),
        (["bisect"], "missing argument 'SIG|FILE'"),
        (["bisect", "00000000"], "no crash '00000000' in '.forkfuzz'"),
        (["bisect", "no.litmus"], "no.litmus:1:1: expected a readable file, found no "),
        (["scenarios", "nope"], "got unexpected extra argument (nope)"),
        (["rules", "--rules", "seed"], "no such option"),
        (["demo", "nope"], "got unexpected extra argument (nope)"),
    ],
)
def test_2_for_usage(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says what is wrong and what was expected; nothing is left behind."""
    monkeypatch.chdir(tmp_path)
    outcome = call(*arguments)
    assert_one_line(outcome, 2)
    assert outcome.err.startswith(f"forkfuzz: {says}")
    assert contents(tmp_path) == {}


def test_a_parameter_that_is_for_searches_is_not_offered() -> None:
    """It is neither listed nor needed by whoever names a scenario."""
    outcome = call("fuzz", "mp:nope=1")
    assert outcome.err.endswith("; it has pages, words, threads, rounds, pinned\n")


@pytest.mark.parametrize(
    "verb", ["fuzz", "replay", "check", "litmus", "bisect", "bench"]
)
def test_2_with_json_leaves_stdout_empty(verb: str) -> None:
    """A program that reads stdout must not find half a document there."""
    assert_one_line(call(verb, "--json", "--nope"), 2)


def test_2_without_a_verb_shows_the_help() -> None:
    """On stderr, because it was not asked for."""
    outcome = call()
    assert outcome.code == 2
    assert outcome.out == ""
    assert all(verb in outcome.err for verb in VERBS)


def test_3_when_a_run_does_not_repeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model whose second execution differs cannot be trusted with findings."""
    execute = ScenarioTarget.run

    def fickle(
        self: ScenarioTarget, strategy: Strategy, feedback: Feedback | None
    ) -> RunResult:
        if feedback is None and isinstance(strategy, Bytes):
            strategy = Bytes(b"\xff" * 40)
        return execute(self, strategy, feedback)

    monkeypatch.setattr(ScenarioTarget, "run", fickle)
    outcome = call("fuzz", "mp", *QUICK, "--dir", tmp_path)
    assert_one_line(outcome, 3)
    assert "the same input gave two different runs" in outcome.err


def fail_with(error: BaseException) -> Any:
    """Return a function that raises *error*, whatever it is given."""

    def fail(*_args: object, **_options: object) -> None:
        raise error

    return fail


def test_3_when_something_unexpected_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line without control characters, and the way to see more."""
    error = ZeroDivisionError("over\nnothing\x1b[31m\u202e")
    monkeypatch.setattr("forkfuzz.cli.stored.open_stored", fail_with(error))
    outcome = call("replay", "00000000")
    assert_one_line(outcome, 3)
    assert outcome.err == (
        "forkfuzz: forkfuzz bug: ZeroDivisionError: over nothing [31m; "
        "FORKFUZZ_TRACEBACK=1 shows where\n"
    )


def test_3_shows_the_traceback_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """FORKFUZZ_TRACEBACK=1 puts it above the line."""
    error = ZeroDivisionError("nothing")
    monkeypatch.setattr("forkfuzz.cli.stored.open_stored", fail_with(error))
    monkeypatch.setenv("FORKFUZZ_TRACEBACK", "1")
    outcome = call("replay", "00000000")
    assert outcome.code == 3
    assert outcome.err.startswith("Traceback (most recent call last):\n")
    assert "in fail\n" in outcome.err


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"forkfuzz schedule 1\n" + b"#" * 1_000_000, "larger than 1000000 bytes"),
        (b"forkfuzz schedule 1\n" + b"F a 1\n" * 100_001, "more than 100000 decisions"),
        (b" " * 2_000_000, "has 2000000 bytes, expected at most 1048576"),
    ],
    ids=["long", "many-decisions", "2-megabytes"],
)
@pytest.mark.parametrize("verb", ["replay", "show"])
def test_4_for_a_schedule_over_the_limits(
    verb: str, data: bytes, says: str, tmp_path: Path
) -> None:
    """It is refused before any work is done on it."""
    path = tmp_path / "big.schedule"
    path.write_bytes(data)
    outcome = call(verb, path)
    assert_one_line(outcome, 4)
    assert outcome.err.startswith("forkfuzz: refused: ")
    assert says in outcome.err


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_130_or_143_after_a_signal_with_everything_saved(
    number: int, code: int, engine: str, tmp_path: Path
) -> None:
    """Each violation told is on disk, whole; the last line of stdout is the end.

    The signal goes to all processes, as a terminal and ``timeout`` send it.
    """
    arguments = ["--rules", "v5.8", "--keep-going", "--time", "60", "--json"]
    process = start(
        *("fuzz", "ro-pin", *arguments, "--engine", engine, "--dir", "c"),
        cwd=tmp_path,
    )
    assert process.stdout is not None
    told: list[str] = []
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "violation":
            told.append(event["record"]["signature"])
        elif told:
            break
    for pid in (*children(process.pid), process.pid):
        os.kill(pid, number)
    outcome = end(process, seconds=20)
    told += [event["record"]["signature"] for event in outcome.of("violation")]
    assert outcome.code == code
    assert outcome.lines()[-1]["reason"] == "interrupted"
    assert outcome.err == "fuzz: interrupted; everything found is saved\n"
    campaign = Campaign(tmp_path / "c")
    assert sorted(told) == campaign.signatures()
    assert all(campaign.record(signature).decisions for signature in told)


def test_143_wherever_a_signal_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command ends on SIGTERM as it does on Ctrl-C; afterwards all is as before."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(
        "forkfuzz.cli.stored.open_stored",
        lambda *_args, **_options: signal.raise_signal(signal.SIGTERM),
    )
    outcome = call("replay", "00000000")
    assert outcome.code == 143
    assert outcome.err == "\nforkfuzz: interrupted\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_143_although_the_signal_comes_twice() -> None:
    """As from ``timeout``; only Ctrl-C is in a hurry the second time."""
    with terminable() as noted, Interrupts() as interrupts:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert interrupts.requested
    assert noted == [signal.SIGTERM, signal.SIGTERM]


def test_143_also_where_ctrl_c_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a shell does for what it starts in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    monkeypatch.setattr(
        "forkfuzz.cli.stored.open_stored",
        lambda *_args, **_options: signal.raise_signal(signal.SIGTERM),
    )
    try:
        assert call("replay", "00000000").code == 143
    finally:
        signal.signal(signal.SIGINT, before)


def test_130_when_a_replay_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a traceback."""
    monkeypatch.setattr(
        "forkfuzz.cli.stored.open_stored", fail_with(KeyboardInterrupt())
    )
    outcome = call("replay", "00000000")
    assert outcome.code == 130
    assert outcome.err == "\nforkfuzz: interrupted\n"


@pytest.mark.parametrize(
    "verb", ["demo", "fuzz", "replay", "show", "check", "litmus", "bisect", "bench"]
)
def test_the_help_of_a_verb_lists_the_exit_codes(verb: str) -> None:
    """One line each, in a terminal of 80 columns."""
    outcome = call(verb, "--help")
    lines = [line.strip() for line in outcome.out.splitlines()]
    assert outcome.code == 0
    for code in ("0", "1", "2", "3", "4", "130", "141", "143"):
        assert any(line.startswith(f"{code:4} ") for line in lines), code
    assert max(map(len, outcome.out.splitlines())) <= 80
