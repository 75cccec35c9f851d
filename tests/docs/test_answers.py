"""Litmus tests in the documentation are answered as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from forkfuzz.cli import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "docs/how-to/decide-with-a-litmus-test.md"]


def blocks(page: Path) -> list[str]:
    """Return the blocks of text in a page."""
    return re.findall(r"```text\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def lasting(text: str) -> str:
    """Return *text* without what may change: how long it took, and how much it was."""
    return re.sub(r"[0-9]+ states(, [0-9.]+ s)?", "N states", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_test_in_a_page_has_the_answer_that_follows(
    page: Path, tmp_path: Path
) -> None:
    """As do the questions to bisect that the page asks about it."""
    (test,) = [text for text in blocks(page) if text.startswith("litmus ")]
    path = tmp_path / "t.litmus"
    path.write_text(test, encoding="utf-8")
    asked = 0
    for text in blocks(page):
        verb = {"Test": "litmus", "exists": "bisect"}.get(text.split()[0])
        if verb is not None:
            said = CliRunner().invoke(cli, [verb, str(path)], standalone_mode=False)
            assert lasting(said.stdout) == lasting(text)
            asked += 1
    assert asked


def test_the_test_in_the_readme_is_the_one_that_it_names() -> None:
    """It can be run from a clone."""
    (test,) = [text for text in blocks(PAGES[0]) if text.startswith("litmus ")]
    name = test.split()[1]
    shipped = ROOT / "tests" / "litmus" / f"{name}.litmus"
    assert shipped.read_text(encoding="utf-8") == test
