"""What the threads of a running program share beyond memory: order and references."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING

from forkfuzz.kernel.protocol import Protocol
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import Pin as PageReference
from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.mm.world import World
from forkfuzz.scenarios import program as p

if TYPE_CHECKING:
    from .interpreter import ThreadRunner

Body = Callable[["ThreadRunner"], Awaitable[None]]
"""What a thread does, written as code instead of statements."""


class Execution:
    """One program in one world: what its threads share beyond memory.

    Args:
        program: Its threads.
        world: Their memory.
        protocol: The kernel model.
        bodies: Coroutine functions that take the place of threads' statements, by the
            name of the thread.

    Attributes:
        registers: Values loaded, by (thread name, register).
        faults: How a thread ended that did not reach its end, by thread name.
        forks_in_program: How many forks the statements ask for.
        children: The child that each fork made, in the order in which the forks
            began; None where it failed.
        failed_forks: The threads that have seen a fork fail.
    """

    def __init__(
        self,
        program: p.Program,
        world: World,
        protocol: Protocol,
        bodies: Mapping[str, Body] | None = None,
    ) -> None:
        self.program = program
        self.bodies = bodies or {}
        self.world = world
        self.protocol = protocol
        self.registers: dict[tuple[str, str], int] = {}
        self.faults: dict[str, str] = {}
        self.children: dict[int, MmStruct | None] = {}
        self.failed_forks: set[str] = set()
        self._forks = 0
        self.forks_in_program = sum(
            isinstance(statement, p.Fork)
            for thread in program.threads
            for statement in thread.statements
        )
        self._semaphores: dict[str, int] = {}
        self._vpns = {page: vpn for vpn, page in enumerate(world.pages)}
        self._threads = _cpus(program, world)
        self._free_bodies = len([t for t in program.threads if self._may_pin(t)])
        self._pins_to_come: dict[tuple[str, str, bool], int] = {}
        for thread in program.threads:
            self.expect_pins(thread, thread.statements, 1)

    def state(self) -> Hashable:
        """Return all that a run can still depend on."""
        children = {n: mm.name if mm else "" for n, mm in self.children.items()}
        parts = (
            self.registers,
            self.faults,
            children,
            self._semaphores,
            self._pins_to_come,
        )
        return (
            self._forks,
            self._free_bodies,
            tuple(sorted(self.failed_forks)),
            *[tuple(sorted(p.items())) for p in parts],
        )

    def end(self) -> Hashable:
        """Return what the threads have loaded, and how those ended that faulted."""
        return (
            tuple(sorted(self.registers.items())),
            tuple(sorted(self.faults.items())),
        )

    def vpn(self, page: str) -> int:
        """Return the number of a page."""
        return self._vpns[page]

    def begin_fork(self) -> int:
        """Return the number of the fork that begins now."""
        self._forks += 1
        return self._forks

    def give_up_forks(self, statements: Iterable[p.Statement]) -> None:
        """Note forks that will never begin, so that nobody waits for their children."""
        for statement in statements:
            if isinstance(statement, p.Fork):
                self.children[self.begin_fork()] = None

    def all_forked(self) -> bool:
        """Return whether every fork of the program has returned."""
        return len(self.children) == self.forks_in_program

    def reference(
        self, page: str, mm: MmStruct | None, *, get_only: bool = False
    ) -> PageReference | None:
        """Return the oldest reference that is left on a page.

        Args:
            page: Its name.
            mm: Whose; None for a device, which uses anybody's.
            get_only: Whether it has to be one of FOLL_GET.
        """
        vpn = self._vpns[page]
        for pin in self.world.pins:
            if pin.released or pin.vpn != vpn or (get_only and pin.pinned):
                continue
            if mm is None or pin.mm_name == mm.name:
                return pin
        return None

    def sharers(self, thread: p.Thread) -> tuple[str, ...]:
        """Return the other threads whose references *thread* may use."""
        return tuple(
            other.name
            for other in self.program.threads
            if other is not thread
            and (thread.kind == "device" or _process(other) == _process(thread))
        )

    def pins_to_come(
        self, page: str, threads: tuple[str, ...], *, get_only: bool = False
    ) -> bool:
        """Return whether one of the threads may still take such a reference."""
        return bool(self._free_bodies) or any(
            count
            for (name, who, get), count in self._pins_to_come.items()
            if name == page and who in threads and (get or not get_only)
        )

    def expect_pins(
        self, thread: p.Thread, statements: Iterable[p.Statement], count: int
    ) -> None:
        """Count the pins that are still to come: up, or down when they are over."""
        for statement in statements:
            if isinstance(statement, p.Pin):
                key = (statement.page, thread.name, statement.get)
                self._pins_to_come[key] = self._pins_to_come.get(key, 0) + count

    def body_over(self, thread: p.Thread) -> None:
        """Note that a thread written as code will pin nothing any more."""
        self._free_bodies -= self._may_pin(thread)

    def _may_pin(self, thread: p.Thread) -> bool:
        return thread.name in self.bodies and thread.kind != "device"

    def post(self, semaphore: str) -> None:
        """Add one to a semaphore."""
        self._semaphores[semaphore] = self._semaphores.get(semaphore, 0) + 1

    def posted(self, semaphore: str) -> bool:
        """Return whether a wait would go on."""
        return self._semaphores.get(semaphore, 0) > 0

    def take(self, semaphore: str) -> None:
        """Take one from a semaphore."""
        self._semaphores[semaphore] -= 1

    def kill(self, thread: str) -> None:
        """Make a thread's killable waits give up."""
        self._threads[thread].fatal_signal_pending = True

    def visible_child(self) -> MmStruct | None:
        """Return the newest child that kernel threads can find."""
        for mm in reversed(self.world.mms):
            if mm.parent is not None and mm.visible:
                return mm
        return None

    def cpu(self, thread: p.Thread) -> Cpu | None:
        """Return where a thread runs; None for a device."""
        return self._threads.get(thread.name)


def _process(thread: p.Thread) -> int:
    """Return a number for the process of a thread: that of its fork, 0: the parent."""
    return thread.fork if thread.kind == "child" else 0


def _cpus(program: p.Program, world: World) -> dict[str, Cpu]:
    """Return the CPU of each thread that has one, in the order of both."""
    threads = [thread for thread in program.threads if thread.kind != "device"]
    return {t.name: cpu for t, cpu in zip(threads, world.cpus, strict=True)}
