"""Litmus tests from the command line: the answer, and what is kept of it."""

from __future__ import annotations

import importlib
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from .programs import CLEAN, EXEMPT, LONG, SHIPPED, TORN, interrupted
from .running import assert_one_line, call, contents, launch

sample_module = importlib.import_module("forkfuzz.exhaustive.sample")

ANSWER = """\
Test torn  rules mainline
States 4
  1: child:A[0]=0; child:A[1]=0;
  2: child:A[0]=0; child:A[1]=1;  *
  3: child:A[0]=1; child:A[1]=0;
  4: child:A[0]=1; child:A[1]=1;
exists    child:A[0]=0 /\\ child:A[1]=1    Ok
violates  snapshot.torn                   Ok
Observation torn Sometimes 1 3
"""


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """Return a directory with three tests that hold, one of them further down."""
    folder = tmp_path / "tests"
    (folder / "more").mkdir(parents=True)
    (folder / "torn.litmus").write_text(TORN)
    (folder / "clean.litmus").write_text(CLEAN)
    (folder / "more" / "exempt.litmus").write_text(EXEMPT)
    (folder / "README").write_text("not a test\n")
    return folder


def no_seconds(text: str) -> str:
    """Return *text* without what the clock says."""
    return re.sub(r", [0-9]+\.[0-9] s$", "", text, flags=re.MULTILINE)


def assert_plain(text: str, width: int = 79) -> None:
    """Check that *text* is ASCII, and not too wide."""
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert max(map(len, text.splitlines())) <= width


def test_the_answer_has_the_form_of_the_language(torn: Path) -> None:
    """States, assertions, the observation; then how sure that is."""
    outcome = call("litmus", torn)
    assert outcome.code == 0
    assert outcome.err == ""
    answer, sure = outcome.out.rsplit("\n", 2)[:2]
    assert f"{answer}\n" == ANSWER
    assert re.fullmatch(
        r"Checked exhaustively: [1-9][0-9]* states, [0-9]+\.[0-9] s", sure
    )
    assert_plain(outcome.out)


def test_1_when_an_assertion_does_not_hold(torn: Path) -> None:
    """Under rules that make it impossible: those of the command line win."""
    outcome = call("litmus", torn, "--rules", "seed")
    assert outcome.code == 1
    lines = no_seconds(outcome.out).splitlines()
    assert lines[0] == "Test torn  rules seed"
    assert lines[-4].split()[-1] == lines[-3].split()[-1] == "No"
    assert lines[-2] == "Observation torn Never 0 3"


def test_what_is_not_expected_is_said(tmp_path: Path) -> None:
    """A test without 'violates' claims that nothing is broken, and learns what is."""
    path = tmp_path / "t.litmus"
    path.write_text(TORN.replace("violates  snapshot.torn\n", ""))
    outcome = call("litmus", path)
    assert outcome.code == 1
    assert re.search(r"^clean +No$", outcome.out, re.MULTILINE)
    assert "\n  but snapshot.torn: child has A[1] = 1 by T1 but not " in outcome.out


def test_a_directory_is_searched(folder: Path) -> None:
    """One line each, in the order of the paths, and a total."""
    outcome = call("litmus", folder)
    assert outcome.code == 0
    *each, total = outcome.out.splitlines()
    paths = ["clean.litmus", "more/exempt.litmus", "torn.litmus"]
    for line, path in zip(each, paths, strict=True):
        assert line.startswith(f"Ok     {folder / path}  Checked exhaustively: ")
    assert re.fullmatch(r"3 of 3 as expected, [0-9]+\.[0-9] s", total)


def test_several_files_and_what_fails_of_them(folder: Path) -> None:
    """The assertion is named; the others are told as they are."""
    files = [folder / "clean.litmus", folder / "torn.litmus"]
    outcome = call("litmus", *files, "--rules", "seed")
    lines = outcome.out.splitlines()
    assert outcome.code == 1
    assert lines[0].startswith(f"Ok     {files[0]}  ")
    assert lines[1].startswith(f"FAILS  {files[1]}  ")
    assert lines[2] == "       exists child:A[0]=0 /\\ child:A[1]=1: No"
    assert lines[3] == "       violates snapshot.torn: No"
    assert lines[4].startswith("1 of 2 as expected, ")


def test_tests_can_be_decided_side_by_side(folder: Path) -> None:
    """With the same answers, in the same order."""
    one, two = call("litmus", folder), call("litmus", folder, "--jobs", 2)
    assert two.code == 0
    assert two.err == ""
    assert no_seconds(two.out) == no_seconds(one.out)


def test_json_is_one_document(folder: Path) -> None:
    """A list with an entry for each test, with all that the answer has."""
    files = [folder / "torn.litmus", folder / "clean.litmus"]
    outcome = call("litmus", *files, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    (document,) = outcome.lines()
    torn, clean = document
    assert (
        set(torn)
        == set(clean)
        == {
            *("test", "path", "rules", "holds", "states", "assertions", "violations"),
            *("exhaustive", "stopped", "explored", "runs", "transitions", "depth"),
            *("not_judged", "seconds"),
        }
    )
    assert torn["not_judged"] == clean["not_judged"] == []
    assert (torn["test"], torn["path"]) == ("torn", str(files[0]))
    assert (torn["rules"], torn["holds"]) == ("mainline", True)
    assert (torn["exhaustive"], torn["stopped"]) == (True, "")
    assert torn["assertions"] == [
        {
            "kind": "exists",
            "text": "child:A[0]=0 /\\ child:A[1]=1",
            "line": 11,
            "result": "Ok",
        },
        {"kind": "violates", "text": "snapshot.torn", "line": 12, "result": "Ok"},
    ]
    assert [state["values"] for state in torn["states"] if state["subject"]] == [
        {"child:A[0]": 0, "child:A[1]": 1}
    ]
    assert "snapshot.torn" in torn["violations"]
    assert clean["violations"] == []


def test_an_answer_can_be_kept(torn: Path) -> None:
    """Beside the test; it says nothing about states looked at, or time."""
    kept = torn.with_suffix(".expected")
    assert call("litmus", torn, "--update").code == 0
    assert kept.read_text() == ANSWER
    outcome = call("litmus", torn)
    assert outcome.code == 0
    assert "--update" not in outcome.out


def test_1_when_the_answer_is_not_the_one_kept(folder: Path) -> None:
    """Though all assertions hold; with --update it is then the one kept."""
    torn, others = folder / "torn.litmus", folder / "clean.litmus"
    kept = folder / "torn.expected"
    kept.write_text(ANSWER.replace("States 4", "States 5"))
    outcome = call("litmus", torn)
    assert outcome.code == 1
    told = f"       not the answer in {kept}\n       --update rewrites it\n"
    assert outcome.out.endswith(told)
    both = call("litmus", torn, others)
    assert both.code == 1
    assert f"FAILS  {torn}" in both.out
    assert f"       not the answer in {kept}\n" in both.out
    assert "1 of 2 as expected" in both.out
    assert call("litmus", torn, "--update").code == 0
    assert kept.read_text() == ANSWER


def test_the_answer_kept_is_of_the_rules_of_the_test(torn: Path) -> None:
    """Under other rules, or of some runs only, there is nothing to compare it with."""
    torn.with_suffix(".expected").write_text("Test other\n")
    outcome = call("litmus", torn, "--rules", "v7.0")
    assert outcome.code == 0
    for options in (["--runs", 3], ["--max-states", 3]):
        outcome = call("litmus", torn, *options)
        assert "--update rewrites it" not in outcome.out


@pytest.mark.parametrize("options", [["--rules", "seed"], ["--runs", "5"]])
def test_2_for_keeping_something_else(options: list[str], torn: Path) -> None:
    """Neither the answer under other rules nor a sample is what a test expects."""
    assert_one_line(call("litmus", torn, "--update", *options), 2)
    assert not torn.with_suffix(".expected").exists()


def test_an_answer_in_part_is_not_kept(torn: Path) -> None:
    """Whatever was there stays."""
    kept = torn.with_suffix(".expected")
    kept.write_text(ANSWER)
    assert call("litmus", torn, "--update", "--max-states", 5).code == 1
    assert kept.read_text() == ANSWER


def test_a_limit_leaves_open_what_needs_all_runs() -> None:
    """Unknown, exit 1; it is said which limit, and that this is not exhaustive."""
    path = SHIPPED / "pinned-mp-seed.litmus"
    outcome = call("litmus", path, "--max-states", 5)
    assert outcome.code == 1
    last = outcome.out.splitlines()[-1]
    assert last.startswith("Checked up to 5 states: not exhaustive, ")
    for kind in ("forbidden", "always", "clean"):
        assert re.search(rf"^{kind}\b.* Unknown$", outcome.out, re.MULTILINE)
    assert "Observation pinned-mp-seed Unknown 0 " in outcome.out


def test_what_was_seen_within_a_limit_is_true(torn: Path) -> None:
    """A run that shows it is enough for 'exists' and 'violates'."""
    outcome = call("litmus", torn, "--preemptions", 2)
    assert outcome.code == 0
    assert "Observation torn Sometimes " in outcome.out
    assert "Checked up to 2 preemptions: not exhaustive, " in outcome.out


@pytest.mark.parametrize("strategy", ["random", "pct"])
def test_a_sample_says_that_it_is_one(strategy: str, torn: Path) -> None:
    """The same seed gives the same sample; none is exhaustive."""
    options = ["--runs", 60, "--strategy", strategy, "--seed", 3]
    first, second = (call("litmus", torn, *options) for _ in range(2))
    assert no_seconds(first.out) == no_seconds(second.out)
    last = first.out.splitlines()[-1]
    assert last.startswith("Checked up to 60 runs: not exhaustive, ")
    clean = call("litmus", torn, "--rules", "seed", *options)
    assert clean.code == 1
    assert re.search(r"^violates .* Unknown$", clean.out, re.MULTILINE)


@pytest.mark.parametrize("option", [("--strategy", "random"), ("--seed", 1)])
def test_2_for_options_that_only_samples_have_use_for(
    option: tuple[object, ...], torn: Path
) -> None:
    """Even if they ask for what is done anyway."""
    outcome = call("litmus", torn, *option)
    assert_one_line(outcome, 2)
    assert f"{option[0]} is for --runs" in outcome.err


@pytest.mark.parametrize(
    "option", ["--max-states", "--max-memory", "--preemptions", "--delays"]
)
def test_2_for_limits_of_a_search_on_a_sample(option: str, torn: Path) -> None:
    """A sample has one limit, its number of runs."""
    outcome = call("litmus", torn, "--runs", 5, option, 1)
    assert_one_line(outcome, 2)
    assert f"{option} is for looking at all runs: no --runs" in outcome.err


def test_witnesses_of_tests_of_one_name_would_be_mixed_up(folder: Path) -> None:
    """So they are refused before anything is decided."""
    shutil.copy(folder / "torn.litmus", folder / "more" / "other.litmus")
    outcome = call("litmus", folder, "--witness", folder / "w")
    assert_one_line(outcome, 2)
    assert "are both called 'torn'" in outcome.err
    assert not (folder / "w").exists()


def test_a_test_that_is_wrong_is_named_with_its_place(folder: Path) -> None:
    """File, line and column; the tests before it are not decided in vain."""
    bad = folder / "bad.litmus"
    bad.write_text(TORN.replace("| fork", "| frok"))
    for verb, files in (("litmus", [folder]), ("check", [bad]), ("bisect", [bad])):
        outcome = call(verb, *files)
        assert_one_line(outcome, 2)
        assert outcome.err.startswith(f"forkfuzz: {bad}:8:12: expected ")
        assert "found 'frok'" in outcome.err


@pytest.mark.slow
def test_130_after_an_interrupt_with_what_is_known(tmp_path: Path) -> None:
    """Tests decided by then are told, the one under way as far as it is."""
    (tmp_path / "a.litmus").write_text(CLEAN)
    (tmp_path / "b.litmus").write_text(LONG)
    (tmp_path / "c.litmus").write_text(LONG)
    outcome = interrupted("litmus", "a.litmus", "b.litmus", "c.litmus", cwd=tmp_path)
    assert outcome.code == 130
    lines = outcome.out.splitlines()
    assert lines[0].startswith("Ok     a.litmus")
    assert lines[1].startswith("FAILS  b.litmus  Interrupted after ")
    assert "not exhaustive" in lines[1]
    assert lines[-1].startswith("1 of 2 as expected")
    assert "c.litmus" not in outcome.out
    assert outcome.err.endswith("litmus: interrupted; 1 of 3 tests decided\n")


@pytest.mark.slow
def test_130_ends_tests_side_by_side_at_once(tmp_path: Path) -> None:
    """No process is left to go on, and none complains."""
    (tmp_path / "b.litmus").write_text(LONG)
    (tmp_path / "c.litmus").write_text(LONG)
    outcome = interrupted("litmus", ".", "--jobs", "2", cwd=tmp_path)
    assert outcome.code == 130
    assert outcome.err.endswith("litmus: interrupted; 0 of 2 tests decided\n")
    assert "Traceback" not in outcome.err


def test_130_leaves_what_a_sample_has_seen(
    torn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a search does."""
    add, calls = sample_module._add, []

    def until_the_fifth(*arguments: Any) -> None:
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        add(*arguments)

    monkeypatch.setattr(sample_module, "_add", until_the_fifth)
    outcome = call("litmus", torn, "--runs", 100)
    assert outcome.code == 130
    assert "Interrupted after 0 states, 4 runs: not exhaustive, " in outcome.out
    assert outcome.err == "litmus: interrupted; 0 of 1 tests decided\n"


def test_in_a_process_of_its_own(torn: Path) -> None:
    """From the folder of the test, with nothing left behind."""
    before = contents(torn.parent)
    outcome = launch("litmus", torn.name, cwd=torn.parent)
    assert outcome.code == 0
    assert outcome.out.startswith(ANSWER)
    assert "Traceback" not in outcome.err
    assert contents(torn.parent) == before
