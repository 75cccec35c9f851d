"""The search sees every end, whatever it leaves out on the way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from forkfuzz.bench.rmw import Rmw, RmwTrial
from forkfuzz.search import Limits, Progress, Search, ShortestSearch
from search.toys import Toy, ToyTrial, ends, ends_by_hand

INSTRUCTION = some.one_of(
    some.tuples(some.just("set"), some.sampled_from("xyz"), some.integers(0, 2)),
    some.tuples(some.just("add"), some.sampled_from("xyz")),
    some.tuples(some.just("flip"), some.sampled_from("xyz")),
    some.tuples(some.just("copy"), some.sampled_from("xyz"), some.sampled_from("xyz")),
    some.tuples(some.just("wait"), some.sampled_from("xyz"), some.integers(0, 2)),
)
FLIPS = 4
"""With nine of them there would be nearly a million runs without pruning."""


def is_quick(programs: list[list[Any]]) -> bool:
    """Return whether all runs can be made one by one in a few seconds."""
    kinds = [kind for program in programs for kind, *_ in program]
    return kinds.count("flip") <= FLIPS


PROGRAMS = some.lists(
    some.lists(INSTRUCTION, max_size=3), min_size=1, max_size=3
).filter(is_quick)
WAYS: list[dict[str, Any]] = [
    {"prune": False},
    {"reduce": False},
    {},
]


@given(PROGRAMS)
@settings(max_examples=150)
def test_every_way_to_search_sees_what_there_is(programs: list[list[Any]]) -> None:
    """With and without pruning and reduction, the ends are those found by hand."""
    toy = Toy(programs)
    expected = ends_by_hand(toy)
    for way in WAYS:
        assert ends(toy, **way) == expected, way


def progress(system: Any, **how: Any) -> Progress:
    """Search and return how far that came."""
    return Search(system, lambda _trial, _ended: None, **how).run()


def test_independent_tasks_are_not_interleaved() -> None:
    """Tasks that share nothing need one order; without reduction all are looked at."""
    toy = Toy([[("add", name)] * 3 for name in "xyz"])
    assert progress(toy).states == 0
    assert progress(toy, reduce=False).states > 4**3 - 10


def test_a_state_seen_before_is_left_alone() -> None:
    """Two tasks that add to one integer: positions count, not the ways to them."""
    toy = Toy([[("add", "x")] * 5, [("add", "x")] * 5])
    assert progress(toy, prune=False).runs == 252
    assert progress(toy).states <= 6 * 6


def states_by_hand(increments: int) -> int:
    """Count the states of two tasks that add to one integer by a read and a write.

    A task is how many steps it has taken, and what it read if it is about to write.
    """
    start = ((0, -1), (0, -1), 0)
    found, left = set(), [start]
    while left:
        state = left.pop()
        if state in found:
            continue
        found.add(state)
        one, two, value = state
        for (taken, seen), other in ((one, two), (two, one)):
            if taken == 2 * increments:
                continue
            moved, after = (-1, seen + 1) if taken % 2 else (value, value)
            pair = sorted([(taken + 1, moved), other])
            left.append((pair[0], pair[1], after))
    return len(found)


def test_rmw_has_no_more_states_than_there_are() -> None:
    """What a task has read and used tells no two states apart."""
    done = progress(Rmw(2), reduce=False)
    assert done.exhaustive
    assert done.states <= states_by_hand(5)


@pytest.mark.parametrize("way", WAYS)
def test_rmw_has_the_ends_that_are_known(way: dict[str, Any]) -> None:
    """Two tasks of two increments end with 2, 3 or 4; by five, with 2 at least."""
    small = Rmw(2, increments=2)
    values: set[int] = set()

    def keep(trial: RmwTrial, ended: bool) -> None:
        if ended:
            values.add(trial.value)

    Search(small, keep, **way).run()
    assert values == {2, 3, 4}


def test_rmw5_of_two_is_decided() -> None:
    """All ends from 2 to 10 there are, and the lowest one takes 20 steps."""
    values: set[int] = set()

    def keep(trial: RmwTrial, ended: bool) -> None:
        if ended:
            values.add(trial.value)

    done = Search(Rmw(2), keep).run()
    assert done.exhaustive
    assert values == set(range(2, 11))
    witness = ShortestSearch(Rmw(2), lambda t, ended: ended and t.value == 2).run()
    assert witness is not None
    assert (witness.steps, witness.preemptions) == (20, 4)


def test_tasks_that_are_alike_are_one_task_twice() -> None:
    """Exchanging two equal tasks gives no new state."""

    class Told(Rmw):
        """The same without saying that its tasks are alike."""

        def alike(self) -> list[range]:
            """Return that no two are."""
            return []

    assert progress(Rmw(2)).states < 0.7 * progress(Told(2)).states


def test_limits_end_a_search_and_are_told() -> None:
    """A search that was cut short does not claim to have seen everything."""
    done = progress(Rmw(2), limits=Limits(states=10))
    assert (done.states, done.stopped, done.exhaustive) == (10, "10 states", False)
    done = progress(Rmw(2), limits=Limits(memory=1 << 20))
    assert done.exhaustive
    done = progress(Rmw(3), limits=Limits(memory=1 << 20))
    assert done.stopped == "1 MiB"


@pytest.mark.parametrize(("bound", "lowest"), [(0, 10), (1, 5), (2, 5), (4, 2)])
def test_bounded_preemptions(bound: int, lowest: int) -> None:
    """The lowest sum that so many preemptions can reach, with and without pruning."""
    for prune in (True, False):
        values: set[int] = set()

        def keep(trial: RmwTrial, ended: bool, into: set[int] = values) -> None:
            if ended:
                into.add(trial.value)

        limits = Limits(preemptions=bound)
        done = Search(Rmw(2), keep, limits, prune=prune).run()
        assert done.stopped == f"{bound} preemption{'s' * (bound != 1)}"
        assert min(values) == lowest


@pytest.mark.parametrize(("bound", "lowest"), [(0, 10), (1, 5), (2, 5), (4, 2)])
def test_bounded_delays(bound: int, lowest: int) -> None:
    """The lowest sum that so many delays can reach, with and without pruning."""
    for prune in (True, False):
        values: set[int] = set()

        def keep(trial: RmwTrial, ended: bool, into: set[int] = values) -> None:
            if ended:
                into.add(trial.value)

        limits = Limits(delays=bound)
        done = Search(Rmw(2), keep, limits, prune=prune).run()
        assert done.stopped == f"{bound} delay{'s' * (bound != 1)}"
        assert min(values) == lowest


def test_delays_allow_less_than_preemptions() -> None:
    """The third task cannot overtake the second for the price of one delay."""
    toy = Toy(
        [[("set", "x", 1), ("copy", "x", "y")], [("set", "x", 2)], [("set", "x", 3)]]
    )
    one_delay = ends(toy, limits=Limits(delays=1))
    assert one_delay < ends(toy, limits=Limits(preemptions=1))
    assert one_delay < ends(toy, limits=Limits(delays=2))


def test_only_one_bound() -> None:
    """Preemptions and delays are not counted in the same search."""
    with pytest.raises(ValueError, match="not by both"):
        Limits(preemptions=1, delays=1)


def test_a_step_that_is_known_needs_no_run() -> None:
    """What a step does to the same shared state is found out once."""
    done = progress(Rmw(2), reduce=False)
    assert done.runs < done.states < done.transitions


def test_a_bound_that_cuts_nothing_is_not_told() -> None:
    """Two tasks of one step each can be preempted once at most."""
    toy = Toy([[("add", "x")], [("add", "x")]])
    assert progress(toy, limits=Limits(preemptions=1)).exhaustive


def test_the_tick_is_called_and_may_stop_the_search() -> None:
    """Ctrl-C arrives between two runs, and what is known is kept."""

    def stop(seen: Progress) -> None:
        if seen.runs == 5:
            raise KeyboardInterrupt

    search = Search(Rmw(2), lambda _trial, _ended: None, tick=stop)
    with pytest.raises(KeyboardInterrupt):
        search.run()
    assert search.progress.runs == 5


def test_an_error_in_a_task_comes_through() -> None:
    """What a task raises is not taken for the end of a run."""
    toy = Toy([[("set",)]])
    with pytest.raises(ValueError, match="not enough values"):
        progress(toy)


def test_a_loop_of_one_task_does_not_starve_the_others() -> None:
    """A task that waits in vain is overtaken by the one that it waits for."""
    toy = Toy([[("wait", "x", 1), ("set", "y", 1)], [("add", "z")] * 2, [("add", "x")]])
    assert ends(toy) == {((("x", 1), ("y", 1), ("z", 2)), "finished")}


def test_witness_is_the_plainest_there_is() -> None:
    """Fewest preemptions first: none are needed where tasks can go one by one."""
    toy = Toy([[("add", "x"), ("copy", "x", "y")], [("set", "x", 5)]])

    def goal(trial: ToyTrial, ended: bool) -> bool:
        return ended and trial.values.get("y") == 5

    witness = ShortestSearch(toy, goal).run()
    assert witness is not None
    assert (witness.preemptions, witness.steps) == (1, 3)
    nothing = ShortestSearch(toy, lambda t, _ended: t.values.get("y") == 9)
    assert nothing.run() is None
    short = ShortestSearch(toy, goal, max_states=1)
    assert short.run() is None
