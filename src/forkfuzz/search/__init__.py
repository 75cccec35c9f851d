"""Which interleavings are there, and what comes of them: all of them, not a sample.

The package knows nothing of memory: what it searches is a `System`.
"""

from .bounds import Limits
from .coroutine import CoroutineStates, Names
from .explore import Progress, Search
from .fingerprint import Fingerprint
from .futures import Accesses, Locks, Touch
from .parked import ParkedRun
from .shortest import ShortestSearch, Witness
from .system import System, Trial

__all__ = [
    "Accesses",
    "CoroutineStates",
    "Fingerprint",
    "Limits",
    "Locks",
    "Names",
    "ParkedRun",
    "Progress",
    "Search",
    "ShortestSearch",
    "System",
    "Touch",
    "Trial",
    "Witness",
]
