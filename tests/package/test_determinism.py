"""The same decisions give the same bytes, whatever the process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import hashlib, random
from forkfuzz.harness import Run
from forkfuzz.rules import PRESETS
from forkfuzz.scenarios import SCENARIOS
from forkfuzz.strategies import Bytes
rng = random.Random(7)
digest = hashlib.sha256()
presets = list(PRESETS.values())
for _ in range(4):
    for scenario in SCENARIOS.values():
        rules = presets[rng.randrange(len(presets))].rules
        data = rng.randbytes(rng.randrange(300))
        digest.update(Run(scenario.program(), rules, Bytes(data)).execute().trace())
print(digest.hexdigest())
"""


def digest_under(hash_seed: str, **environment: str) -> str:
    """Return the digest of the same runs in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, **environment},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@pytest.mark.slow
def test_traces_do_not_depend_on_the_hash_seed_or_the_surroundings() -> None:
    """Three hash seeds, another locale and another time zone: the same bytes."""
    first = digest_under("0")
    assert digest_under("1", LC_ALL="tr_TR.UTF-8", TZ="Asia/Kathmandu") == first
    assert digest_under("4294967295", HOME="/nonexistent") == first
