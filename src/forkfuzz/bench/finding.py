"""How many runs a strategy takes to find an exhibit."""

from __future__ import annotations

import time  # noqa: TID251 -- CPU time is what is measured here
from collections.abc import Callable, Iterable

import attrs

from forkfuzz.campaign import CampaignConfig
from forkfuzz.campaign.engine import make_runner
from forkfuzz.harness import RunResult, canonical_spec, open_target
from forkfuzz.harness.coverage import DEFAULT_KINDS, Kind
from forkfuzz.scenarios import parse_spec

from .exhibits import Exhibit


@attrs.frozen(slots=True)
class Search:
    """One search, from nothing, with one seed.

    Attributes:
        exhibit: What is looked for.
        strategy: How.
        seed: Where its randomness starts.
        limit: After so many runs it gives up.
        feedback: What a strategy learns from that learns.
    """

    exhibit: Exhibit
    strategy: str
    seed: int
    limit: int
    feedback: tuple[Kind, ...] = DEFAULT_KINDS


@attrs.frozen(slots=True)
class Sample:
    """What came of a search.

    Attributes:
        runs: How many runs it had.
        found: Whether the last of them showed the bug; the search gave up if not.
        seconds: CPU time.
    """

    runs: int
    found: bool
    seconds: float


def search(what: Search) -> Sample:
    """Run, inline, until the property of the exhibit is broken.

    A learning strategy is driven by the built-in engine.
    """
    return search_run(what)[0]


def search_run(what: Search) -> tuple[Sample, RunResult]:
    """Return the same, and the last run, which shows the bug if it was found."""
    scenario, params = parse_spec(what.exhibit.scenario)
    spec = canonical_spec(scenario, params, what.exhibit.rules, "inline")
    config = CampaignConfig(
        spec,
        engine="builtin",
        strategy=what.strategy,
        feedback=what.feedback,
        seed=what.seed,
    )
    config.check()
    runner = make_runner(config, open_target(spec))
    began = time.process_time()
    runs, found = 0, False
    while not found and runs < what.limit:
        runs += 1
        _data, result = runner.run()
        found = any(v.prop == what.exhibit.prop for v in result.violations)
    return Sample(runs, found, time.process_time() - began), result


Map = Callable[[Callable[[Search], Sample], Iterable[Search]], Iterable[Sample]]
"""``map``, or that of a pool of processes."""


def search_all(
    exhibit: Exhibit,
    strategies: Iterable[str],
    *,
    seeds: int,
    limit: int,
    feedback: tuple[Kind, ...] = DEFAULT_KINDS,
    run: Map = map,
) -> dict[str, list[Sample]]:
    """Return the samples of each strategy, seeds 1 to *seeds*."""
    names = list(strategies)
    jobs = [
        Search(exhibit, name, seed, limit, feedback)
        for name in names
        for seed in range(1, seeds + 1)
    ]
    done = list(run(search, jobs))
    return {name: done[i * seeds : (i + 1) * seeds] for i, name in enumerate(names)}
