"""Rules: guards, presets, and their spelling."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as some

from forkfuzz.checkers import PROPERTIES
from forkfuzz.errors import UsageError
from forkfuzz.rules import FIELDS, PRESETS, Rules, format_rules, parse_rules

RULES = some.builds(
    Rules,
    **{name: some.sampled_from(f.metadata["values"]) for name, f in FIELDS.items()},
)


@given(RULES)
def test_rules_survive_being_written_and_read(rules: Rules) -> None:
    """Whatever the values."""
    assert parse_rules(format_rules(rules)) == rules


def test_seed_is_every_guard_at_its_default() -> None:
    """The documented protocol."""
    assert parse_rules("seed") == Rules()
    assert format_rules(Rules()) == "seed"


def test_what_mainline_lacks() -> None:
    """Rule 2, the order of unlocks; flags get lost; guards return too early."""
    mainline = parse_rules("mainline")
    assert mainline == Rules(
        pinned_copy="copy_only",
        child_unlock="before_flush",
        mprotect_flags="before_vma_lock",
        split_flags="before_vma_lock",
        guard_flush="off",
    )
    assert parse_rules("v7.0") == mainline


def test_before_6_17_madvise_takes_mmap_lock() -> None:
    """Which fork and mprotect exclude; 6.12 is else as mainline."""
    assert parse_rules("v6.12") == parse_rules(
        "mainline,madvise_lock=mmap,mprotect_flags=after_vma_lock,"
        "split_flags=after_vma_lock,guard_flush=on"
    )
    for preset in ("v6.4.0", "v6.3", "v5.9", "v5.8"):
        assert parse_rules(preset).madvise_lock == "mmap"


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        ("patch1-posted", {"pinned_copy": "lazy_queue"}),
        ("v6.4.0", {"vma_lock": "none", "fault_lock": "vma"}),
        ("v6.3", {"vma_lock": "none", "fault_lock": "mmap"}),
        ("v5.9", {"write_protect_seq": "off", "reuse": "refcount", "early_cow": "on"}),
        ("v5.9", {"gup_unshare": "off", "pin_test": "ignore_exclusive"}),
        ("v5.8", {"write_protect_seq": "off", "reuse": "mapcount", "early_cow": "off"}),
    ],
)
def test_old_kernels_lack_what_came_later(preset: str, changes: dict[str, str]) -> None:
    """Section 10 of the protocol."""
    rules = attrs.asdict(parse_rules(preset))
    assert {name: rules[name] for name in changes} == changes


def test_every_preset_has_a_citation_and_is_written_by_a_name() -> None:
    """The first of several equal ones."""
    for preset in PRESETS.values():
        assert preset.citation
        assert "=" not in format_rules(preset.rules)


def test_every_guard_says_where_it_lives_and_what_breaks() -> None:
    """Only properties that there are; none for a negative control."""
    for field in FIELDS.values():
        assert field.metadata["where"]
        assert field.metadata["text"]
        for prop in filter(None, field.metadata["breaks"].split(", ")):
            assert prop in PROPERTIES


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sead", r"^no preset 'sead'; there are seed, mainline, .*$"),
        ("seed,flush", r"^no rule 'flush'; expected field=value, field one of .*$"),
        ("seed,nope=1", r"^no rule 'nope=1'; expected field=value, field one of .*$"),
        ("seed,early_cow=x", r"^no value 'x' for early_cow; it takes on, off$"),
    ],
)
def test_a_misspelling_is_refused_with_what_there_is(text: str, message: str) -> None:
    """The message lists the choices."""
    with pytest.raises(UsageError, match=message):
        parse_rules(text)


def test_later_changes_win_and_blanks_are_ignored() -> None:
    """As on a command line."""
    rules = parse_rules("seed, early_cow = off, early_cow=on")
    assert rules == Rules()
