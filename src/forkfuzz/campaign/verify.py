"""A finding is believed when a second execution is the same, step by step."""

from __future__ import annotations

from forkfuzz.errors import InternalError
from forkfuzz.harness.result import RunResult
from forkfuzz.strategies import Bytes

from .target import Target


def execute_again(target: Target, data: bytes, digest: str) -> RunResult:
    """Execute *data* once more and compare.

    Args:
        target: What to run.
        data: The input of the finding.
        digest: `RunResult.digest` of the first execution.

    Raises:
        InternalError: The two executions differ, so nothing found can be trusted.
    """
    result = target.run(Bytes(data), None)
    if result.digest() != digest:
        msg = (
            "forkfuzz bug: the same input gave two different runs, "
            f"{digest[:16]} and {result.digest()[:16]}; input {data.hex()}"
        )
        raise InternalError(msg)
    return result
