"""Make counterexamples plainer."""

from .guide import Guide, Turn, turns_of, turns_of_decisions
from .schedule import Shrunk, shrink_schedule

__all__ = [
    "Guide",
    "Shrunk",
    "Turn",
    "shrink_schedule",
    "turns_of",
    "turns_of_decisions",
]
