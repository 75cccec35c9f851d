"""A simulated machine to write tests with: pages, threads, a fork, a pin.

Threads are ordinary coroutine functions. Each of their operations is made of the
kernel's own steps, between which the other threads may run::

    async def test_child_has_both_or_neither(sim):
        page_a, page_b = sim.page("A", pinned=True), sim.page("B")

        @sim.thread
        async def writer(cpu):
            await cpu.store(page_a, 1)
            await cpu.store(page_b, 1)

        @sim.thread
        async def forker(cpu):
            await cpu.fork()

        await sim.run(rules="mainline")
        assert sim.value(page_b, of="child") <= sim.value(page_a, of="child")
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from forkfuzz.checkers import Violation
from forkfuzz.engine import Strategy
from forkfuzz.engine import point as engine_point
from forkfuzz.errors import UsageError
from forkfuzz.kernel.mmu import AccessResult
from forkfuzz.kernel.protocol import ADVICE
from forkfuzz.mm.mm_types import MmStruct
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios import program as p
from forkfuzz.strategies import RandomWalk

from .interpreter import ThreadRunner
from .memory import word_value
from .result import RunResult
from .run import Run

SimBody = Callable[["SimThread"], Awaitable[None]]


class ViolationError(AssertionError):
    """A run broke a property.

    Attributes:
        violations: All that it broke.
    """

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        lines = [f"{violation.prop}: {violation.message}" for violation in violations]
        super().__init__("\n".join(lines))
        self.violations = violations


class SegmentationFault(Exception):  # noqa: N818 -- what it is called
    """A thread accessed what it must not."""


@attrs.frozen(slots=True)
class Page:
    """A page of the parent's address space, made by `Sim.page`."""

    name: str


class SimThread:
    """What a thread, or a device, can do; its functions get one.

    Values are numbers, words are counted from 0.
    """

    def __init__(self, runner: ThreadRunner) -> None:
        self._runner = runner

    async def _do(self, statement: p.Statement) -> None:
        result = await self._runner.execute(statement)
        if result is not AccessResult.DONE:
            msg = f"{self._runner.thread.name}: {statement} ends with {result.value}"
            raise SegmentationFault(msg)

    async def store(self, page: Page, value: int, word: int = 0) -> None:
        """Store a value through this CPU's TLB, taking the faults that it takes.

        Raises:
            SegmentationFault: If the page must not be written.
        """
        await self._do(p.Store(page.name, word, value))

    async def kernel_store(self, page: Page, value: int, word: int = 0) -> None:
        """Store as copy_to_user does on the thread's behalf."""
        await self._do(p.Store(page.name, word, value, kernel=True))

    async def load(self, page: Page, word: int = 0) -> int:
        """Load a value.

        Raises:
            SegmentationFault: If the page must not be read.
        """
        await self._do(p.Load(page.name, word, ""))
        return self._register()

    async def fork(self) -> str | None:
        """Fork; return the child's name for `Sim.value`, or None if fork failed."""
        before = len(self._runner.execution.world.mms)
        await self._do(p.Fork())
        made = self._runner.execution.world.mms[before:]
        mine = [mm for mm in made if mm.parent is self._runner.cpu.mm and mm.visible]
        return mine[0].name if mine else None

    async def pin(self, page: Page, *, write: bool = True, fast: bool = True) -> None:
        """pin_user_pages on one page, without locks first unless told otherwise."""
        await self._do(p.Pin(page.name, write=write, fast=fast))

    async def get(self, page: Page) -> None:
        """get_user_pages on one page: a reference as vmsplice takes it."""
        await self._do(p.Pin(page.name, get=True))

    async def unpin(self, page: Page) -> None:
        """Give the oldest reference on the page back, once there is one."""
        await self._do(p.Unpin(page.name))

    async def dma_store(self, page: Page, value: int, word: int = 0) -> None:
        """Write through a page reference, once there is one."""
        await self._do(p.DmaStore(page.name, word, value))

    async def dma_load(self, page: Page, word: int = 0) -> int:
        """Read through a page reference, once there is one."""
        await self._do(p.DmaLoad(page.name, word, ""))
        return self._register()

    async def madvise(self, page: Page, advice: str) -> None:
        """Give advice: ``dontneed``, ``dontfork``, ``wipeonfork`` or ``guard``."""
        if advice not in ADVICE:
            msg = f"no advice {advice!r}, expected one of {', '.join(ADVICE)}"
            raise UsageError(msg)
        await self._do(p.Madvise(page.name, advice))

    async def mprotect(self, page: Page, prot: str) -> None:
        """Let the page be accessed as ``r``, ``rw`` or ``none`` says."""
        await self._do(p.Mprotect(page.name, prot))

    async def munmap(self, page: Page) -> None:
        """Take the page out of this address space."""
        await self._do(p.Munmap(page.name))

    async def post(self, semaphore: str) -> None:
        """Let one `wait` on the same semaphore go on."""
        await self._do(p.Post(semaphore))

    async def wait(self, semaphore: str) -> None:
        """Wait for a `post`."""
        await self._do(p.Wait(semaphore))

    async def exit(self) -> None:
        """End this process: its memory is taken down."""
        await self._do(p.Exit())

    async def point(self, label: str) -> None:
        """Let other threads run here."""
        await engine_point(label)

    def _register(self) -> int:
        registers = self._runner.execution.registers
        return registers.get((self._runner.thread.name, ""), 0)


class Sim:
    """One simulated machine: say what there is, run it once, look at it.

    Attributes:
        strategy: Decides the run.
        result: What came of it, once it has run.
    """

    def __init__(self, strategy: Strategy | None = None) -> None:
        self.strategy: Strategy = strategy or RandomWalk(0)
        self.result: RunResult | None = None
        self._run: Run | None = None
        self._pages: list[p.PageSpec] = []
        self._threads: list[p.Thread] = []
        self._bodies: dict[str, SimBody] = {}

    def page(self, name: str, *, pinned: bool = False, **attributes: Any) -> Page:
        """Add a page; see `forkfuzz.scenarios.program.PageSpec` for the attributes."""
        if pinned:
            attributes["pin"] = "rw"
        self._pages.append(p.PageSpec(name, **attributes))
        return Page(name)

    def thread(self, body: SimBody) -> SimBody:
        """Add a thread of the parent, named after the function."""
        return self._add(body, "parent")

    def device(self, body: SimBody) -> SimBody:
        """Add a device, named after the function."""
        return self._add(body, "device")

    def child(self, body: SimBody) -> SimBody:
        """Add a thread of the first child, named after the function."""
        return self._add(body, "child")

    def _add(self, body: SimBody, kind: str) -> SimBody:
        name = getattr(body, "__name__", "thread")
        self._threads.append(p.Thread(name, (), kind))
        self._bodies[name] = body
        return body

    async def run(
        self, rules: str = "seed", *, check: bool = True, **program: Any
    ) -> RunResult:
        """Run all threads to their end, in the Trio program that this is part of.

        Args:
            rules: ``PRESET[,field=value...]``.
            check: Raise if a property is broken.
            program: More fields of `forkfuzz.scenarios.program.Program`, such as
                ``fail_sites``.

        Raises:
            ViolationError: If a property is broken, and *check* is set.
            UsageError: If the machine has run already, or makes no sense.
        """
        # Here and not above: whoever only describes runs does not import Trio.
        from forkfuzz.engine.trio_driver import run_trio

        if self._run is not None:
            msg = "this machine has run already, expected a new one"
            raise UsageError(msg)
        self._run = Run(
            p.Program("sim", tuple(self._pages), tuple(self._threads), **program),
            parse_rules(rules),
            self.strategy,
            bodies={n: _wrap(body) for n, body in self._bodies.items()},
        )
        self.strategy.begin()
        await run_trio(self._run.machine)
        self.result = self._run.result()
        if check and self.result.violations:
            raise ViolationError(self.result.violations)
        return self.result

    def value(self, page: Page, word: int = 0, *, of: str = "parent") -> int:
        """Return what a word holds, by the page tables of *of*, at the end.

        Raises:
            UsageError: Before the run, or if there is no such process, or no memory
                there: the process has exited, the page is unmapped, or a guard region.
        """
        vpn = [spec.name for spec in self._pages].index(page.name)
        value = word_value(self._mm(of), vpn, word)
        if value is None:
            msg = f"{of} has no page {page.name} at the end, expected one that it has"
            raise UsageError(msg)
        return value

    @property
    def has_run(self) -> bool:
        """Whether `run` was awaited, however it ended."""
        return self._run is not None

    def decisions(self) -> tuple[list[Any], tuple[str, ...]]:
        """Return the decisions of the run so far, and the names of its tasks."""
        if self._run is None:
            return [], ()
        machine = self._run.machine
        return machine.decisions, tuple(task.name for task in machine.tasks)

    def _mm(self, name: str) -> MmStruct:
        mms = self._run.world.mms if self._run else []
        for mm in mms:
            if mm.name == name:
                return mm
        known = ", ".join(mm.name for mm in mms) or "none before the run"
        msg = f"no process {name!r}; there are {known}"
        raise UsageError(msg)


def _wrap(body: SimBody) -> Callable[[ThreadRunner], Awaitable[None]]:
    async def run(runner: ThreadRunner) -> None:
        await body(SimThread(runner))

    return run
