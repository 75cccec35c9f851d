"""How fast: throughput of the drivers, and what feedback costs."""

from .throughput import (
    Comparison,
    compare_drivers,
    compare_feedback,
    compare_switching,
)

__all__ = ["Comparison", "compare_drivers", "compare_feedback", "compare_switching"]
