"""Make counterexamples plainer."""

from .schedule import Shrunk, shrink_schedule

__all__ = ["Shrunk", "shrink_schedule"]
