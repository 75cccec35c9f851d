"""From a finding to a record, and back to the same run."""

from __future__ import annotations

import attrs
import msgspec
import pytest

from forkfuzz.campaign import (
    CampaignConfig,
    Finding,
    TargetSpec,
    Versions,
    decisions_of,
    decode,
    encode,
    fuzz,
    record_of,
)
from forkfuzz.errors import FormatError, InternalError
from forkfuzz.strategies import Bytes, Replay

from .campaign_toys import OPENER, Toy
from .sample import SAMPLE

VERSIONS = Versions(forkfuzz="0.1.0", kernel="7.0", python="3.11")
CONFIG = CampaignConfig(
    TargetSpec("lost-update", driver="inline"),
    engine="builtin",
    strategy="random",
    opener=OPENER,
)


@pytest.fixture(name="finding")
def _finding() -> Finding:
    """Return the lost update."""
    return next(event for event in fuzz(CONFIG) if isinstance(event, Finding))


def test_a_record_repeats_the_run_that_it_was_made_of(finding: Finding) -> None:
    """Both ways to repeat it, the decisions and the input, give the same run."""
    record = decode(encode(record_of(finding, CONFIG, versions=VERSIONS)))
    assert record.property == "toy.broken"
    assert record.severity == "program"
    assert (record.engine, record.strategy) == ("none", "random")
    toy = Toy("lost-update")
    replayed = toy.run(Replay(decisions_of(record)), None)
    assert replayed.digest() == finding.result.digest()
    assert record.input is not None
    refed = toy.run(Bytes(bytes.fromhex(record.input)), None)
    assert refed.digest() == finding.result.digest()


def test_a_finding_without_a_violation_is_our_own_fault(finding: Finding) -> None:
    """It cannot be, and is not written down."""
    result = attrs.evolve(finding.result, violations=())
    nothing = attrs.evolve(finding, result=result)
    with pytest.raises(InternalError, match=r"^forkfuzz bug: finding .* has no violat"):
        record_of(nothing, CONFIG, versions=VERSIONS)


def test_a_decision_that_no_run_takes_is_refused() -> None:
    """A stored decision is checked before it is replayed."""
    record = msgspec.structs.replace(SAMPLE, decisions=(("", "tlb:evict", 2, 2),))
    with pytest.raises(FormatError, match=r"^record 7c1e90ab: decision '\? tlb:evict "):
        decisions_of(record)
    assert len(decisions_of(SAMPLE)) == 2
