"""What all tests share."""

from __future__ import annotations

import signal

from hypothesis import settings

# A shell ignores Ctrl-C for what it starts in the background. The commands that tests
# start, and interrupt, must not inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The time that an example takes says more about the machine than about forkfuzz.
settings.register_profile("forkfuzz", deadline=None)
settings.load_profile("forkfuzz")
