"""What the fuzz targets have in common: one input is one schedule.

The feedback is forkfuzz's own, registered as libFuzzer's counters; nothing is
instrumented. A violation raises, as OSS-Fuzz expects of a target.
"""

import os
import random
import sys

import atheris

from forkfuzz.campaign.atheris_worker import SharedFeedback
from forkfuzz.harness import canonical_spec, open_target
from forkfuzz.strategies import Bytes
from forkfuzz.strategies.mutator import LIBFUZZER_FLAGS, crossover, mutate

MAX_LEN = 512


class ViolationError(Exception):
    """The modelled kernel broke a property."""


def main(scenario: str) -> None:
    """Hand the process to libFuzzer."""
    rules = os.environ.get("FORKFUZZ_RULES", "seed")
    target = open_target(canonical_spec(scenario, {}, rules, "trio"))
    feedback, strategy, rng = SharedFeedback(), Bytes(), random.Random(0)
    registered = []

    def test_one_input(data: bytes) -> None:
        if not registered:
            feedback.register()
            registered.append(True)
        strategy.rewind(data)
        violation = target.run(strategy, feedback).headline()
        if violation is not None:
            raise ViolationError(f"{violation.prop}: {violation.message}")  # noqa: EM102

    def custom_mutator(data: bytes, max_size: int, _seed: int) -> bytes:
        return mutate(data, max_size, rng)[:max_size] or b"\0"

    def custom_crossover(a: bytes, b: bytes, max_size: int, _seed: int) -> bytes:
        return crossover(a, b, max_size, rng)[:max_size] or b"\0"

    # One string that a shell can run, so that -fork, -merge and -jobs find the target.
    if not getattr(sys, "frozen", False):
        sys.argv[0] = f"{sys.executable} {os.path.abspath(sys.argv[0])}"
    # What the user says comes later, and so wins.
    arguments = [sys.argv[0], *LIBFUZZER_FLAGS, f"-max_len={MAX_LEN}", *sys.argv[1:]]
    atheris.Setup(
        arguments,
        test_one_input,
        custom_mutator=custom_mutator,
        custom_crossover=custom_crossover,
        internal_libfuzzer=True,
    )
    atheris.Fuzz()
