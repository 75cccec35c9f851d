"""Both engines: what they find, how often, and that it repeats."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Literal

import msgspec
import pytest

from forkfuzz.campaign import (
    CampaignConfig,
    Event,
    Feedback,
    Finding,
    Finished,
    Notice,
    Progress,
    TargetSpec,
    engine,
    fuzz,
    open_campaign,
)
from forkfuzz.campaign.config import GUIDED
from forkfuzz.campaign.guided import Guided
from forkfuzz.campaign.reading import read_inputs
from forkfuzz.campaign.runner import Runner, Unguided
from forkfuzz.engine import Strategy
from forkfuzz.errors import InternalError, UsageError
from forkfuzz.harness.result import RunResult
from forkfuzz.strategies import NAMES, Bytes

from .campaign_toys import OPENER, Toy

EngineName = Literal["atheris", "builtin"]


@pytest.fixture(name="engine_name", params=["atheris", "builtin"])
def _engine_name(request: pytest.FixtureRequest) -> EngineName:
    """Return the name of each engine that this machine has."""
    if request.param == "atheris":
        pytest.importorskip("atheris")
        return "atheris"
    return "builtin"


def configure(
    scenario: str,
    engine_name: EngineName = "builtin",
    *,
    strategy: str = "coverage",
    seed: int = 0,
    runs: int | None = None,
    seconds: float | None = None,
    keep_going: bool = False,
) -> CampaignConfig:
    """Return a campaign against a toy."""
    return CampaignConfig(
        TargetSpec(scenario, driver="inline"),
        engine=engine_name,
        strategy=strategy,
        seed=seed,
        runs=runs,
        seconds=seconds,
        max_len=256,
        keep_going=keep_going,
        opener=OPENER,
    )


def timeless(events: list[Event]) -> list[object]:
    """Return what must be the same in a second campaign."""
    return [
        (event.signature, event.input, event.result.digest(), event.runs)
        if isinstance(event, Finding)
        else event
        for event in events
        if isinstance(event, Finding | Finished)
    ]


def test_an_engine_finds_the_lost_update(engine_name: EngineName) -> None:
    """The finding repeats from its input, and the campaign ends with it."""
    events = list(fuzz(configure("lost-update", engine_name)))
    finding = next(event for event in events if isinstance(event, Finding))
    violation = finding.result.headline()
    assert violation is not None
    assert violation.message == "number is 1, expected 2"
    assert finding.signature == violation.signature("seed")
    again = Toy("lost-update").run(Bytes(finding.input), None)
    assert again.digest() == finding.result.digest()
    assert events[-1] == Finished("finding", finding.runs, ("ran",))


def test_an_engine_works_with_the_trio_driver(engine_name: EngineName) -> None:
    """One Trio run lives across all runs, here and in the worker, with equal results."""
    inline = configure("relay", engine_name, seed=1, runs=400)
    trio = msgspec.structs.replace(inline, spec=TargetSpec("relay", driver="trio"))
    ends = [last_progress(fuzz(config)) for config in (inline, trio)]
    assert ends[0].runs == ends[1].runs == 400
    assert ends[0].features == ends[1].features > 10
    assert ends[0].corpus == ends[1].corpus


@pytest.mark.parametrize("strategy", ["coverage", "portfolio"])
def test_a_seed_repeats_a_campaign(engine_name: EngineName, strategy: str) -> None:
    """Same seed, same findings after the same number of runs; another seed differs."""
    first, second, other = (
        timeless(
            list(
                fuzz(
                    configure(
                        "relay", engine_name, strategy=strategy, seed=seed, runs=20_000
                    )
                )
            )
        )
        for seed in (1, 1, 2)
    )
    assert len(first) == 2
    assert first == second
    assert first != other


def test_an_engine_spends_exactly_its_runs(engine_name: EngineName) -> None:
    """A campaign that finds nothing has as many runs as it was given, and says so."""
    *_, progress, end = fuzz(configure("quiet", engine_name, runs=500))
    assert end == Finished("runs", 500, ("ran",))
    assert isinstance(progress, Progress)
    assert (progress.runs, progress.findings, progress.hits) == (500, 0, 0)


def test_an_engine_stops_when_its_time_is_up(engine_name: EngineName) -> None:
    """A budget of time ends the campaign, with progress reported on the way."""
    events = list(fuzz(configure("quiet", engine_name, seconds=1.5)))
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "time"
    reports = [event for event in events if isinstance(event, Progress)]
    assert len(reports) >= 2
    assert [report.runs for report in reports] == sorted(r.runs for r in reports)


def test_an_interrupt_as_the_budget_is_spent_is_not_lost(
    engine_name: EngineName,
) -> None:
    """Whoever has more scenarios to fuzz must not go on to the next."""
    events = []
    for event in fuzz(configure("quiet", engine_name, runs=1)):
        events.append(event)
        if isinstance(event, Progress) and event.runs == 1:
            signal.raise_signal(signal.SIGINT)
    assert events[-1] == Finished("interrupted", 1, ("ran",))


def test_an_interrupt_after_the_end_is_an_exception() -> None:
    """The reason has been told by then: nobody would look at a request."""
    for event in fuzz(configure("quiet", runs=1)):
        if isinstance(event, Finished):
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)


def test_keep_going_reports_a_bug_once(engine_name: EngineName) -> None:
    """The same signature is one finding, however many runs hit it."""
    config = configure("lost-update", engine_name, runs=2000, keep_going=True)
    *events, progress, end = fuzz(config)
    assert sum(isinstance(event, Finding) for event in events) == 1
    assert end == Finished("runs", 2000, ("ran",))
    assert isinstance(progress, Progress)
    assert progress.findings == 1
    assert progress.hits > 100


def test_what_was_new_is_kept_and_used_by_the_next_campaign(
    engine_name: EngineName, tmp_path: Path
) -> None:
    """A second campaign knows at once what the first one had to find out."""
    first = configure("relay", engine_name, seed=1, runs=3000, keep_going=True)
    with open_campaign(tmp_path) as campaign:
        learnt = last_progress(fuzz(first, campaign=campaign)).features
        kept = read_inputs(campaign.corpus_folder("relay"), max_len=256)
        assert len(kept) > 10
        # The empty input, what was kept, and a few more, so that libFuzzer gets round
        # to saying how far it is.
        second = configure(
            "relay", engine_name, seed=2, runs=len(kept) + 20, keep_going=True
        )
        known = last_progress(fuzz(second, campaign=campaign)).features
        nothing = last_progress(fuzz(second)).features
    assert known >= learnt > nothing
    assert {path.name for path in tmp_path.iterdir()} == {"corpus", "crashes", "lock"}


@pytest.mark.parametrize("strategy", ["coverage", "portfolio"])
def test_equal_campaigns_leave_equal_inputs(
    engine_name: EngineName, strategy: str, tmp_path: Path
) -> None:
    """However often libFuzzer was looked at before it replaced an input by a shorter."""
    config = configure("relay", engine_name, strategy=strategy, seed=1, runs=3000)
    found = []
    for name in ("first", "second", "third"):
        with open_campaign(tmp_path / name) as campaign:
            list(fuzz(config, campaign=campaign))
            kept = read_inputs(campaign.corpus_folder("relay"), max_len=256)
            found.append(sorted(kept))
    assert found[0]
    assert found == [found[0]] * 3


def last_progress(events: Iterable[Event]) -> Progress:
    """Return the last report of a campaign."""
    *_, progress, _end = events
    assert isinstance(progress, Progress)
    return progress


def test_seed_folders_are_read(engine_name: EngineName, tmp_path: Path) -> None:
    """A shipped input that breaks the target is found among the first runs."""
    finding = next(
        event
        for event in fuzz(configure("relay", seed=2, runs=6000))
        if isinstance(event, Finding)
    )
    (tmp_path / "shipped").write_bytes(finding.input)
    events = list(fuzz(configure("relay", engine_name), seed_folders=[tmp_path]))
    assert events[-1] == Finished("finding", 2, ("ran",))


def test_a_run_that_does_not_repeat_is_an_internal_error(
    engine_name: EngineName,
) -> None:
    """Nondeterminism is never reported as a finding."""
    expected = r"^forkfuzz bug: the same input gave two different runs, .*; input "
    with pytest.raises(InternalError, match=expected):
        list(fuzz(configure("fickle", engine_name, runs=10)))


def test_guided_search_finds_what_random_search_does_not() -> None:
    """The relay needs six exact moves: feedback finds it, blind search does not.

    Measured over 7 seeds: guided 822 to 4311 runs (median 1786), random none in 6000.
    A blind run has a chance below 1/6**6 = 1/46656, so that 3 times 2500 blind runs
    find it with a chance below 1/6 even if the moves were independent coin throws.
    """
    toy = Toy("relay")
    guided = [
        runs_to_finding(Guided(toy, [], seed=seed, max_len=256), 6000)
        for seed in range(3)
    ]
    blind = [runs_to_finding(Unguided(toy, "random", seed), 2500) for seed in range(3)]
    assert median(guided) < 2500
    assert max(guided) < 6000
    assert blind == [2500] * 3


def runs_to_finding(runner: Runner, limit: int) -> int:
    """Return how many runs it took, or *limit*."""
    for runs in range(1, limit):
        _data, result = runner.run()
        if result.violations:
            return runs
    return limit


def test_what_guided_search_keeps_repeats_the_run() -> None:
    """Cutting off what a run did not read changes nothing of it."""
    toy = Toy("relay")
    runner = Guided(toy, [b"\xff" * 300], seed=1, max_len=256)
    for _ in range(300):
        data, result = runner.run()
        assert toy.run(Bytes(data), None).digest() == result.digest()
    assert runner.corpus > 5
    assert runner.features > 5


def test_guided_search_survives_a_target_that_shows_nothing() -> None:
    """Without feedback it goes on with fresh inputs, and still finds the shallow bug."""
    runner = Guided(Mute("lost-update"), [], seed=0, max_len=64)
    assert runs_to_finding(runner, 500) < 500
    assert (runner.features, runner.corpus, runner.take_new()) == (0, 0, [])


class Mute(Toy):
    """A toy that leaves the feedback alone."""

    def run(self, strategy: Strategy, feedback: Feedback | None) -> RunResult:
        """Run it once, unobserved."""
        return super().run(strategy, None)


@pytest.mark.parametrize("strategy", NAMES)
def test_a_plain_strategy_needs_no_engine(strategy: str) -> None:
    """It runs in this process, without feedback, and its findings are inputs too."""
    config = configure("lost-update", "atheris", strategy=strategy, runs=200)
    events = list(fuzz(config))
    end = events[-1]
    assert isinstance(end, Finished)
    # Round robin alternates, which is just what loses an update; staying never does.
    assert end.reason == ("runs" if strategy == "stay" else "finding")
    if strategy == "stay":
        return
    finding = next(event for event in events if isinstance(event, Finding))
    again = Toy("lost-update").run(Bytes(finding.input), None)
    assert again.digest() == finding.result.digest()


def test_without_atheris_the_builtin_engine_takes_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The fallback is announced first, and finds the bug."""
    monkeypatch.setattr(engine, "has_atheris", lambda: False)
    first, *_, last = fuzz(configure("lost-update", "atheris"))
    assert first == Notice(engine.FALLBACK)
    assert isinstance(last, Finished)
    assert last.reason == "finding"


def test_a_target_is_closed_however_the_campaign_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A consumer that walks away leaves nothing open."""
    toy = Toy("quiet")
    monkeypatch.setattr(engine, "find_opener", lambda _path: lambda _spec: toy)
    events = fuzz(configure("quiet", seconds=60))
    assert isinstance(next(events), Progress)
    assert not toy.closed
    events.close()  # type: ignore[attr-defined]
    assert toy.closed


def test_senseless_configurations_are_refused() -> None:
    """An unknown strategy, opener or target, and a bad number, each have a message."""
    known = ", ".join((*GUIDED[:2], *NAMES))
    expected = rf"^unknown strategy 'best'; expected one of {known}$"
    with pytest.raises(UsageError, match=expected):
        next(fuzz(configure("quiet", strategy="best")))
    expected = r"^campaign cannot start: Expected `int` >= 1 - at `\$.runs`$"
    with pytest.raises(UsageError, match=expected):
        next(fuzz(configure("quiet", runs=0)))
    with pytest.raises(UsageError, match=r"^no toy 'none'$"):
        next(fuzz(configure("none")))
    spec = TargetSpec("quiet")
    for opener in ("no_such_module:f", "os:no_such_function", "os", ""):
        with pytest.raises(UsageError, match=rf"^no target opener '{opener}': "):
            next(fuzz(CampaignConfig(spec, opener=opener)))
