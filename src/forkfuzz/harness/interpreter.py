"""Runs the statements of a program's threads against a kernel model."""

from __future__ import annotations

import functools

from forkfuzz.engine import Access, Machine, Stop, point, writes
from forkfuzz.kernel import raw
from forkfuzz.kernel.gup import dma_read, dma_write
from forkfuzz.kernel.mmu import (
    ACKNOWLEDGE,
    SPECULATE,
    AccessResult,
    interrupts,
    load,
    speculation,
    store,
)
from forkfuzz.locking.sleep import enter_lazy_tlb, load_mm
from forkfuzz.mm.cpu import Cpu
from forkfuzz.mm.folio import Pin as PageReference
from forkfuzz.scenarios import program as p

from .execution import Execution

STORES_PER_THREAD = 1 << 16
"""Identities are thread number times this plus the number of the thread's store."""


FAULT = "fault"
"""How a thread ends that no fault handler was there for."""


def spawn_threads(machine: Machine, execution: Execution) -> None:
    """Add a task for each thread, and two for each CPU's hardware."""
    for number, thread in enumerate(execution.program.threads, 1):
        cpu = execution.cpu(thread)
        runner = ThreadRunner(execution, thread, cpu, number * STORES_PER_THREAD)
        kind = "device" if cpu is None else thread.kind
        machine.spawn(thread.name, runner.run, kind=kind, first=runner.first())
    for cpu in execution.world.cpus:
        _spawn_hardware(machine, cpu)


def _spawn_hardware(machine: Machine, cpu: Cpu) -> None:
    """Add the tasks of one CPU's interrupts and of its TLB's own doings."""
    partial = functools.partial
    machine.spawn(
        f"irq:{cpu.name}",
        partial(interrupts, cpu),
        kind="irq",
        daemon=True,
        first=Stop(ACKNOWLEDGE, cpu.tlb_write, cpu.interrupt_pending),
    )
    if cpu.hardware_events:
        machine.spawn(
            f"tlb:{cpu.name}",
            partial(speculation, cpu),
            kind="hardware",
            daemon=True,
            first=Stop(SPECULATE, cpu.tlb_write, cpu.may_speculate),
        )


@functools.cache
def _semaphore_access(name: str) -> Access:
    return writes(f"semaphore:{name}")


class ThreadRunner:
    """One thread: its CPU, its registers, where its stores are numbered from.

    Args:
        execution: What the threads share.
        thread: Which thread it is.
        cpu: Where it runs; None for a device.
        first_store: Identity of its first store.
    """

    def __init__(
        self, execution: Execution, thread: p.Thread, cpu: Cpu | None, first_store: int
    ) -> None:
        self.execution = execution
        self.thread = thread
        self._cpu = cpu
        self._store = first_store

    @property
    def cpu(self) -> Cpu:
        """Return where the thread runs."""
        assert self._cpu is not None  # only devices have none
        return self._cpu

    @property
    def stores_made(self) -> int:
        """Return a number that grows with each store of the thread."""
        return self._store

    def first(self) -> Stop | None:
        """Return where the thread stands at first: a child's waits for its fork."""
        if self.thread.kind != "child":
            return None
        children, fork = self.execution.children, self.thread.fork
        access = _semaphore_access(f"fork{fork}")
        return Stop("thread:child_runnable", access, lambda: fork in children)

    async def run(self) -> None:
        """Run every statement, unless a signal ends the thread before."""
        body = self.execution.bodies.get(self.thread.name)
        left = list(self.thread.statements)
        if self.thread.kind != "child" or self._become_child():
            if body is not None:
                await body(self)
            while left and await self._go_on(left.pop(0)):
                pass
        self.execution.expect_pins(self.thread, left, -1)
        self.execution.give_up_forks(left)
        if body is not None:
            self.execution.body_over(self.thread)
        if self._cpu is not None and not self.execution.world.lazy_tlb:
            enter_lazy_tlb(self._cpu)

    async def _go_on(self, statement: p.Statement) -> bool:
        """Run one statement; False if a signal has ended the thread."""
        result = await self.execute(statement)
        self.execution.expect_pins(self.thread, [statement], -1)
        if result is not AccessResult.DONE:
            stopped = self.execution.program.faults_stop
            self.execution.faults[self.thread.name] = FAULT if stopped else result.value
        return result is AccessResult.DONE

    def _become_child(self) -> bool:
        """Load the memory of the child that this is a thread of, if fork made it."""
        mm = self.execution.children[self.thread.fork]
        if mm is None:
            return False
        load_mm(self.cpu, mm)
        return True

    async def execute(self, statement: p.Statement) -> AccessResult:
        """Run one statement, and tell the checkers that the thread is back."""
        result = await self._dispatch(statement)
        if self._cpu is not None:
            self.execution.world.watch.ended(self._cpu)
        return result

    async def _dispatch(self, statement: p.Statement) -> AccessResult:
        match statement:
            case p.Store():
                return await self._do_store(statement)
            case p.Load():
                return await self._do_load(statement)
            case p.DmaStore() | p.DmaLoad():
                await self._do_dma(statement)
            case p.Peek():
                await self._do_peek(statement)
            case p.Fork():
                await self._do_fork()
            case p.Pin():
                await self._do_pin(statement)
            case p.Unpin(page):
                await self._do_unpin(page)
            case p.Madvise(page, advice):
                vpn = self.execution.vpn(page)
                await self.execution.protocol.madvise(self.cpu, vpn, advice)
            case p.Mprotect(page, prot):
                vpn = self.execution.vpn(page)
                await self.execution.protocol.mprotect(self.cpu, vpn, prot)
            case p.Munmap(page):
                vpn = self.execution.vpn(page)
                await self.execution.protocol.munmap(self.cpu, vpn)
            case p.RawPte() | p.SwapPte() | p.Invlpg() | p.Shootdown():
                await self._do_raw(statement)
            case p.Exit():
                await self.execution.protocol.exit(self.cpu)
            case _:
                await self._do_meta(statement)
        return AccessResult.DONE

    async def _do_raw(
        self, statement: p.RawPte | p.SwapPte | p.Invlpg | p.Shootdown
    ) -> None:
        """Do to page tables and TLBs what only the kernel should."""
        execution, page = self.execution, statement.page
        vpn = execution.vpn(page) if page else None
        match statement:
            case p.Shootdown():
                await raw.shootdown(self.cpu, vpn)
            case p.Invlpg():
                await raw.invlpg(self.cpu, execution.vpn(page))
            case p.RawPte(action=action, source=source):
                of = execution.vpn(source) if source else 0
                pfn = execution.world.first_frames[of]
                await raw.set_pte_raw(self.cpu, execution.vpn(page), action, pfn)
            case p.SwapPte(register=register):
                dirty = await raw.xchg_pte_raw(self.cpu, execution.vpn(page))
                execution.registers[self.thread.name, register] = int(dirty)

    async def _do_meta(self, statement: p.Statement) -> None:
        """Carry out what is about order between threads, not about memory."""
        execution = self.execution
        match statement:
            case p.Post(name):
                await point("semaphore:post", _semaphore_access(name))
                execution.post(name)
                execution.world.watch.posted(self._cpu, name)
            case p.Wait(name):
                await point(
                    "semaphore:wait",
                    _semaphore_access(name),
                    lambda: execution.posted(name),
                )
                execution.take(name)
                execution.world.watch.awaited(self._cpu, name)
            case p.Kill(thread):
                await point("kill:signal", _semaphore_access(f"signal:{thread}"))
                execution.kill(thread)
            case p.Collapse():
                await self._do_collapse()
            case p.SwapOut(page):
                await execution.protocol.swap_out(
                    self.cpu, execution.world, execution.vpn(page)
                )

    async def _do_store(self, statement: p.Store) -> AccessResult:
        vpn = self.execution.vpn(statement.page)
        identity = self._next_store(statement.value)
        return await store(
            self.cpu,
            vpn,
            statement.index,
            identity,
            lambda: self._fault(vpn, write=True, user=not statement.kernel),
        )

    async def _do_load(self, statement: p.Load) -> AccessResult:
        vpn = self.execution.vpn(statement.page)
        cpu = self.cpu
        result, read = await load(
            cpu,
            vpn,
            statement.index,
            lambda: self._fault(vpn, write=False, user=True),
        )
        if result is AccessResult.DONE:
            self._set_register(statement.register, read)
        return result

    async def _fault(self, vpn: int, *, write: bool, user: bool) -> AccessResult:
        """Have a fault handled, unless the program says that it ends the thread."""
        if self.execution.program.faults_stop:
            return AccessResult.KILLED
        return await self.execution.protocol.handle_fault(
            self.cpu, vpn, write=write, user=user
        )

    def _next_store(self, value: int) -> int:
        identity = self._store
        self._store += 1
        self.execution.world.stores[identity] = (self.thread.name, value)
        return identity

    def _set_register(self, register: str, read: int) -> None:
        value = self.execution.world.stores[read][1]
        self.execution.registers[self.thread.name, register] = value

    async def _do_fork(self) -> None:
        number = self.execution.begin_fork()
        child = await self.execution.protocol.fork(self.cpu)
        self.execution.children[number] = child
        if child is None:
            self.execution.failed_forks.add(self.thread.name)

    async def _do_pin(self, statement: p.Pin) -> None:
        await self.execution.protocol.pin(
            self.cpu,
            self.execution.vpn(statement.page),
            pin=not statement.get,
            write=statement.write and not statement.get,
            fast=statement.fast,
        )

    async def _wait_for_reference(
        self, label: str, page: str, *, get_only: bool = False
    ) -> PageReference | None:
        """Return a reference of this process; of any, if this is a device.

        Returns:
            None once nobody else will take one.
        """
        execution = self.execution
        mm = None if self.thread.kind == "device" else self.cpu.mm
        sharers = execution.sharers(self.thread)
        await point(
            label,
            _semaphore_access(f"pin:{page}"),
            lambda: (
                execution.reference(page, mm, get_only=get_only) is not None
                or not execution.pins_to_come(page, sharers, get_only=get_only)
            ),
        )
        return execution.reference(page, mm, get_only=get_only)

    async def _do_unpin(self, page: str) -> None:
        pin = await self._wait_for_reference("dma:wait_for_reference", page)
        if pin is not None:
            await self.execution.protocol.unpin(self.execution.world, pin)

    async def _do_dma(self, statement: p.DmaStore | p.DmaLoad) -> None:
        """Access a page through its reference; nothing happens if it never gets one."""
        pin = await self._wait_for_reference("dma:wait_for_reference", statement.page)
        if pin is None:
            return
        if isinstance(statement, p.DmaStore):
            if pin.write:
                identity = self._next_store(statement.value)
                await dma_write(self.execution.world, pin, statement.index, identity)
        else:
            read = await dma_read(self.execution.world, pin, statement.index)
            self._set_register(statement.register, read)

    async def _do_peek(self, statement: p.Peek) -> None:
        """Read through this process' own reference, as vmsplice's pipe does."""
        pin = await self._wait_for_reference(
            "peek:wait_for_reference", statement.page, get_only=True
        )
        if pin is not None:
            read = await dma_read(self.execution.world, pin, statement.index)
            self._set_register(statement.register, read)

    async def _do_collapse(self) -> None:
        execution = self.execution
        await point(
            "khugepaged:wait_for_mm",
            _semaphore_access("khugepaged"),
            lambda: execution.visible_child() is not None or execution.all_forked(),
        )
        mm = execution.visible_child()
        if mm is not None:
            await execution.protocol.collapse(self.cpu, mm)
