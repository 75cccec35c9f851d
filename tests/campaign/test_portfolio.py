"""The portfolio spreads runs by what pays, and wastes nothing that it finds."""

from __future__ import annotations

from collections import Counter

from forkfuzz.campaign.guided import Guided
from forkfuzz.campaign.portfolio import (
    COVERAGE,
    MORE_COVERAGE,
    MOST,
    SHARES,
    Portfolio,
)
from forkfuzz.strategies import NAMES, Bytes

from .campaign_toys import Toy


def turns(portfolio: Portfolio, paying: dict[str, int], count: int) -> Counter[str]:
    """Return how often each strategy gets a turn if only some reach new things."""
    chosen: Counter[str] = Counter()
    for _ in range(count):
        arm = portfolio.choose()
        chosen[arm] += 1
        portfolio.paid(arm, paying.get(arm, 0))
    return chosen


def test_shares_are_a_whole_of_known_strategies() -> None:
    """They sum to one; all but coverage can be made by name."""
    assert abs(sum(SHARES.values()) - 1) < 1e-9
    assert set(SHARES) - {COVERAGE} <= set(NAMES)


def test_equal_payoff_keeps_the_shares_but_for_coverage() -> None:
    """That gets a multiple of its own in the end; the others keep theirs among them."""
    turns(portfolio := Portfolio(1), {}, 1100)
    chosen = turns(portfolio, {}, 4000)
    whole = 1 + (MORE_COVERAGE - 1) * SHARES[COVERAGE]
    for arm, share in SHARES.items():
        expected = share / whole * (MORE_COVERAGE if arm == COVERAGE else 1)
        assert abs(chosen[arm] - 4000 * expected) < 20, arm


def test_who_pays_gets_more_but_nobody_gets_nothing() -> None:
    """The shares of the others shrink to a part, and stay."""
    chosen = turns(Portfolio(1), {COVERAGE: 1}, 4000)
    assert chosen[COVERAGE] > turns(Portfolio(1), {}, 4000)[COVERAGE] * 1.5
    least = SHARES["races"] / MOST / MORE_COVERAGE
    assert chosen["races"] > 4000 * least * 0.5


def test_the_first_has_the_first_turns_and_none_waits_long() -> None:
    """Turns are dealt out, not drawn: each comes as soon as it is owed one."""
    portfolio = Portfolio(1)
    order = [portfolio.choose() for _ in range(40)]
    assert order[:2] == [next(iter(SHARES))] * 2
    assert set(order) == set(SHARES)


def test_an_arm_that_stops_paying_is_forgotten() -> None:
    """What it found long ago does not count for ever."""
    portfolio = Portfolio(1)
    turns(portfolio, {COVERAGE: 1}, 2000)
    early = turns(portfolio, {COVERAGE: 1}, 2000)[COVERAGE]
    turns(portfolio, {"races": 1}, 2000)
    late = turns(portfolio, {"races": 1}, 2000)[COVERAGE]
    assert late < early / 2


def test_runs_of_other_strategies_become_inputs() -> None:
    """What they reach is kept, repeats as bytes, and is varied later."""
    toy = Toy("relay")
    runner = Guided(toy, [], seed=1, max_len=256, portfolio=Portfolio(1))
    for _ in range(300):
        data, result = runner.run()
        assert toy.run(Bytes(data), None).digest() == result.digest()
    assert len(runner.take_new()) == runner.corpus
    assert runner.features > 20


def test_the_first_run_is_the_undisturbed_one() -> None:
    """It is made once: by a strategy, which learns from it, and not from no bytes."""
    runner = Guided(Toy("relay"), [], seed=1, max_len=256, portfolio=Portfolio(1))
    alone = Guided(Toy("relay"), [], seed=1, max_len=256)
    digests = [runner.run()[1].digest() for _ in range(3)]
    assert digests[0] == alone.run()[1].digest()
    assert digests[0] not in digests[1:]


def test_equal_seeds_give_equal_portfolios() -> None:
    """Two with the same seed make the same runs."""
    first, second = (
        Guided(Toy("relay"), [], seed=4, max_len=64, portfolio=Portfolio(4))
        for _ in range(2)
    )
    for _ in range(200):
        assert first.run()[0] == second.run()[0]
