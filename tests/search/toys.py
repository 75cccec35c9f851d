"""Small systems whose every run is known by other means."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from forkfuzz.engine import Machine, Strategy, Task, choose, point
from forkfuzz.search import Accesses, Names, Search


class Toy:
    """A system made of straight-line tasks on named integers.

    Args:
        programs: One list of instructions for each task: ``("set", name, value)``,
            ``("add", name)``, ``("copy", source, target)``, ``("wait", name, value)``,
            ``("flip", name)``. Each is one step.
        start: Values of the integers.
        locked: Instructions by index of the task that run under the lock ``L``.
    """

    def __init__(self, programs: Sequence[Sequence[Any]], **start: int) -> None:
        self.programs = programs
        self.start = start

    def begin(self, strategy: Strategy) -> ToyTrial:
        """Set up a run."""
        return ToyTrial(self, strategy)

    def alike(self) -> Sequence[Sequence[int]]:
        """No two tasks are."""
        return []


class ToyTrial:
    """One run of a `Toy`; notes what it touches by itself."""

    def __init__(self, toy: Toy, strategy: Strategy) -> None:
        self.machine = Machine(strategy)
        self.values = dict(toy.start)
        self.names: Names = {ToyTrial: lambda _trial: "trial"}
        self._reads: set[Any] = set()
        self._writes: set[Any] = set()
        for number, program in enumerate(toy.programs):
            self.machine.spawn(f"T{number}", _body(self, tuple(program)))

    def read(self, name: str) -> int:
        """Return an integer, and note that it was read."""
        self._reads.add((name,))
        return self.values.get(name, 0)

    def write(self, name: str, value: int) -> None:
        """Set an integer, and note that it was changed."""
        self._writes.add((name,))
        self.values[name] = value

    def shared_state(self) -> Iterable[Hashable]:
        """Return all integers."""
        return [tuple(sorted(self.values.items()))]

    def watch(self) -> None:
        """Everything is noted always."""

    def accesses(self, label: str = "") -> Accesses:
        """Return what was touched since the last call."""
        touched = self._reads, self._writes
        self._reads, self._writes = set(), set()
        return (*touched, set())

    def close(self) -> None:
        """Leave it to the garbage collector."""

    def held(self, task: Task) -> frozenset[str]:
        """There are no locks."""
        return frozenset()


def _body(trial: ToyTrial, program: tuple[Any, ...]) -> Any:
    async def body() -> None:
        for kind, name, *rest in program:
            when = None
            if kind == "wait":
                wanted = rest[0]
                when = _is(trial, name, wanted)
            await point(f"toy:{kind}", when=when)
            _carry_out(trial, kind, name, rest)

    return body


def _is(trial: ToyTrial, name: str, wanted: int) -> Any:
    return lambda: trial.read(name) == wanted


def _carry_out(trial: ToyTrial, kind: str, name: str, rest: Sequence[Any]) -> None:
    match kind:
        case "set":
            trial.write(name, rest[0])
        case "add":
            trial.write(name, trial.read(name) + 1)
        case "copy":
            trial.write(rest[0], trial.read(name))
        case "flip":
            trial.write(name, choose("toy:flip", 2))


def ends(toy: Toy, **how: Any) -> set[tuple[Any, ...]]:
    """Return how runs of *toy* can end: the integers, and the outcome."""
    found = set()

    def on_end(trial: ToyTrial, ended: bool) -> None:
        if ended:
            values = tuple(sorted(trial.values.items()))
            found.add((values, trial.machine.outcome.value))

    Search(toy, on_end, **how).run()
    return found


def ends_by_hand(toy: Toy) -> set[tuple[Any, ...]]:
    """Return the same by walking through the instructions without any engine."""
    found = set()
    left = [((0,) * len(toy.programs), tuple(sorted(toy.start.items())))]
    seen = set(left)
    while left:
        at, values = left.pop()
        steps = list(_steps(toy, at, dict(values)))
        if not steps:
            done = all(pc == len(p) for pc, p in zip(at, toy.programs, strict=True))
            found.add((values, "finished" if done else "deadlock"))
        for step in steps:
            if step not in seen:
                seen.add(step)
                left.append(step)
    return found


def _steps(toy: Toy, at: tuple[int, ...], values: dict[str, int]) -> Iterable[Any]:
    for task, program in enumerate(toy.programs):
        if at[task] == len(program):
            continue
        kind, name, *rest = program[at[task]]
        if kind == "wait" and values.get(name, 0) != rest[0]:
            continue
        after = (*at[:task], at[task] + 1, *at[task + 1 :])
        for outcome in (0, 1) if kind == "flip" else (0,):
            new = dict(values)
            match kind:
                case "set":
                    new[name] = rest[0]
                case "add":
                    new[name] = new.get(name, 0) + 1
                case "copy":
                    new[rest[0]] = new.get(name, 0)
                case "flip":
                    new[name] = outcome
            yield after, tuple(sorted(new.items()))
