"""The two drivers make the same runs, byte by byte."""

from __future__ import annotations

import os
import random

import pytest

from forkfuzz.engine.trio_driver import TrioHost
from forkfuzz.harness import Run
from forkfuzz.rules import PRESETS
from forkfuzz.scenarios import SCENARIOS
from forkfuzz.strategies import Bytes

STREAMS = int(os.environ.get("FORKFUZZ_PARITY_STREAMS", "600"))
"""How many random decision streams, over all scenarios together."""


@pytest.mark.slow
def test_random_streams_give_identical_traces_under_both_drivers() -> None:
    """Inline and under Trio, the same bytes give the same trace and violations."""
    rng = random.Random(1)
    scenarios, presets = list(SCENARIOS.values()), list(PRESETS.values())
    with TrioHost() as host:
        for stream in range(STREAMS):
            program = scenarios[stream % len(scenarios)].program()
            rules = presets[rng.randrange(len(presets))].rules
            data = rng.randbytes(rng.randrange(400))
            inline = Run(program, rules, Bytes(data)).execute()
            trio = Run(program, rules, Bytes(data)).execute(host.run)
            assert trio.trace() == inline.trace(), (program.name, data.hex())
