"""From a finding to its record, and from a record to the schedule that repeats it."""

from __future__ import annotations

from collections.abc import Sequence

from forkfuzz.engine import Decision, Schedule
from forkfuzz.errors import FormatError, InternalError, UsageError

from .config import CampaignConfig
from .events import Finding
from .record import Record, StoreEntry, Versions


def record_of(
    finding: Finding,
    config: CampaignConfig,
    *,
    versions: Versions,
    assumptions: Sequence[str] = (),
) -> Record:
    """Return the record of *finding*, as a campaign under *config* stores it.

    Args:
        finding: What was found.
        config: How.
        versions: What found it.
        assumptions: What the model assumes, one line each.
    """
    result = finding.result
    violation = result.headline()
    if violation is None:
        msg = f"forkfuzz bug: finding {finding.signature} has no violation"
        raise InternalError(msg)
    spec = config.spec
    schedule = Schedule.of(result.decisions, result.task_names)
    return Record(
        scenario=spec.scenario,
        params=spec.params,
        rules=spec.rules,
        driver=spec.driver,
        engine=config.engine if config.guided else "none",
        strategy=config.strategy,
        seed=config.seed,
        runs=finding.runs,
        property=violation.prop,
        severity="program" if violation.severity.name == "PROGRAM" else "contract",
        message=violation.message,
        step=violation.step,
        points=violation.points,
        pair=tuple(
            StoreEntry(store.task, store.place, store.value, store.step)
            for store in violation.pair
        ),
        assumptions=tuple(assumptions),
        signature=finding.signature,
        input=finding.input.hex(),
        decisions=tuple(
            (decision.task, decision.label, decision.options, decision.value)
            for decision in schedule.decisions
        ),
        versions=versions,
    )


def decisions_of(record: Record) -> tuple[Decision, ...]:
    """Return the schedule in *record*, ready to be replayed.

    Raises:
        FormatError: It holds what no run decides.
    """
    try:
        return tuple(Decision(*entry) for entry in record.decisions)
    except UsageError as error:
        msg = f"record {record.signature}: {error}"
        raise FormatError(msg) from error
