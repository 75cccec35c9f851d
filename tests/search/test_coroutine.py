"""Where a coroutine stands is read exactly: equal means equal, different different."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any

import attrs
import pytest

from forkfuzz.errors import InternalError
from forkfuzz.search import CoroutineStates


class Stop:
    """Something to wait for."""

    def __await__(self) -> Any:
        """Wait once."""
        yield


@attrs.define
class Record:
    """A changeable value."""

    number: int


def states(body: Callable[[], Coroutine[Any, Any, None]]) -> list[Hashable]:
    """Return the state at each stop of a coroutine."""
    reader = CoroutineStates({Stop: lambda _stop: "stop"})
    coroutine = body()
    found: list[Hashable] = []
    while True:
        try:
            coroutine.send(None)
        except StopIteration:
            return found
        found.append(reader.read(coroutine))


async def _stop() -> None:
    await Stop()


async def _twice() -> None:
    await _stop()
    await _stop()


def test_two_runs_of_one_coroutine_stand_at_the_same_places() -> None:
    """The state is a value: it does not depend on which run it was taken from."""
    first, second = states(_twice), states(_twice)
    assert first == second
    assert first[0] != first[1]


async def _with(value: Any, then: Callable[[], Awaitable[None]] = _stop) -> None:
    await then()
    del value


VALUES: list[Any] = [
    0,
    1,
    2,
    True,
    False,
    None,
    "a",
    "b",
    (),
    (1, 2),
    (2, 1),
    [],
    [1],
    {},
    {1: 2},
    {2: 1},
    Record(1),
    Record(2),
    range(3),
    len,
]


def test_different_values_of_a_variable_are_different_states() -> None:
    """Also those that compare equal, such as 1 and True."""
    taken = [states(functools.partial(_with, value))[0] for value in VALUES]
    for number, state in enumerate(taken):
        assert [other for other in taken if other == state] == [state], VALUES[number]


@pytest.mark.parametrize(
    "make",
    [
        lambda: iter(range(4)),
        lambda: iter([1, 1, 1, 1]),
        lambda: iter((1, 1, 1, 1)),
        lambda: iter(dict.fromkeys(range(4))),
    ],
)
def test_where_a_loop_is_belongs_to_the_state(make: Callable[[], Any]) -> None:
    """The iterator is on the interpreter's stack, and no variable tells its place."""

    async def loop() -> None:
        for _ in make():
            _ = 0
            await _stop()

    taken = states(loop)
    assert len(taken) == len(set(taken)) == 4


def test_operands_that_wait_on_the_stack_belong_to_the_state() -> None:
    """A sum whose right side waits holds its left side in no variable."""

    async def one(value: int) -> int:
        await _stop()
        return value

    async def add(first: int) -> None:
        left = [first]
        await _stop()
        assert left.pop() + await one(1) == first + 1

    assert states(functools.partial(add, 3))[1] != states(functools.partial(add, 4))[1]


def test_which_variables_are_set_belongs_to_the_state() -> None:
    """A variable that is not set yet is not one that holds something else."""

    async def maybe(which: int) -> None:
        if which:
            first = 5
        else:
            second = 5
        which = 0
        await _stop()
        del which
        first = second = 0
        assert first == second

    taken = [states(functools.partial(maybe, which))[0] for which in (0, 1)]
    assert taken[0] != taken[1]


def test_what_an_inner_coroutine_changes_is_seen_in_the_outer_one() -> None:
    """A list that the caller holds is read again when the callee has changed it."""

    async def inner(held: list[int]) -> None:
        await _stop()
        held.append(1)
        await _stop()

    async def outer() -> None:
        held: list[int] = []
        await inner(held)

    assert len(set(states(outer))) == 2


def test_closures_are_told_apart_by_what_they_close_over() -> None:
    """And by their code."""

    def closing(over: int) -> Callable[[], int]:
        return lambda: over

    taken = [
        states(functools.partial(_with, function))[0]
        for function in (closing(1), closing(2), functools.partial(int, 1), int)
    ]
    assert len(set(taken)) == 4
    again = states(functools.partial(_with, closing(1)))[0]
    assert again == taken[0]


def test_what_has_no_value_is_refused() -> None:
    """Nothing is compared by chance, such as by its address."""
    with pytest.raises(InternalError, match="a task holds a object"):
        states(functools.partial(_with, object()))
