"""Find the interleaving that breaks fork()'s memory snapshot, and replay it.

``forkfuzz.explore``, ``forkfuzz.Sim`` and ``forkfuzz.replay`` are for tests; the command line is
``forkfuzz.cli``. Importing this package imports no part of the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forkfuzz.harness.sim import Sim
    from forkfuzz.litmus.replaying import replay
    from forkfuzz.pytest_plugin import explore

__version__ = "0.1.0"

__all__ = ["Sim", "__version__", "explore", "replay"]

_LAZY = {
    "Sim": "forkfuzz.harness.sim",
    "explore": "forkfuzz.pytest_plugin",
    "replay": "forkfuzz.litmus.replaying",
}


def __getattr__(name: str) -> object:
    """Import what is public when it is first asked for."""
    if name in _LAZY:
        import importlib

        return getattr(importlib.import_module(_LAZY[name]), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
