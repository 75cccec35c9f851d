"""Every point of the model is reached by some scenario that ships."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import forkfuzz
from forkfuzz.harness.points import all_points, left_out
from forkfuzz.scenarios import SCENARIOS
from quality.searching import walk

SOURCE = Path(forkfuzz.__file__).parent
LABELLERS = {"point", "Stop"}
RULES = (
    "seed",
    "mainline",
    "patch1-posted",
    "v6.4.0",
    "seed,pinned_keeps_exclusive=off",
)
UNREACHED = {
    "ptep_set_access_flags:set_pte": "no scenario has a write fault find W without D",
    "vma_mark_detached:wait_for_readers": "needs a reader between two steps of munmap",
    "madvise_guard_install:anon_vma_prepare": "takes mmap_lock, so nothing can race",
    "set_pte_raw:set_pte": "for litmus tests of hardware",
    "xchg_pte_raw:xchg": "for litmus tests of hardware",
    "invlpg:drop": "for litmus tests of hardware",
}


def model_strings() -> Iterator[tuple[str, bool]]:
    """Yield every string in the model, and whether it is the label of a point."""
    for package in ("kernel", "locking", "harness"):
        for path in (SOURCE / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    labels = node.func.id in LABELLERS
                    for argument in node.args:
                        if isinstance(argument, ast.Constant):
                            yield str(argument.value), labels
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value, False


def is_label(text: str) -> bool:
    """Return whether a string has the form function:what-comes-next."""
    head, colon, tail = text.partition(":")
    return bool(colon) and head.isidentifier() and tail.isidentifier()


def test_labels_have_one_form() -> None:
    """What a point is called with is function:what-comes-next, and there are many."""
    given = {
        text for text, labels in model_strings() if labels and not text.isdecimal()
    }
    assert {text for text in given if not is_label(text)} == set()
    assert {text for text in given if is_label(text)} <= all_points()
    assert len(all_points()) > 90


def test_an_outcome_that_hardware_picks_is_no_point() -> None:
    """No task can stop there, so no campaign can miss it."""
    labels = {label for label in all_points() if label.startswith("mmu:")}
    assert labels == {"mmu:fill_or_evict"}


@pytest.mark.slow
def test_every_point_is_reached() -> None:
    """No label of the model is dead, except those that say why."""
    missing = set(all_points()) - set(UNREACHED)
    variants = ["fork-fails site=0", "fork-fails site=2", "mp pages=6 pinned=0"]
    for scenario in [*SCENARIOS, *variants]:
        for rules in RULES:
            for result in walk(scenario, rules, seed=1, runs=60):
                missing -= {label for _, label, _, _ in result.decisions}
    assert missing == set()


def test_points_left_out_are_those_of_functions_entered() -> None:
    """A function that no run came to says nothing about the runs."""
    entered = {"dup_mmap:mmap_write_lock_killable", "copy_present_page:set_pte_at"}
    never = left_out(frozenset(entered))
    assert never
    assert {label.partition(":")[0] for label in never} <= {
        "dup_mmap",
        "copy_present_page",
    }
    assert not entered & set(never)
    assert left_out(frozenset()) == []
