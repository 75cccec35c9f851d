"""Who decides which task steps next. A strategy knows nothing of memory.

To add one: a file, a line in the table below, an entry in the contract test.
"""

from __future__ import annotations

from collections.abc import Callable

from forkfuzz.engine import Strategy
from forkfuzz.errors import UsageError

from .bounded import DelayBounded, PreemptionBounded
from .forced import ForcedPairs
from .pct import Pct
from .pos import Pos
from .races import Races
from .random_walk import RandomWalk
from .replay import Replay
from .round_robin import RoundRobin
from .stay import Stay
from .stored_bytes import Bytes, Encoder
from .uniform import Surw, Urw

__all__ = [
    "NAMES",
    "Bytes",
    "DelayBounded",
    "Encoder",
    "ForcedPairs",
    "Pct",
    "Pos",
    "PreemptionBounded",
    "Races",
    "RandomWalk",
    "Replay",
    "RoundRobin",
    "Stay",
    "Surw",
    "Urw",
    "make",
]

_MAKERS: dict[str, Callable[[int], Strategy]] = {
    "round-robin": lambda _seed: RoundRobin(),
    "stay": lambda _seed: Stay(),
    "random": RandomWalk,
    "pct": Pct,
    "pos": Pos,
    "urw": Urw,
    "surw": Surw,
    "preemptions": PreemptionBounded,
    "delays": DelayBounded,
    "pairs": ForcedPairs,
    "races": Races,
}

NAMES = tuple(_MAKERS)
"""The strategies that `make` knows; bytes and replay need more than a seed."""


def make(name: str, seed: int) -> Strategy:
    """Return the strategy called *name*.

    Raises:
        UsageError: There is none of that name.
    """
    maker = _MAKERS.get(name)
    if maker is None:
        msg = f"unknown strategy {name!r}; expected one of {', '.join(NAMES)}"
        raise UsageError(msg)
    return maker(seed)
