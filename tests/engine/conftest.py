"""What the tests of the engine share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from forkfuzz.engine import Machine, run_inline
from forkfuzz.engine.trio_driver import TrioHost


@pytest.fixture(name="drive", params=["inline", "trio"])
def _drive(request: pytest.FixtureRequest) -> Iterator[Callable[[Machine], None]]:
    if request.param == "inline":
        yield run_inline
    else:
        with TrioHost() as host:
            yield host.run
