"""What the tests of campaigns share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process and its workers find the opener of the toys."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
