"""What the worker process and its supervisor say to each other: JSON, one line each."""

from __future__ import annotations

import msgspec

from .config import CampaignConfig
from .events import Reach, Reason

# The worker's current folder is the supervisor's scratch folder, so that no path with a
# comma or a space in it ever meets libFuzzer's option parser.
NEW_INPUTS = "new"
"""Folder in which libFuzzer saves inputs that reached something new."""
ARTIFACTS = "artifacts"
"""Folder for what else libFuzzer writes."""
SEEDS = "seeds"
"""Folder of the first inputs."""
SEED_LIST = "seed_list"
"""File that lists them, with commas between."""


class Job(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The worker's orders; all that it reads from its standard input.

    The supervisor leaves that pipe open. When it closes, whether on purpose or
    because the supervisor died, the worker stops.

    Attributes:
        campaign: What to fuzz.
        has_seeds: Whether there is a `SEED_LIST`.
        started: When the campaign began, as a `Stopwatch` of the supervisor's says.
    """

    campaign: CampaignConfig
    has_seeds: bool
    started: float


class Status(msgspec.Struct, frozen=True, tag="status"):
    """How far the worker is.

    Attributes:
        elapsed: Seconds since the campaign began; so in the messages below. It may be
            read much later, as the supervisor has other things to do.
    """

    elapsed: float
    runs: int
    hits: int


class Hit(msgspec.Struct, frozen=True, tag="hit"):
    """A violation that the worker had not seen."""

    elapsed: float
    signature: str
    input: str
    digest: str
    runs: int


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    """The worker broke; nothing follows."""

    message: str
    input: str


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The worker stopped as it should; nothing follows."""

    elapsed: float
    reason: Reason
    runs: int
    hits: int
    reached: tuple[str, ...]
    reach: Reach = Reach()


Message = Status | Hit | Failure | Done
