#!/usr/bin/env python3
"""Fuzz the interleavings of fork() under the documented protocol.

Run: ``python fuzz/fuzz_fork.py [libFuzzer flags] [CORPUS...]``. Nothing should ever be
found; with ``FORKFUZZ_RULES=mainline`` a torn snapshot is, within seconds.
"""

import harness

if __name__ == "__main__":
    harness.main("mp")
