"""One run: scenario x rules x strategy x checkers gives a result."""

from .result import RunResult
from .run import Run
from .target import Feedback, Target, TargetSpec, canonical_spec, open_target

__all__ = [
    "Feedback",
    "Run",
    "RunResult",
    "Target",
    "TargetSpec",
    "canonical_spec",
    "open_target",
]
