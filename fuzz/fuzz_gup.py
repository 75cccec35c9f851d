#!/usr/bin/env python3
"""Fuzz pages pinned without locks against fork().

Run: ``python fuzz/fuzz_gup.py [libFuzzer flags] [CORPUS...]``. Nothing should ever be
found; with ``FORKFUZZ_RULES=seed,write_protect_seq=off`` a diverged pin is.
"""

import harness

if __name__ == "__main__":
    harness.main("pin-fork-race")
