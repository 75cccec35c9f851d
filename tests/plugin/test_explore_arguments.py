"""What ``explore`` refuses before any test is run."""

from __future__ import annotations

import pytest

import forkfuzz
from forkfuzz.errors import UsageError


@pytest.mark.parametrize("runs", [0, -5])
def test_a_test_without_any_run_is_refused(runs: int) -> None:
    """It would pass whatever its body says."""
    with pytest.raises(UsageError, match=rf"^runs={runs}, expected at least 1$"):
        forkfuzz.explore(runs=runs)
