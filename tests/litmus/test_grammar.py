"""The grammar is the language: what reads its trees knows all of them, and no more."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import forkfuzz
from forkfuzz.kernel.protocol import ADVICE
from forkfuzz.litmus import grammar_text
from forkfuzz.litmus.directives import DIRECTIVES, FAIL_SITES
from forkfuzz.litmus.grammar import STARTS, keywords
from forkfuzz.litmus.parser import ASSERTIONS
from forkfuzz.litmus.statements import _SPELLING, _STATEMENTS
from forkfuzz.litmus.words import NOT_MODELLED
from litmus.texts import FILES

SOURCE = Path(forkfuzz.__file__).parent
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "litmus.md"


def rule(name: str) -> str:
    """Return the text of one rule."""
    pattern = rf"^[?!]*{name}:(.*?)(?=^\S|\Z)"
    found = re.search(pattern, grammar_text(), re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def alternatives(name: str) -> set[str]:
    """Return what a rule calls its alternatives."""
    return set(re.findall(r"-> (\w+)", rule(name)))


def words(name: str) -> set[str]:
    """Return the keywords of a rule."""
    return set(re.findall(r'"([a-z-]+)"', rule(name)))


def test_directives_and_assertions_are_those_of_the_grammar() -> None:
    """Their first words say by which rule a line is read."""
    assert alternatives("directive") == set(DIRECTIVES)
    assert alternatives("assertion") == set(ASSERTIONS)


def test_statements_are_those_of_the_grammar() -> None:
    """Each is either carried out or refused by name."""
    refused = {what.removeprefix("statement ") for what in NOT_MODELLED}
    statements = alternatives("statement")
    modelled = {s for s in statements if _SPELLING.get(s, s) not in refused}
    assert modelled == set(_STATEMENTS)


def test_advice_is_that_of_the_model() -> None:
    """All that the model takes, and what is refused by name."""
    refused = {
        what.removeprefix("madvise ")
        for what in NOT_MODELLED
        if what.startswith("madvise ")
    }
    assert words("advice") == refused | set(ADVICE)


def test_failures_are_those_of_the_model() -> None:
    """Every allocation site of the kernel model can be named."""
    sources = [path.read_text(encoding="utf-8") for path in SOURCE.glob("kernel/*.py")]
    sites = {site for text in sources for site in re.findall(r'fails\("(\w+)"', text)}
    assert set(FAIL_SITES) == sites


@pytest.mark.parametrize("start", STARTS)
def test_every_kind_of_line_has_a_rule(start: str) -> None:
    """And the comment at the top of the grammar names it."""
    assert rule(start)
    assert start in grammar_text().partition("heading:")[0]


def test_the_reference_page_has_the_grammar_and_every_keyword() -> None:
    """A user finds each word explained, not only in the grammar."""
    page = PAGE.read_text(encoding="utf-8")
    assert "src/forkfuzz/litmus/grammar.lark" in page
    missing = {word for word in keywords() if not re.search(rf"\b{word}\b", page)}
    assert missing == set()


def test_the_example_of_the_reference_page_is_a_file() -> None:
    """Word for word."""
    page = PAGE.read_text(encoding="utf-8")
    example = page.partition("```text\n")[2].partition("```")[0]
    assert example in [path.read_text(encoding="utf-8") for path in FILES]
