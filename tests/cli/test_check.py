"""Programs decided from the command line, and the matrix of guards."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from forkfuzz.exhaustive import INTERRUPTED, Decided
from forkfuzz.exhaustive.matrix import Done, Job, do
from forkfuzz.search import Progress

from .programs import CLEAN, EXEMPT, LONG, SHIPPED, TORN, interrupted
from .running import Outcome, assert_one_line, call, launch

MP = "mp:pages=1"
"""A scenario with few states."""


def test_1_when_a_scenario_can_break_a_property() -> None:
    """Each property with its message and the plainest run; then how sure it is."""
    outcome = call("check", MP, "--rules", "mainline")
    assert outcome.code == 1
    lines = outcome.out.splitlines()
    assert lines[0] == "VIOLATION snapshot.stale  mp:pages=1  rules mainline"
    assert lines[1].startswith("  child lacks A[0] = 1 by T1, ")
    assert "mmap_write_unlock(oldmm)" in outcome.out
    assert re.search(r"^  plainest: [0-9]+ steps, 0 preemptions$", outcome.out, re.M)
    assert re.search(
        r"^  1 property broken, all [0-9]+ states looked at$", outcome.out, re.M
    )
    assert outcome.out.isascii()
    assert max(map(len, lines)) <= 79


def test_0_when_it_cannot() -> None:
    """In all states of this program, under these assumptions; nothing more."""
    outcome = call("check", MP)
    assert outcome.code == 0
    name, verdict, figures, *assumes = outcome.out.splitlines()
    assert name == "mp:pages=1  rules seed"
    assert re.fullmatch(r"  no violation in all [1-9][0-9]* states", verdict)
    assert re.fullmatch(
        r"  [0-9]+ runs, [0-9]+ transitions, depth [0-9]+, [0-9.]+ s", figures
    )
    said = " ".join(" ".join(assumes).split())
    assert said.startswith("assumes: sequentially consistent memory, ")
    assert "TLB fill and evict at any step" in said
    assert "safe" not in outcome.out


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a test under an odd name; not to change."""
    folder = tmp_path_factory.mktemp("check")
    (folder / "an odd n\u00e4me.litmus").write_text(TORN)
    return folder


@pytest.fixture(scope="module", name="checked")
def _checked(folder: Path) -> Outcome:
    """Return how it was checked, with witnesses, in a process of its own."""
    return launch("check", "an odd n\u00e4me.litmus", "--witness", "w", cwd=folder)


def test_a_file_is_run_under_the_rules_that_it_names(checked: Outcome) -> None:
    """Its assertions are not asked; each property comes with its certificate."""
    assert checked.code == 1
    assert checked.out.startswith(
        "VIOLATION snapshot.stale  an odd n\\xe4me.litmus  rules mainline\n"
    )
    assert "  2 properties broken, all " in checked.out
    assert re.search(r"1 preemption, none with fewer \([0-9]+ states\)", checked.out)
    assert checked.out.isascii()
    assert max(map(len, checked.out.splitlines())) <= 79


@pytest.mark.usefixtures("checked")
def test_witnesses_of_a_file_replay_beside_a_copy_of_it(folder: Path) -> None:
    """Under the name that the test gives itself, whatever the file was called."""
    assert sorted(path.name for path in (folder / "w").iterdir()) == [
        "torn-snapshot-stale.schedule",
        "torn-snapshot-torn.schedule",
        "torn.litmus",
    ]
    for path in (folder / "w").glob("*.schedule"):
        assert call("replay", path).code == 1
    assert sorted(path.name for path in folder.iterdir()) == [
        "an odd n\u00e4me.litmus",
        "w",
    ]


def test_the_rules_of_the_command_line_win(torn: Path) -> None:
    """Over those that the file names."""
    outcome = call("check", torn, "--rules", "seed")
    assert outcome.code == 0
    assert "rules seed\n" in outcome.out


def test_several_targets_end_with_the_worst_code(tmp_path: Path) -> None:
    """All of them are decided."""
    clean = tmp_path / "clean.litmus"
    clean.write_text(CLEAN)
    outcome = call("check", MP, clean, "--rules", "mainline")
    assert outcome.code == 1
    assert outcome.out.index("VIOLATION") < outcome.out.index("no violation in all ")


@pytest.mark.parametrize(
    ("options", "bound"),
    [
        (["--max-states", "5"], "5 states"),
        (["--preemptions", "0"], "0 preemptions"),
        (["--delays", "1"], "1 delay"),
    ],
)
def test_a_bound_is_told(options: list[str], bound: str) -> None:
    """What was looked at is not called all; nothing found is exit 0."""
    outcome = call("check", SHIPPED / "pinned-mp-seed.litmus", *options)
    assert outcome.code == 0
    assert " all " not in outcome.out
    assert re.search(
        rf"  no violation in [0-9]+ states: not exhaustive, stopped at {bound}\n",
        outcome.out,
    )


def test_a_bound_on_memory_is_told(torn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In MiB, by an estimate."""
    monkeypatch.setattr("forkfuzz.search.explore.BYTES_PER_STATE", 1 << 20)
    outcome = call("check", torn, "--rules", "seed", "--max-memory", 20)
    assert "not exhaustive, stopped at 20 MiB\n" in outcome.out


def test_what_needs_a_preemption_is_not_seen_without(torn: Path) -> None:
    """The bound is on what the search may do, and the certificate agrees with it."""
    properties = {
        bound: {
            violation["property"]
            for violation in call(
                "check", torn, "--preemptions", bound, "--json"
            ).lines()[0]["violations"]
        }
        for bound in (0, 1)
    }
    assert properties == {0: {"snapshot.stale"}, 1: {"snapshot.stale", "snapshot.torn"}}


def test_json_is_one_document_a_target(tmp_path: Path) -> None:
    """With what was broken, how plainly, and how much was looked at."""
    clean = tmp_path / "clean.litmus"
    clean.write_text(CLEAN)
    outcome = call("check", MP, clean, "--rules", "mainline", "--json")
    assert (outcome.code, outcome.err) == (1, "")
    first, second = outcome.lines()
    assert (
        set(first)
        == set(second)
        == {
            *(
                "what",
                "rules",
                "exhaustive",
                "stopped",
                "states",
                "runs",
                "transitions",
            ),
            *("depth", "seconds", "violations"),
        }
    )
    assert (first["what"], first["rules"]) == (MP, "mainline")
    assert first["exhaustive"] is second["exhaustive"] is True
    (violation,) = first["violations"]
    assert violation["property"] == "snapshot.stale"
    assert violation["preemptions"] == 0
    assert violation["steps"] > 10
    assert second["violations"] == []


def test_witnesses_of_a_scenario_replay(tmp_path: Path) -> None:
    """The file says which program it is for, with the parameters."""
    call("check", MP, "--rules", "mainline", "--witness", tmp_path / "w")
    (path,) = (tmp_path / "w").iterdir()
    assert path.name == "mp-pages1-lazy_tlb1-snapshot-stale.schedule"
    outcome = call("replay", path)
    assert outcome.code == 1
    assert f"{path}: snapshot.stale reproduces" in outcome.out


@pytest.mark.slow
def test_130_after_an_interrupt_with_what_is_known(tmp_path: Path) -> None:
    """The program under way as far as it is; those after it are left out."""
    (tmp_path / "long.litmus").write_text(LONG)
    outcome = interrupted("check", "long.litmus", MP, cwd=tmp_path)
    assert outcome.code == 130
    assert "not exhaustive, interrupted\n" in outcome.out
    assert MP not in outcome.out
    assert outcome.err.endswith("check: interrupted; what is known is above\n")


@pytest.fixture(name="few_guards")
def _few_guards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the matrix have few rows."""
    monkeypatch.setattr(
        "forkfuzz.exhaustive.matrix.other_values",
        lambda: [("pinned_copy", "copy_only"), ("reuse", "mapcount")],
    )


@pytest.mark.usefixtures("few_guards")
def test_the_matrix_says_what_each_value_breaks(torn: Path) -> None:
    """A table in Markdown, the documented protocol first."""
    (torn.parent / "exempt.litmus").write_text(EXEMPT)
    outcome = call("check", "--matrix", torn.parent)
    assert (outcome.code, outcome.err) == (0, "")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in outcome.out.splitlines()
    ]
    assert rows[0][:4] == ["guard", "value", "breaks", "shown by"]
    assert set(rows[1]) == {"---"}
    assert rows[2][:3] == ["none", "`seed`", "nothing, in 2 tests"]
    assert rows[3][:6] == [
        *("`pinned_copy`", "`copy_only`", "`snapshot.stale`", "torn"),
        *(rows[3][4], "0"),
    ]
    assert rows[4][:6] == ["", "", "`snapshot.torn`", "torn", rows[4][4], "1"]
    assert rows[-1][:3] == ["`reuse`", "`mapcount`", "nothing, in 1 test"]
    assert {len(row) for row in rows} == {8}


def test_the_matrix_as_a_document_is_the_same_with_more_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each row with what the table has."""
    (tmp_path / "exempt.litmus").write_text(EXEMPT)
    monkeypatch.setattr(
        "forkfuzz.exhaustive.matrix.other_values",
        lambda: [("pinned_keeps_exclusive", "off")],
    )
    one, two = (
        call("check", "--matrix", tmp_path, "--json", "--jobs", jobs) for jobs in (1, 2)
    )
    assert one.code == two.code == 0
    assert one.out == two.out
    ((seed, row),) = one.lines()
    assert (seed["field"], seed["value"], seed["breaks"]) == ("", "", [])
    assert (row["field"], row["value"]) == ("pinned_keeps_exclusive", "off")
    assert (row["programs"], row["unsure"]) == (1, [])
    (cell,) = row["breaks"]
    assert (cell["property"], cell["program"]) == ("pin.not-exclusive", "exempt")
    assert (cell["preemptions"], cell["also"]) == (0, 0)


@pytest.mark.usefixtures("few_guards")
def test_the_matrix_names_what_it_did_not_finish(tmp_path: Path) -> None:
    """Nothing broken within a bound is not nothing broken."""
    (tmp_path / "exempt.litmus").write_text(EXEMPT)
    outcome = call("check", "--matrix", tmp_path, "--max-states", 2)
    first = outcome.out.splitlines()[2]
    assert "nothing, in 1 test, of which not in full: exempt" in first


@pytest.mark.usefixtures("few_guards")
@pytest.mark.parametrize("as_json", [[], ["--json"]], ids=["table", "json"])
def test_130_leaves_the_rows_of_the_matrix_that_are_known(
    as_json: list[str], torn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are printed as they become known."""

    def until_the_third(job: Job) -> Done:
        if job.rules.reuse == "mapcount":
            raise KeyboardInterrupt
        return do(job)

    monkeypatch.setattr("forkfuzz.exhaustive.matrix.do", until_the_third)
    outcome = call("check", "--matrix", torn, *as_json)
    assert outcome.code == 130
    assert outcome.err == "check: interrupted; the table is not whole\n"
    if as_json:
        assert [row["field"] for row in outcome.lines()[0]] == ["", "pinned_copy"]
    else:
        assert "`pinned_copy`" in outcome.out.splitlines()[3]


def test_130_when_a_program_of_the_matrix_is_interrupted(
    torn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that was not finished gives no row."""

    def interrupt(*_args: object, **_options: object) -> Decided[None]:
        return Decided(Progress(stopped=INTERRUPTED), [], [], [])

    monkeypatch.setattr("forkfuzz.exhaustive.matrix.decide", interrupt)
    outcome = call("check", "--matrix", torn)
    assert (outcome.code, outcome.out) == (130, "")


def test_2_for_options_that_only_the_matrix_has_use_for(torn: Path) -> None:
    """Even if they ask for what is done anyway."""
    for jobs in (1, 2):
        outcome = call("check", torn, "--jobs", jobs)
        assert_one_line(outcome, 2)
        assert "--matrix" in outcome.err


def test_2_for_options_that_the_matrix_has_no_use_for(torn: Path) -> None:
    """Silently leaving them out would be an answer to another question."""
    for options in (["--rules", "seed"], ["--witness", torn.parent / "w"]):
        assert_one_line(call("check", "--matrix", torn, *options), 2)
