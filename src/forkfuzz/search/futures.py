"""What each task may still touch, learned from the steps it was seen to take.

Nodes are places where a task can stand: its number and the number of its local state.
Each step from one node to another adds an edge, and what it touched to the node that it
left. What a task may touch in future is what any node touches that can be reached from
where it stands, up to nodes at which it would wait for a lock that somebody holds.

Objects are bits of an integer, so that sets of them are compared in one operation.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import attrs

Node = tuple[int, int]
"""(index of the task, number of its local state)."""

Locks = frozenset[str]

Touch = tuple[Hashable, ...]
"""The name of an object, or of a part of one."""

Accesses = tuple[set[Touch], set[Touch], set[Touch]]
"""Objects read, objects changed, and objects changed by an addition only.

Additions to the same object can come in any order.
"""


@attrs.define(slots=True)
class Touched:
    """Objects that a step reads, changes, or only adds to, as bits."""

    reads: int = 0
    writes: int = 0
    adds: int = 0

    def conflicts(self, other: Touched) -> bool:
        """Return whether the order of the two can make a difference."""
        changed = other.writes | other.adds
        return bool(
            self.writes & (other.reads | changed)
            or self.reads & changed
            or self.adds & (other.reads | other.writes)
        )

    def include(self, other: Touched) -> bool:
        """Add what *other* touches; return whether there was anything new in it."""
        before = self.reads, self.writes, self.adds
        self.reads |= other.reads
        self.writes |= other.writes
        self.adds |= other.adds
        return before != (self.reads, self.writes, self.adds)


@attrs.define(slots=True)
class _Place:
    """A node.

    Attributes:
        waits_for: The lock, if the step from here has to wait for one.
        seen: What the steps from here have touched.
        touched: The same, as bits.
        following: Where they led.
        runnable: Whether a task that stands here was ever able to go on.
        stepped: Whether one did; what it does next is unknown before.
    """

    waits_for: str
    seen: Accesses = attrs.Factory(lambda: (set(), set(), set()))
    touched: Touched = attrs.Factory(Touched)
    following: set[Node] = attrs.Factory(set)
    runnable: bool = False
    stepped: bool = False


class Futures:
    """The graph of the places where tasks were seen.

    Attributes:
        version: Grows whenever something new is learned.
    """

    def __init__(self) -> None:
        self.version = 0
        self._bits: dict[Touch, int] = {}
        self._places: dict[Node, _Place] = {}
        self._known: dict[tuple[Node, Locks], tuple[int, Touched | None]] = {}

    def arrive(self, node: Node, waits_for: str) -> None:
        """Note a place where a task stands."""
        if node not in self._places:
            self._places[node] = _Place(waits_for)
            self.version += 1

    def can_go_on(self, node: Node) -> None:
        """Note that the task at *node* could take its step."""
        place = self._places[node]
        if not place.runnable:
            place.runnable = True
            self.version += 1

    def touch(self, node: Node, accesses: Accesses) -> None:
        """Note what a step from *node*, or its condition, has touched."""
        place = self._places[node]
        reads, writes, adds = place.seen
        if reads >= accesses[0] and writes >= accesses[1] and adds >= accesses[2]:
            return
        for objects, seen in zip(accesses, place.seen, strict=True):
            seen |= objects
        place.touched.include(Touched(*map(self._mask, accesses)))
        self.version += 1

    def step(self, node: Node, following: Node | None) -> None:
        """Note that a step led from one place to another, or to the task's end."""
        place = self._places[node]
        if not place.stepped or (following and following not in place.following):
            place.stepped = True
            if following:
                place.following.add(following)
            self.version += 1

    def _mask(self, objects: Iterable[Touch]) -> int:
        mask = 0
        for obj in objects:
            mask |= 1 << self._bits.setdefault(obj, len(self._bits))
        return mask

    def next_step(self, node: Node) -> Touched:
        """Return what the steps from *node* were seen to touch."""
        return self._places[node].touched

    def future(self, node: Node, held: Locks) -> Touched | None:
        """Return what a task at *node* may touch while others hold the locks *held*.

        None if that is not known: it may come to a place that no step was seen from.
        """
        key = (node, held)
        version, future = self._known.get(key, (-1, None))
        if version != self.version:
            future = self._future(node, held)
            self._known[key] = (self.version, future)
        return future

    def _future(self, start: Node, held: Locks) -> Touched | None:
        future = Touched()
        seen = {start}
        left = [start]
        while left:
            place = self._places[left.pop()]
            if place.waits_for in held:
                continue
            if place.runnable and not place.stepped:
                return None
            future.include(place.touched)
            new = place.following - seen
            seen |= new
            left.extend(new)
        return future
