"""What is wrong with a child whose memory is not that of its parent at the cut.

If the child's image is one that the parent had at an earlier instant, it is stale: the
contract is broken. If the parent never had it, it is torn: some store is missing while
a later one is there. A program can see that when the two are ordered for it, by
program order or by a chain of loads that read stores and of waits for posts.
"""

from __future__ import annotations

import attrs

from forkfuzz.mm.pgtable import NONE, PTE_MARKER_GUARD

from .causality import Causality
from .checker import GUARD_VALUE, Checker
from .history import Entry, Location, ParentHistory, Span, Write
from .violation import Severity, StoreRef

PAGE_IS = {NONE: "thrown away", PTE_MARKER_GUARD: "made a guard"}
"""What has become of a page, by the entry that it has."""


@attrs.define(eq=False, slots=True)
class ForkRecord:
    """What is known of one fork under way.

    Attributes:
        parent: Name of the mm that it copies.
        since: Log position at which fork had mmap_lock.
        exempt: Pages of the parent written through references since.
        expected: The parent's words at the cut, once it is past.
        position: Log position of the cut.
        points: Label of the step that gave the child its entry, by vpn.
        overwritten: Words that the child has stored to, or thrown away, since the cut.
    """

    parent: str
    since: int
    exempt: list[int] = attrs.Factory(list)
    expected: dict[Location, int] = attrs.Factory(dict)
    position: int = 0
    points: dict[int, str] = attrs.Factory(dict)
    overwritten: set[Location] = attrs.Factory(set)


class Judgement:
    """Finds out what is wrong with a child that differs from its parent.

    Args:
        checker: Who reports it.
        causality: What loads and stores say about their order.
        log: The history of the parent.
        fork: The fork that made the child.
        child: The store that each word of the child holds.
    """

    def __init__(
        self,
        checker: Checker,
        causality: Causality,
        log: ParentHistory,
        fork: ForkRecord,
        child: dict[Location, int],
    ) -> None:
        self.checker = checker
        self.causality = causality
        self.log = log
        self.fork = fork
        self.child = child
        self.spans = log.spans(list(child), fork.position)

    def report(self) -> None:
        """Report the worst that is true: torn for a program, torn, or stale."""
        missing = self._missing()
        if not missing:
            return
        pairs = [] if self._parent_had_it() else self._torn_pairs(missing)
        visible = [pair for pair in pairs if self._ordered(*pair)]
        if visible:
            self._report_pair("snapshot.torn", Severity.PROGRAM, visible[0])
        elif pairs:
            self._report_pair("snapshot.torn", Severity.CONTRACT, pairs[0])
        else:
            self._report_stale(missing[0])

    def _parent_had_it(self) -> bool:
        """Return whether the child is as the parent was at some time during fork."""
        words = [self._times(location) for location in self.child]
        moments = {start for times in words for start, _ in times}
        return any(
            all(any(start <= t < end for start, end in times) for times in words)
            for t in moments
        )

    def _times(self, location: Location) -> list[tuple[int, int]]:
        """Return when, during fork, the parent's word was as the child's is.

        The child may have any part of what a device wrote, as long as it is of a time
        before the first CPU store that it lacks.
        """
        store, after = self.child[location], self.fork.position + 1
        spans = [(s.start, s.end) for s in self.spans[location] if s.store == store]
        if location[0] in self.fork.exempt:
            expected = store == self.fork.expected[location]
            lost = None if expected else self._first_missed(location, store)
            spans = [(0, lost)]
        times = [(max(start, self.fork.since), end or after) for start, end in spans]
        return [(start, end) for start, end in times if start < end]

    def _torn_pairs(
        self, missing: list[tuple[int, Location]]
    ) -> list[tuple[tuple[int, Location], tuple[int, Location]]]:
        """Return the pairs of (lost, kept) that no time during fork explains.

        Where each two words have such a time but all have none, that is every pair
        whose last times are in the wrong order.
        """
        pairs = [
            (lost, kept)
            for lost in missing
            for kept in self._present()
            if lost[0] < kept[0]
        ]
        return [p for p in pairs if self._apart(p[0][1], p[1][1])] or pairs

    def _apart(self, one: Location, other: Location) -> bool:
        """Return whether the parent never had the child's values of both words."""
        return not any(
            max(start, begin) < min(end, stop)
            for start, end in self._times(one)
            for begin, stop in self._times(other)
        )

    def _missing(self) -> list[tuple[int, Location]]:
        """Return (log position, place) of the first store that each word lacks."""
        missing = []
        for location, store in self.child.items():
            if store == self.fork.expected[location]:
                continue
            position = self._first_missed(location, store)
            if position is not None:
                missing.append((position, location))
        return sorted(missing)

    def _first_missed(self, location: Location, store: int) -> int | None:
        """Return where the word moved on from what the child has.

        For an exempt page only CPU stores count; None if all that the child lacks is
        exempt.
        """
        ends = [s.end for s in self.spans[location] if s.store == store and s.end]
        since = ends[-1] if ends else self._first_change(location)
        if location[0] not in self.fork.exempt:
            return since
        for span in self.spans[location]:
            if span.start >= since and self.causality.is_cpu_store(span.store):
                return span.start
        return None

    def _first_change(self, location: Location) -> int:
        """Return where the word first changed during fork, else where it last did."""
        starts = [span.start for span in self.spans[location]]
        return next((start for start in starts if start > self.fork.since), starts[-1])

    def _present(self) -> list[tuple[int, Location]]:
        """Return (log position, place) of what each word of the child has got."""
        present = [
            (self._start_of(location, store), location)
            for location, store in self.child.items()
            if location[0] not in self.fork.exempt
        ]
        return sorted(present, reverse=True)

    def _start_of(self, location: Location, store: int) -> int:
        starts = [s.start for s in self.spans[location] if s.store == store]
        if starts:
            return starts[-1]
        # The parent never had it: a store that went to the child's frame alone.
        for position, event in enumerate(self.log.events, 1):
            if isinstance(event, Write) and event.store == store:
                return position
        return 0

    def _ordered(self, lost: tuple[int, Location], kept: tuple[int, Location]) -> bool:
        """Return whether a program can tell that the one came before the other.

        Two events of one thread are in its program order, whether they are stores or
        pages thrown away.
        """
        if lost[0] and kept[0]:
            events = self.log.events
            if events[lost[0] - 1].task == events[kept[0] - 1].task:
                return True
        first, second = self._lost_store(lost[1]), self.child[kept[1]]
        return self.causality.before(first, second)

    def _lost_store(self, location: Location) -> int:
        """Return the first store that the child's word lacks."""
        spans: list[Span] = self.spans[location]
        position = self._first_missed(location, self.child[location])
        return next((s.store for s in spans if s.start == position), 0)

    def _report_pair(
        self,
        prop: str,
        severity: Severity,
        pair: tuple[tuple[int, Location], tuple[int, Location]],
    ) -> None:
        (lost_at, lost), (kept_at, kept) = pair
        first = self._ref(lost_at, lost)
        second = self._ref(kept_at, kept)
        message = f"child has {second} but not {first}, which came before it"
        self.checker.report(
            prop, severity, message, points=self._points(lost), pair=(first, second)
        )

    def _report_stale(self, missing: tuple[int, Location]) -> None:
        lost = self._ref(*missing)
        message = f"child lacks {lost}, made before the cut"
        self.checker.report(
            "snapshot.stale",
            Severity.CONTRACT,
            message,
            points=self._points(missing[1]),
            pair=(lost,),
        )

    def _points(self, location: Location) -> tuple[str, ...]:
        return (self.fork.points.get(location[0], "dup_mmap:nothing-copied"),)

    def _ref(self, position: int, location: Location) -> StoreRef:
        place = self.checker.place(*location)
        if not position:
            return self._first(place, self.spans[location][0].store)
        event = self.log.events[position - 1]
        if isinstance(event, Write) and event.store in self.checker.world.stores:
            value = self.checker.value(event.store)
            return StoreRef(event.task, place, value, event.step)
        became = PAGE_IS.get(event.pte, "") if isinstance(event, Entry) else ""
        return StoreRef(event.task, place, 0, event.step, became)

    def _first(self, place: str, store: int) -> StoreRef:
        """Name what the parent had before any event; a guard has no value."""
        if store == GUARD_VALUE:
            return StoreRef("", place, 0, 0, PAGE_IS[PTE_MARKER_GUARD])
        return StoreRef("init", place, self.checker.value(store), 0)
