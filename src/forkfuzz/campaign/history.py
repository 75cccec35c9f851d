"""What ``stats.ndjson`` tells of a campaign: how far it was when, and what it reached.

The file is read as if an enemy had put it there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import attrs
import msgspec

from .events import Finished, Progress
from .record import Count, Line, Value, Word
from .store import Campaign

Amount = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
Labels = Annotated[tuple[Word, ...], msgspec.Meta(max_length=10_000)]


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """How far a campaign was at one moment; see `Progress`.

    Attributes:
        params: Parameters of the scenario that were given.
    """

    scenario: Word
    params: Annotated[dict[Word, Value], msgspec.Meta(max_length=100)] = {}
    rules: Line
    elapsed: Amount
    runs: Count
    features: Count = 0
    corpus: Count = 0
    findings: Count = 0
    hits: Count = 0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign had reached when it ended.

    Attributes:
        unreached: What the scenario should have reached and no run did.
        left_out: Points never reached of functions that were entered.
    """

    scenario: Word
    params: Annotated[dict[Word, Value], msgspec.Meta(max_length=100)] = {}
    rules: Line
    reason: Word
    strategy: Word
    engine: Word
    runs: Count
    interleavings: Count
    outcomes: Count
    points: Labels
    unreached: Labels
    left_out: Labels


@attrs.frozen(slots=True)
class History:
    """All campaigns on one scenario under the same rules, one after the other.

    Attributes:
        scenario: With the parameters that were given.
        rules: The rules.
        samples: Counts go on from one campaign to the next.
        summaries: Of those that came to their end.
    """

    scenario: str
    rules: str
    samples: tuple[Sample, ...]
    summaries: tuple[Summary, ...]

    @property
    def points(self) -> frozenset[str]:
        """Points that any campaign has reached."""
        return frozenset(point for each in self.summaries for point in each.points)

    @property
    def unreached(self) -> tuple[str, ...]:
        """What no campaign has reached of what the scenario should have, sorted."""
        missed = [frozenset(each.unreached) for each in self.summaries]
        return tuple(sorted(missed[0].intersection(*missed))) if missed else ()

    @property
    def left_out(self) -> tuple[str, ...]:
        """Points that no campaign has reached, of functions that one entered, sorted."""
        missed = {point for each in self.summaries for point in each.left_out}
        return tuple(sorted(missed - self.points))


def sample_of(where: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Return the line that stands for *progress*.

    Args:
        where: Scenario, params and rules.
        progress: How far the campaign is.
    """
    return {**where, **attrs.asdict(progress)}


def summary_of(
    where: Mapping[str, Any],
    how: Mapping[str, str],
    finished: Finished,
    unreached: Iterable[str],
    left_out: Iterable[str],
) -> dict[str, Any]:
    """Return the line that stands for the end of a campaign.

    Args:
        where: Scenario, params and rules.
        how: Strategy and engine.
        finished: The end.
        unreached: What the scenario should have reached and no run did.
        left_out: Points never reached of functions that were entered.
    """
    return {
        **where,
        **how,
        "reason": finished.reason,
        "runs": finished.runs,
        **msgspec.to_builtins(finished.reach),
        "unreached": tuple(unreached),
        "left_out": tuple(left_out),
    }


def histories(campaign: Campaign) -> tuple[list[History], list[str]]:
    """Return what a campaign's directory tells, in the order of the first lines.

    Also returns what is wrong with each line that is damaged and was left out.
    """
    told: dict[tuple[str, str], list[Sample | Summary]] = {}
    damaged: list[str] = []
    for number, line in enumerate(campaign.stats(), 1):
        try:
            read = _read(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            damaged.append(f"line {number}: {error}")
            continue
        told.setdefault((_spec(read), read.rules), []).append(read)
    found = [
        History(
            *key,
            tuple(_counted_on(lines)),
            tuple(line for line in lines if isinstance(line, Summary)),
        )
        for key, lines in told.items()
    ]
    return found, damaged


def _read(line: bytes) -> Sample | Summary:
    plain = msgspec.json.decode(line, type=dict[str, Any])
    kind: type[Sample | Summary] = Summary if "reason" in plain else Sample
    return msgspec.convert(plain, kind)


def _spec(line: Sample | Summary) -> str:
    return " ".join([line.scenario, *(f"{k}={v}" for k, v in line.params.items())])


def _counted_on(lines: Iterable[Sample | Summary]) -> Iterable[Sample]:
    """Go on counting where the campaign before stopped; each begins with nothing.

    What two campaigns have reached is mostly the same, so it is not added.
    """
    seconds, runs, hits, features = 0.0, 0, 0, 0
    last: Sample | None = None
    for line in lines:
        # One that was killed has no summary.
        is_over = isinstance(line, Summary) or line.runs < (last.runs if last else 0)
        if is_over and last is not None:
            seconds, runs = seconds + last.elapsed, runs + last.runs
            hits += last.hits
            last = None
        if isinstance(line, Sample):
            last = line
            features = max(features, line.features)
            yield msgspec.structs.replace(
                line,
                elapsed=seconds + line.elapsed,
                runs=runs + line.runs,
                hits=hits + line.hits,
                features=features,
            )
