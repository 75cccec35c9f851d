"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# The time that an example takes says more about the machine than about forkfuzz.
settings.register_profile("forkfuzz", deadline=None)
settings.load_profile("forkfuzz")
