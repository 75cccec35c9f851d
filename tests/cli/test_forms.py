"""Runs in forms that other programs read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from forkfuzz.bench.exhibits import EXHIBITS, Exhibit
from forkfuzz.cli.forms import render
from forkfuzz.cli.show import FORMS
from forkfuzz.cli.stored import Stored, open_stored
from forkfuzz.engine import Schedule, dumps
from forkfuzz.errors import UsageError
from forkfuzz.harness import Run
from forkfuzz.litmus.replaying import replay
from forkfuzz.rules import format_rules, parse_rules
from forkfuzz.scenarios import open_program
from forkfuzz.strategies import Races, make
from shown import NAMES, exhibit_run
from wellformed import assert_well_formed

from .running import assert_one_line, call, visible_signature

SHIPPED = sorted((Path(__file__).parents[2] / "corpus" / "regressions").iterdir())


def smaller(path: Path, folder: Path) -> Path:
    """Shrink a shipped schedule; return where the result is."""
    assert call("shrink", path, "--to", folder).code == 1
    return folder / "minimal.schedule"


def pytest_in(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    """Run a test file as its owner would."""
    (folder / "pytest.ini").write_text("[pytest]\ntrio_mode = true\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", name],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.mark.slow
def test_a_unit_test_fails_while_the_bug_is_there(tmp_path: Path) -> None:
    """Of every exhibit; and passes under the rules of a kernel without it."""
    for number, path in enumerate(SHIPPED):
        folder = tmp_path / path.stem
        folder.mkdir()
        outcome = call("show", smaller(path, folder), "--as", "pytest")
        assert outcome.code == 0
        name = r"^async def test_[a-z_]+_[0-9a-f]{8}\(\):$"
        assert re.search(name, outcome.out, re.MULTILINE)
        fixed = re.sub(r'^RULES = ".*"$', 'RULES = "seed"', outcome.out, flags=re.M)
        (tmp_path / f"test_bug_{number}.py").write_text(outcome.out)
        (tmp_path / f"test_fixed_{number}.py").write_text(fixed)
    done = pytest_in(tmp_path, "-rA")  # one process: starting pytest takes longest
    told = re.findall(r"^(PASSED|FAILED) test_(bug|fixed)_", done.stdout, re.MULTILINE)
    expected = [("PASSED", "fixed"), ("FAILED", "bug")]
    assert Counter(told) == Counter(expected * len(SHIPPED)), done.stdout + done.stderr


async def outcome_of(test: str, rules: str = "") -> bool:
    """Run the only test of a file; return whether it passes."""
    names: dict[str, Any] = {}
    exec(compile(test, "test_bug.py", "exec"), names)
    names["RULES"] = rules or names["RULES"]
    (run,) = (value for name, value in names.items() if name.startswith("test_"))
    try:
        await run()
    except AssertionError:
        return False
    return True


def as_found(name: str) -> Stored:
    """Return a run that nobody has shrunk: one that ships, or one of an exhibit."""
    if name in NAMES:
        return exhibit_run(name).stored
    (path,) = (path for path in SHIPPED if path.stem == name)
    return open_stored(str(path), Path())


@pytest.mark.parametrize(
    "name", [*(path.stem for path in SHIPPED), *(n for n in NAMES if n != "vmsplice")]
)
async def test_a_unit_test_of_a_run_as_found_fails_too(name: str) -> None:
    """With hardware that has tasks of its own, and passes once the bug is fixed."""
    test = render("pytest", as_found(name))
    assert isinstance(test, str)
    assert not await outcome_of(test)
    assert await outcome_of(test, "seed")


async def test_a_unit_test_knows_of_hardware_that_did_nothing() -> None:
    """Where the schedule does not say that it could have done something."""
    program, rules = open_program("mp"), parse_rules("seed,pinned_copy=copy_only")
    strategy = make("pct", 1)
    tests = []
    for _ in range(40):
        strategy.begin()
        result = Run(program, rules, strategy).execute()
        decisions = Schedule.of(result.decisions, result.task_names).decisions
        if not any(decision.task.startswith("tlb:") for decision in decisions):
            for prop in {violation.prop for violation in result.violations}:
                stored = Stored("mp", program, rules, decisions, prop, "")
                tests.append(str(render("pytest", stored)))
    assert tests
    assert not any([await outcome_of(test) for test in tests])
    guided = [test.replace(", lazy_tlb=False", "") for test in tests]
    assert any([await outcome_of(test) for test in guided])


def test_a_unit_test_reads_as_documentation(campaign: Path) -> None:
    """The message and the race table come first; it is Python in 88 columns."""
    signature = visible_signature(campaign)
    text = call("show", signature, "--as", "pytest", "--dir", campaign).out
    assert text.startswith('"""child has ')
    assert "<- the cut" in text
    compile(text, "test_bug.py", "exec")
    assert max(map(len, text.splitlines())) <= 88


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_diagram_has_the_lines_of_the_table(path: Path, tmp_path: Path) -> None:
    """One arrow for each, and no character that the language takes for its own."""
    stored = smaller(path, tmp_path)
    diagram = call("show", stored, "--as", "mermaid").out.splitlines()
    assert diagram[0] == "sequenceDiagram"
    assert sum("->>" in line for line in diagram) >= 3
    for line in diagram[1:]:
        label = line.partition(": ")[2] if "participant" not in line else ""
        assert not re.search(r"[;#<>{}\"'`&]", label), line


async def test_replaying_tells_what_broke(tmp_path: Path) -> None:
    """By property and signature, under its own rules and under others."""
    stored = smaller(SHIPPED[0], tmp_path)
    test, schedule = (tmp_path / "minimal.litmus").read_text(), stored.read_text()
    broken = await replay(test, schedule)
    signature = re.search(r"^signature: (.*)$", schedule, re.M)
    assert signature is not None
    assert signature[1] in broken.signatures
    fixed = await replay(test, schedule, rules="seed")
    assert (fixed.properties, fixed.signatures) == (frozenset(), frozenset())


@pytest.mark.parametrize("form", ["pytest", "mermaid", "svg"])
def test_without_a_violation_there_is_nothing_to_show(
    form: str, tmp_path: Path
) -> None:
    """In one line."""
    path = tmp_path / "empty.schedule"
    path.write_text("forkfuzz schedule 1\nscenario: mp\nrules: seed\n\nend 0\n")
    assert_one_line(call("show", path, "--as", form), 2)


QUICK = ("no-flush", "ro-pin", "cow-flush", "two-zaps", "vmsplice")


@pytest.mark.parametrize(
    "exhibit", [e for e in EXHIBITS if e.name in QUICK], ids=lambda e: e.name
)
def test_all_forms_of_an_exhibit_render(exhibit: Exhibit, tmp_path: Path) -> None:
    """Its schedule is written as found, shrunk, and shown in every form."""
    program, rules = open_program(exhibit.scenario), parse_rules(exhibit.rules)
    strategy = Races(1)
    while True:
        strategy.begin()
        result = Run(program, rules, strategy).execute()
        if any(v.prop == exhibit.prop for v in result.violations):
            break
    header = {
        "scenario": exhibit.scenario,
        "rules": format_rules(rules),
        "violates": exhibit.prop,
    }
    path = tmp_path / "found.schedule"
    path.write_text(dumps(Schedule.of(result.decisions, result.task_names, header)))
    stored = smaller(path, tmp_path)
    for form in FORMS:
        path = tmp_path / form
        assert call("show", stored, "--as", form, "-o", path).code == 0, form
        assert path.stat().st_size


@pytest.mark.parametrize("name", ["no-flush", "gup-fast"])
@pytest.mark.parametrize(
    "form", ["race", "steps", "pytest", "litmus", "mermaid", "schedule"]
)
def test_a_form_is_as_it_was_looked_at(
    form: str, name: str, snapshot: SnapshotAssertion
) -> None:
    """The other forms have their own tests."""
    assert render(form, exhibit_run(name).stored) == snapshot


@pytest.mark.parametrize("name", ["no-flush", "gup-fast"])
def test_records_are_as_they_were_looked_at(
    name: str, snapshot: SnapshotAssertion
) -> None:
    """The first of each event."""
    text = render("json", exhibit_run(name).stored)
    assert isinstance(text, str)
    first: dict[str, object] = {}
    for record in map(json.loads, text.split("\n")):
        first.setdefault(record["event"], record)
    assert first == snapshot


@pytest.mark.parametrize("name", NAMES)
def test_every_form_of_every_exhibit_is_well_formed(name: str) -> None:
    """As whatever reads it would see it."""
    run = exhibit_run(name)
    for form in FORMS:
        if name == "vmsplice" and form in {"litmus", "pytest"}:
            with pytest.raises(UsageError, match="no litmus test can say"):
                render(form, run.stored)
            continue
        assert_well_formed(form, render(form, run.stored), len(run.recording.steps))
