"""Strategies that give the answers of a path, and those for what comes after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from forkfuzz.engine import Strategy, Task
from forkfuzz.errors import UsageError


class Answers:
    """Gives the answers of a path, then those of another strategy; remembers both.

    Args:
        path: An answer to each question: an index into the tasks that can run, or the
            number of an outcome.
        then: Who answers what comes after.

    Attributes:
        given: All answers so far.
        starts: Where in them the one is that chose each step.
    """

    def __init__(self, path: Sequence[int], then: Strategy) -> None:
        self._path = tuple(path)
        self._then = then
        self.given: list[int] = []
        self.starts: list[int] = []

    def begin(self) -> None:
        """Be used once."""
        self._then.begin()

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose who the path says, or the other strategy.

        Raises:
            UsageError: There are fewer tasks that can run.
        """
        answer = self._known(len(runnable))
        if answer is None:
            answer = self._then.next_task(runnable, stay)
        self.starts.append(len(self.given))
        self.given.append(answer)
        return answer

    def next_value(self, label: str, options: int) -> int:
        """Choose what the path says, or the other strategy.

        Raises:
            UsageError: There are fewer outcomes.
        """
        answer = self._known(options)
        if answer is None:
            answer = self._then.next_value(label, options)
        self.given.append(answer)
        return answer

    def _known(self, options: int) -> int | None:
        position = len(self.given)
        if position >= len(self._path):
            return None
        answer = self._path[position]
        if not 0 <= answer < options:
            msg = f"answer {position} is {answer}, expected 0 to {options - 1}"
            raise UsageError(msg)
        return answer


class AskedError(Exception):
    """A question was reached that nobody has answered yet."""


class Ask:
    """Ends the run at its first question.

    Args:
        who_next: Told of the tasks that can run, and which of them would stay.
        which_outcome: Told of what hardware may do, and how many ways there are.
    """

    def __init__(
        self,
        who_next: Callable[[Sequence[Task], int], None],
        which_outcome: Callable[[str, int], None],
    ) -> None:
        self._who_next = who_next
        self._which_outcome = which_outcome

    def begin(self) -> None:
        """Be used once."""

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Ask who goes next.

        Raises:
            AskedError: Always.
        """
        self._who_next(runnable, stay)
        raise AskedError

    def next_value(self, label: str, options: int) -> int:
        """Ask which outcome, if there is a choice.

        Raises:
            AskedError: There is.
        """
        if options == 1:
            return 0
        self._which_outcome(label, options)
        raise AskedError


@attrs.frozen(slots=True)
class Stops:
    """When a run that goes on by itself stops.

    Attributes:
        points: Before a task takes a step with one of these labels.
        properties: After one of these is broken; with ``any``, after any is.
    """

    points: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()


ANY = "any"
"""Among properties, stands for all of them."""


class Until:
    """Lets a strategy decide until something happens that a person waits for.

    Args:
        strategy: Who decides.
        stops: What is waited for.
        broken: Returns the properties broken so far.
        ask: Who decides then.
    """

    def __init__(
        self,
        strategy: Strategy,
        stops: Stops,
        broken: Callable[[], Sequence[str]],
        ask: Ask,
    ) -> None:
        self._strategy = strategy
        self._stops = stops
        self._broken = broken
        self._ask = ask
        self._known: int | None = None

    def begin(self) -> None:
        """Start the strategy."""
        self._strategy.begin()

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Let the strategy choose, or ask."""
        broken = self._broken()
        begins = self._known is None
        if self._known is None:
            self._known = len(broken)
        chosen = self._strategy.next_task(runnable, stay)
        news = broken[self._known :]
        at_point = runnable[chosen].label in self._stops.points and not begins
        if at_point or self._is_waited_for(news):
            return self._ask.next_task(runnable, stay)
        return chosen

    def _is_waited_for(self, news: Sequence[str]) -> bool:
        wanted = self._stops.properties
        return bool(news) if ANY in wanted else not wanted.isdisjoint(news)

    def next_value(self, label: str, options: int) -> int:
        """Let the strategy choose."""
        return self._strategy.next_value(label, options)
