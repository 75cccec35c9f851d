"""Recordings to look at: of schedules written by hand, and of whatever is found."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

import pytest

from driving import Race
from forkfuzz.checkers import Violation
from forkfuzz.engine import CHOICE, RawDecision, Schedule, Strategy, Task
from forkfuzz.harness.run import LINUX, Run
from forkfuzz.kernel.protocol import Linux, Protocol
from forkfuzz.locking.rwsem import down_write, up_write
from forkfuzz.locking.spinlock import spin_lock, spin_unlock
from forkfuzz.mm.cpu import Cpu
from forkfuzz.report import Recording, record
from forkfuzz.rules import Rules, parse_rules
from forkfuzz.scenarios import Program, open_program
from forkfuzz.scenarios.program import Fork, Madvise, PageSpec, Thread


class Follow:
    """Takes the steps that a race has taken by hand."""

    def __init__(self, decisions: Sequence[RawDecision], names: Sequence[str]) -> None:
        self._tasks = [names[task] for task, *_ in decisions if task != CHOICE]
        self._values = [value for task, *_, value in decisions if task == CHOICE]

    def begin(self) -> None:
        """Be used once."""

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Choose the task that went next."""
        names = [task.name for task in runnable]
        return names.index(self._tasks.pop(0)) if self._tasks else max(stay, 0)

    def next_value(self, label: str, options: int) -> int:
        """Choose the outcome that came next."""
        return self._values.pop(0) if self._values else 0


class Stay:
    """Keeps the current task going, mostly."""

    def __init__(self, seed: int, switch: float = 0.1) -> None:
        self._random = random.Random(seed).random
        self._switch = switch

    def begin(self) -> None:
        """Go on with the same stream."""

    def next_task(self, runnable: Sequence[Task], stay: int) -> int:
        """Stay, or choose anybody."""
        if stay >= 0 and self._random() >= self._switch:
            return stay
        return int(self._random() * len(runnable))

    def next_value(self, label: str, options: int) -> int:
        """Choose any outcome."""
        return int(self._random() * options)


class BackwardLinux(Linux):
    """A kernel whose madvise takes mmap_lock under the page-table lock."""

    async def madvise(self, cpu: Cpu, vpn: int, advice: str) -> bool:
        """Take the two locks in the wrong order."""
        await spin_lock(cpu, cpu.mm.ptl)
        await down_write(cpu, cpu.mm.mmap_lock)
        await up_write(cpu, cpu.mm.mmap_lock)
        await spin_unlock(cpu, cpu.mm.ptl)
        return True


def record_run(
    program: Program, rules: Rules, strategy: Strategy, protocol: Protocol = LINUX
) -> Recording:
    """Run, and record the same run again."""
    result = Run(program, rules, strategy, protocol=protocol).execute()
    decisions = Schedule.of(result.decisions, result.task_names).decisions
    return record(program, rules, decisions, protocol=protocol)


def backwards(steps_of_madvise: int) -> Recording:
    """Let madvise take some steps, then fork as many as it can, then the rest."""
    program = Program(
        "backwards",
        (PageSpec("A"),),
        (Thread("F", (Fork(),)), Thread("T1", (Madvise("A", "dontneed"),))),
        hardware_events=0,
    )
    order: list[RawDecision] = [(1, "", 1, 0)] * steps_of_madvise
    order += [(0, "", 1, 0)] * (6 if steps_of_madvise else 0)
    strategy = Follow(order, ("F", "T1"))
    return record_run(program, parse_rules("seed"), strategy, BackwardLinux())


def record_race(race: Race, rules: str) -> Recording:
    """End a race and record it."""
    result = race.end()
    strategy = Follow(result.decisions, result.task_names)
    return record_run(race.run.program, parse_rules(rules), strategy)


def found(spec: str, rules: str, runs: int) -> Iterator[tuple[Recording, Violation]]:
    """Return each violation of *runs* runs, with its recording."""
    program, guards, strategy = open_program(spec), parse_rules(rules), Stay(runs)
    for _ in range(runs):
        result = Run(program, guards, strategy).execute()
        if result.violations:
            decisions = Schedule.of(result.decisions, result.task_names).decisions
            recording = record(program, guards, decisions)
            for violation in result.violations:
                yield recording, violation


def torn() -> Recording:
    """A is copied, then a thread stores to A and B, then B is shared (R2 left out)."""
    race = Race(open_program("mp rounds=1"), "mainline")
    race.past("F", "copy_present_page:copy_mc_user_highpage")
    race.finish("T1")
    race.finish("F")
    return record_race(race, "mainline")


def torn_in_page() -> Recording:
    """A thread stores to both words between the copies of the two (R2 left out)."""
    race = Race(open_program("in-page rounds=1"), "mainline")
    race.past("F", "copy_present_page:copy_mc_user_highpage")
    race.finish("T1")
    race.finish("F")
    return record_race(race, "mainline")


def lost_store() -> Recording:
    """A fault copies a page while a stale entry stores to it (R3a left out)."""
    race = Race(open_program("lost-store"), "v6.4.0")
    race.fill("cpu2", "A")
    race.past("F", "copy_page_range:write_protect_seq_end")
    race.to("T1", "wp_page_copy:ptep_clear")
    race.op("T2")
    race.finish("T1", "F")
    return record_race(race, "v6.4.0")


def leak() -> Recording:
    """A thread stores through a stale entry after the cut (R1 left out)."""
    rules = "seed,final_flush=none"
    race = Race(open_program("mp pinned=0 rounds=1"), rules)
    race.fill("cpu1", "A")
    race.cut("F")
    race.op("T1")
    race.finish("F")
    return record_race(race, rules)


def pinned_and_shared() -> Recording:
    """A fast pin comes between fork's test and fork's write-protection."""
    rules = "seed,write_protect_seq=off"
    race = Race(open_program("pin-fork-race rounds=1"), rules)
    race.past("F", "folio_try_dup_anon_rmap_pte:folio_needs_cow_for_dma")
    race.to("T1", "store:translate")
    race.finish("F")
    return record_race(race, rules)


@pytest.fixture(name="torn", scope="session")
def _torn() -> Recording:
    return torn()


@pytest.fixture(name="cases", scope="session")
def _cases() -> dict[str, Callable[[], Recording]]:
    return {
        "torn": torn,
        "torn_in_page": torn_in_page,
        "lost_store": lost_store,
        "leak": leak,
        "pinned_and_shared": pinned_and_shared,
    }


@pytest.fixture(name="backwards", scope="session")
def _backwards() -> Callable[[int], Recording]:
    return backwards


@pytest.fixture(name="find", scope="session")
def _find() -> Callable[[str, str, int], Iterator[tuple[Recording, Violation]]]:
    return found


@pytest.fixture(name="record_one", scope="session")
def _record_one() -> Callable[[Program, str], Recording]:
    return lambda program, rules: record_run(program, parse_rules(rules), Stay(1))
