"""Which actions of a run matter to a violation, and in whose columns they stand."""

from __future__ import annotations

import re

import attrs

from forkfuzz.checkers import Violation
from forkfuzz.checkers.violation import StoreRef
from forkfuzz.report.recording.events import Recording
from forkfuzz.report.sanitize import brief
from forkfuzz.report.words import pages_named, place_of, shown, tasks_named

from .action import Action, Call
from .actions import actions
from .dots import tidy, without_repeats
from .phrases import FORK_FLUSH
from .window import window_of

COLUMNS = 3
"""More than so many columns are not readable in 75 characters."""

LAST_LOCKS = 12
"""So many lock operations are shown of a run that could not go on."""

FREED = ("tlb.use-after-free", "page.refcount")
"""Properties that the end of a frame's life matters to."""
FILLS = ("fill", "fill_read")
"""A translation that can be written through, and one that can only be read through."""
READ = ("tlb.two-frames", "tlb.stale-readable")
"""Properties that translations matter to which cannot be written through."""
PINS = ("pin", "unpin", "has_pinned", "dma")
FAULTS = ("cow", "reuse", "zap", "collapse", "unmap", "mprotect", "guard")
RIGHTS = ("flags", "mprotect", "guard")
"""What a thread has asked for, which fork may overlook however long ago that was."""
PINNED = ("parent.lost-store", "parent.stale-read", "file.written")
"""Properties that references to pages matter to, beside those about pins."""
HOLDS = ("lock_acquired", "lock_released")
LOCKS = ("lock_requested", *HOLDS)
EXCLUSIVE = (
    "pin.not-exclusive",
    "pin.diverged",
    "page.exclusive-shared",
    "pte.writable-shared",
)
"""Properties that PageAnonExclusive matters to."""
QUIET = (*LOCKS, "vma_end", "vma_step", "fill_read", "exclusive", "ack")
"""What is not told only because a violation was noticed at the same step."""
ACCESSES = ("store", "load", "dma")


@attrs.frozen(slots=True)
class Focus:
    """What a race table shows.

    Attributes:
        columns: Tasks, the forking one first.
        shown: What stands in the table, in order.
        end: The step after which the violation was noticed; 0 if there is none.
    """

    columns: tuple[str, ...]
    shown: tuple[Action, ...]
    end: int = 0


def focus(
    recording: Recording,
    violation: Violation,
    readers: tuple[str, ...] = (),
    *,
    full: bool,
) -> Focus:
    """Choose what to show.

    Args:
        readers: Threads whose loads matter too, whenever they are.
        full: Also show the other accesses to the same pages while fork runs; without
            it, ``...`` stands for them.
    """
    return _Chooser(recording, violation, readers).choose(full=full)


class _Chooser:
    """Decides what matters."""

    def __init__(
        self, recording: Recording, violation: Violation, readers: tuple[str, ...]
    ) -> None:
        self._violation = violation
        self._readers = readers
        self._topic = violation.prop.partition(".")[0]
        self._places = [place_of(store) for store in violation.pair]
        self._all = actions(recording)
        self._steps = [self._step_of(store) for store in violation.pair]
        self._window = window_of(recording, violation)
        self._late = self._late_calls()
        self._recording = recording
        said = shown(recording.program, violation.message)
        message = " ".join([said, *self._places])
        self._pages = pages_named(recording, message) or [
            brief(page.name) for page in recording.program.pages
        ]
        self._vmas = {
            f"vma{page.vma}"
            for page in recording.program.pages
            if brief(page.name) in self._pages
        }
        self._named = tasks_named(recording, said)

    def _step_of(self, store: StoreRef) -> int:
        """Return the step of a store; a reference may be to where it was noticed."""
        text = f"{place_of(store)} = {store.value}"
        made = [
            action.step
            for action in self._all
            if action.task == brief(store.task)
            and action.step <= store.step
            and _stored(action) == text
        ]
        return made[-1] if made else store.step

    def choose(self, *, full: bool) -> Focus:
        """Return the table's contents."""
        if self._recording.waiting:
            return self._stuck()
        essential = [a for a in self._all if self._is_essential(a)]
        essential += self._causes(essential)
        columns = self._columns(essential)
        wanted = {id(a) for a in essential if a.task in columns}
        shown = []
        for action in self._all:
            if id(action) in wanted:
                shown.append(action)
            elif action.task in columns and self._is_context(action):
                shown.append(action if full else attrs.evolve(action, kind="elided"))
        left = tidy(without_repeats(shown))
        return Focus(tuple(columns), tuple(left), self._violation.step)

    def _stuck(self) -> Focus:
        """Return who holds what, and who waits, in a run that could not go on."""
        waiting = self._recording.waiting
        objects = [w.obj for w in waiting if w.obj]
        tasks = [holder for w in waiting for holder in w.holders]
        tasks += [w.task for w in waiting]
        columns = list(dict.fromkeys(tasks))[:COLUMNS]
        shown = [
            action
            for action in self._all
            if action.task in columns
            and (action.kind in HOLDS and action.place in objects)
        ][-LAST_LOCKS:]
        end = len(self._recording.steps) + 1
        shown += [
            Action(end, w.task, "waits", f"waits: {w.label}")
            for w in waiting
            if w.task in columns
        ]
        return Focus(tuple(columns), tuple(shown))

    def _late_calls(self) -> list[Call]:
        """Return the unlock and flush by fork, where the flush comes after the cut."""
        after = [
            action
            for action in self._all
            if action.task == self._window.task and action.step >= self._window.cut
        ]
        if all(a.kind != "flush" or a.text != FORK_FLUSH for a in after):
            return []
        return [
            action.call
            for action in after
            if action.kind == "cut" or action.text == FORK_FLUSH
        ][:2]

    def _is_essential(self, action: Action) -> bool:
        window, violation = self._window, self._violation
        if self._is_read(action):
            return True
        if action.step in self._steps and action.kind in (*ACCESSES, *FAULTS):
            return action.place in ("", *self._places) or action.kind in FAULTS
        if action.task == window.task and action.step >= window.start:
            if action.kind in ("fork", "cut", "failed"):
                return action.page in ("", window.child)
            if action.step <= window.cut:
                return self._is_fork_step(action)
            if action.call in self._late:
                return True
        if action.step == violation.step:
            in_order = violation.prop == "lock.order" and action.kind in LOCKS
            return in_order or action.kind not in QUIET
        return self._is_about_topic(action) or self._orders_pair(action)

    def _is_read(self, action: Action) -> bool:
        """Return whether this is one of the loads that were asked for."""
        return action.kind == "load" and action.task in self._readers

    def _is_fork_step(self, action: Action) -> bool:
        """Return whether a step of fork, before the cut, matters."""
        match action.kind:
            case "walk" | "vma_write":
                return action.page in self._vmas
            case "copy" | "protect" | "share":
                return action.page in self._pages
            case "flush" | "flush_end":
                return action.page in ("", *self._pages)
            case "dma_test":
                return self._topic == "pin" and action.page in self._pages
            case "exclusive":
                return self._violation.prop in EXCLUSIVE and action.page in self._pages
        return self._violation.prop == "lock.order" and self._is_about_topic(action)

    def _is_about_topic(self, action: Action) -> bool:
        """Return whether something that was not done by fork matters."""
        window, kind = self._window, action.kind
        before_end = action.step <= self._violation.step
        during = window.start <= action.step and before_end
        if not before_end:
            return False
        if kind in RIGHTS and action.page in (*self._pages, *self._vmas):
            return True
        if kind in FAULTS and during and action.page in self._pages:
            leak = "leak" in self._violation.prop
            return leak or action.step < window.cut or self._topic != "snapshot"
        match self._violation.prop:
            case "lock.vma-overlap":
                return during and kind == "vma_read"
            case "lock.order":
                culprit = action.task in self._named
                return kind in HOLDS and (
                    culprit or action.place in self._violation.message
                )
            case "parent.lost-store" if kind == "store":
                return during and action.place in self._places
        if self._violation.prop in FREED and kind == "free":
            return during
        if "leak" in self._violation.prop:
            return kind == "pin" and action.page in self._pages
        if self._topic == "tlb":
            about = kind in ("flush", "zap_none")
            return during and about and action.page in ("", *self._pages)
        about_pins = self._topic == "pin" or self._violation.prop in PINNED
        return about_pins and kind in PINS and action.page in ("", *self._pages)

    def _orders_pair(self, action: Action) -> bool:
        """Return whether a load may be what puts the two stores in order."""
        tasks = {brief(store.task) for store in self._violation.pair}
        return (
            len(tasks) > 1
            and action.kind == "load"
            and action.task in tasks
            and min(self._steps) < action.step < max(self._steps)
        )

    def _is_context(self, action: Action) -> bool:
        """Return whether an access is worth a line, or else three dots."""
        window = self._window
        end = window.cut if self._topic == "snapshot" else self._violation.step
        return (
            action.kind in ACCESSES
            and window.start <= action.step <= end
            and (action.page in self._pages or self._topic == "snapshot")
        )

    def _causes(self, essential: list[Action]) -> list[Action]:
        """Return what made essential actions possible: faults, cached translations."""
        found: list[Action] = []
        for action in essential:
            if action.kind in ("cow", "reuse"):
                found += self._before(action, ("vma_read",), "")
                for fault in self._before(action, ("fault",), action.page, early=True):
                    found.append(fault)
                    if fault.step < self._window.cut:
                        found += self._before(fault, ("evict",), action.page)
            elif action.kind == "vma_read" and action.depth:
                found += self._before(action, ("fault",), None, early=True)
            elif action.stale:
                fills = self._before(action, ("fill",), action.page)
                found += [fill for fill in fills if self._is_refill(fill)]
            elif self._is_read(action) and self._topic == "tlb":
                found += self._before(action, FILLS, action.page, early=True)
        if self._violation.prop == "lock.vma-overlap":
            calls = [a.call for a in essential if a.kind == "vma_read"]
            found += [a for a in self._all if a.kind == "vma_step" and a.call in calls]
        found += self._interrupted([*essential, *found])
        found += self._overwrote()
        if self._topic == "tlb":
            end = Action(self._violation.step + 1, "", "end", "")
            reading = self._violation.prop in READ
            kinds = FILLS if reading else FILLS[:1]
            for task in self._named:
                marker = attrs.evolve(end, task=task)
                for page in self._pages:
                    found += self._before(marker, kinds, page, early=True)
        return [a for i, a in enumerate(found) if a not in essential + found[:i]]

    def _overwrote(self) -> list[Action]:
        """Return the last store of the value that stands where another one is lost."""
        holds = re.search(r"; memory holds (-?\d+)", self._violation.message)
        if holds is None:
            return []
        end = f"] = {holds[1]}"
        made = [a for a in self._all if a.step <= self._violation.step]
        return [a for a in made if _stored(a).endswith(end)][-1:]

    def _interrupted(self, actions: list[Action]) -> list[Action]:
        """Return the first parts of what took a VMA's lock around its writer."""
        writes = [a.step for a in self._all if a.kind == "vma_write"]
        found = []
        for read in actions:
            if read.kind == "vma_read":
                parts = [
                    a for a in self._all if a.kind == "vma_step" and a.call is read.call
                ]
                if any(parts[0].step < write < read.step for write in writes if parts):
                    found += parts
        return found

    def _is_refill(self, fill: Action) -> bool:
        """Return whether a translation was cached although fork has flushed."""
        return any(
            action.kind == "flush"
            and action.task == self._window.task
            and action.page in ("", fill.page)
            and self._window.start <= action.step < fill.step
            for action in self._all
        )

    def _before(
        self,
        action: Action,
        kinds: tuple[str, ...],
        page: str | None,
        *,
        early: bool = False,
    ) -> list[Action]:
        """Return the last action of these kinds of the same task before *action*.

        What happened before fork began is told by the line that depends on it, so it
        counts only if *early*.
        """
        found = [
            other
            for other in self._all
            if other.task == action.task
            and other.kind in kinds
            and page in (None, other.page)
            and other.step <= action.step
            and (early or other.step >= self._window.start or not self._window.task)
        ]
        return found[-1:]

    def _columns(self, essential: list[Action]) -> list[str]:
        pair = [brief(store.task) for store in self._violation.pair]
        at_end = [a.task for a in essential if a.step == self._violation.step]
        order = [self._window.task, *pair, *at_end, *self._named]
        order += [action.task for action in essential]
        present = {action.task for action in essential}
        present.add(self._window.task)
        order = [task for task in order if task in present and task]
        return list(dict.fromkeys(order))[:COLUMNS]


def _stored(action: Action) -> str:
    """Return which word a store has set to what, such as ``A[0] = 1``."""
    if action.kind not in ("store", "dma"):
        return ""
    return action.text.split("  ")[0].removesuffix(" (DMA)")
