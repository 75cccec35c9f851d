"""Make counterexamples plainer, and find what to compare them with."""

from .axes import shrink
from .guide import Guide, Turn, turns_of, turns_of_decisions
from .passing import nearest_passing
from .schedule import Shrunk, again, shrink_schedule

__all__ = [
    "Guide",
    "Shrunk",
    "Turn",
    "again",
    "nearest_passing",
    "shrink",
    "shrink_schedule",
    "turns_of",
    "turns_of_decisions",
]
