"""Make counterexamples plainer."""

from .axes import shrink
from .guide import Guide, Turn, turns_of, turns_of_decisions
from .schedule import Shrunk, again, shrink_schedule

__all__ = [
    "Guide",
    "Shrunk",
    "Turn",
    "again",
    "shrink",
    "shrink_schedule",
    "turns_of",
    "turns_of_decisions",
]
