"""Campaigns: many runs under a budget, and the directory that remembers them.

What is fuzzed is a `Target`; the campaign knows nothing of memory management.
"""

from .config import GUIDED, CampaignConfig
from .engine import fuzz, has_atheris
from .events import Event, Finding, Finished, Notice, Progress, Reach, Reason
from .record import Record, StoreEntry, Versions, decode, encode
from .recording import decisions_of, record_of
from .store import Campaign, CampaignWriter, is_signature, open_campaign
from .target import FEEDBACK_BYTES, Feedback, Target, TargetSpec

__all__ = [
    "FEEDBACK_BYTES",
    "GUIDED",
    "Campaign",
    "CampaignConfig",
    "CampaignWriter",
    "Event",
    "Feedback",
    "Finding",
    "Finished",
    "Notice",
    "Progress",
    "Reach",
    "Reason",
    "Record",
    "StoreEntry",
    "Target",
    "TargetSpec",
    "Versions",
    "decisions_of",
    "decode",
    "encode",
    "fuzz",
    "has_atheris",
    "is_signature",
    "open_campaign",
    "record_of",
]
