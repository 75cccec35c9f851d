"""The litmus library: every test has an expected answer, and the quick ones are decided.

The others are decided by the tox environment ``litmus``, which takes some minutes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from forkfuzz.exhaustive import decide
from forkfuzz.litmus import load, observables, observe
from forkfuzz.litmus.answer import answer
from forkfuzz.litmus.verdict import judge

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.litmus"))
SLOW = frozenset(
    {
        "child-collapse",
        "child-collapse-seed",
        "lost-store",
        "lost-store-fixed",
        "private-writable-only",
        "second-fork",
        "two-writers",
        "two-zaps-fixed",
    }
)
"""Over a thousand states, or several seconds."""


def test_there_is_an_answer_for_every_test_and_no_other() -> None:
    """A test without an answer, or an answer without a test, is a mistake."""
    answers = {path.stem for path in HERE.glob("*.expected")}
    assert answers == {path.stem for path in FILES}
    assert len(answers) >= 60
    assert answers >= SLOW


def test_every_broken_guard_is_told_from_the_fixed_one() -> None:
    """There are tests that expect violations, and tests that expect none."""
    tests = [load(path) for path in FILES]
    expecting = [any(a.kind == "violates" for a in test.assertions) for test in tests]
    assert 25 <= sum(expecting) <= len(tests) - 25


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.stem not in SLOW], ids=lambda path: path.stem
)
def test_answer(path: Path) -> None:
    """States and verdicts are those that were reviewed."""
    test = load(path)
    places = observables(test)
    decided = decide(test.program, test.rules, lambda run: observe(run, places))
    verdict = judge(test, test.rules, decided)
    assert decided.progress.exhaustive
    assert verdict.holds
    expected = path.with_suffix(".expected").read_text(encoding="utf-8")
    assert "\n".join([*answer(verdict), ""]) == expected
