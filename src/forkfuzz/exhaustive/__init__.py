"""Deciding programs: every interleaving looked at, and the plainest one that shows it."""

from .decide import INTERRUPTED, Decided, decide
from .minimal import certify
from .sample import sample
from .witness import Plainest, plainest_end, plainest_violation

__all__ = [
    "INTERRUPTED",
    "Decided",
    "Plainest",
    "certify",
    "decide",
    "plainest_end",
    "plainest_violation",
    "sample",
]
