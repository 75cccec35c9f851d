"""Every point of the model is reached by some scenario that ships."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import forkfuzz
from forkfuzz.scenarios import SCENARIOS
from quality.searching import walk

SOURCE = Path(forkfuzz.__file__).parent
RULES = (
    "seed",
    "mainline",
    "patch1-posted",
    "v6.4.0",
    "seed,pinned_keeps_exclusive=off",
)
UNREACHED = {
    "downgrade_write:release": "munmap, which downgrades, is not modelled",
    "ptep_set_access_flags:set_pte": "no entry of the model has W without D and A",
}


def labels_in_source() -> set[str]:
    """Return every label that is written down in the model."""
    labels = set()
    for package in ("kernel", "locking", "harness"):
        for path in (SOURCE / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    text = node.value
                    head, colon, tail = text.partition(":")
                    if colon and head.isidentifier() and tail.isidentifier():
                        labels.add(text)
    return labels


def test_labels_have_one_form() -> None:
    """A label is function:what-comes-next, and there are many of them."""
    assert len(labels_in_source()) > 90


@pytest.mark.slow
def test_every_point_is_reached() -> None:
    """No label of the model is dead, except those that say why."""
    missing = labels_in_source() - set(UNREACHED)
    variants = ["fork-fails site=0", "fork-fails site=2", "mp pages=6 pinned=0"]
    for scenario in [*SCENARIOS, *variants]:
        for rules in RULES:
            for result in walk(scenario, rules, seed=1, runs=60):
                missing -= {label for _, label, _, _ in result.decisions}
    assert missing == set()
