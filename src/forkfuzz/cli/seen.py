"""In which scenarios a bug was seen: its folder has a run of the first one only."""

from __future__ import annotations

import re
from collections.abc import Mapping

from forkfuzz.campaign import CampaignWriter, Record
from forkfuzz.errors import ForkfuzzError

FILE = "seen.txt"
"""The file of a crash that lists them, once there are two."""

MOST = 100
"""So many of them are told; a bug that is everywhere has been told enough."""

_NAME = re.compile(
    r"[a-z0-9-]{1,64}(:[a-z_]{1,40}=[0-9]{1,9}(,[a-z_]{1,40}=[0-9]{1,9})*)?"
)


def scenario_name(scenario: str, params: Mapping[str, int]) -> str:
    """Return what a person calls a scenario and its parameters."""
    given = ",".join(f"{name}={value}" for name, value in params.items())
    return f"{scenario}:{given}" if given else scenario


def note_seen(campaign: CampaignWriter, found: Record) -> tuple[str, ...]:
    """Note where a bug that is stored was found; return where it was seen by now.

    The first is where the stored run comes from.
    """
    here = scenario_name(found.scenario, found.params)
    try:
        record = campaign.record(found.signature)
    except ForkfuzzError:
        return (here,)  # damaged; whoever reads it is told
    first = scenario_name(record.scenario, record.params)
    before = tuple(dict.fromkeys([first, *_listed(campaign, found.signature)]))
    seen = tuple(dict.fromkeys([*before, here]))[:MOST]
    if seen != before:
        text = "".join(f"{name}\n" for name in seen)
        campaign.update_crash(found.signature, FILE, text.encode())
    return seen


def _listed(campaign: CampaignWriter, signature: str) -> list[str]:
    try:
        data = campaign.crash_file(signature, FILE)
    except ForkfuzzError:
        return []
    lines = data.decode("ascii", "replace").split("\n")
    return [line for line in lines if _NAME.fullmatch(line)][:MOST]
