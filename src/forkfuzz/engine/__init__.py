"""Which happens next: points, tasks, decisions and the inline driver.

The engine knows nothing of memory. The Trio driver is `forkfuzz.engine.trio_driver`,
imported by itself so that only its users import Trio.
"""

from .access import NOTHING, Access, reads, writes
from .inline import run_inline
from .machine import CHOICE, Machine, Outcome, RawDecision
from .observer import Observer
from .point import choose, point, this_machine, this_task
from .schedule import Decision, Schedule, dumps, load, loads
from .strategy import Strategy
from .task import Stop, Task

__all__ = [
    "CHOICE",
    "NOTHING",
    "Access",
    "Decision",
    "Machine",
    "Observer",
    "Outcome",
    "RawDecision",
    "Schedule",
    "Stop",
    "Strategy",
    "Task",
    "choose",
    "dumps",
    "load",
    "loads",
    "point",
    "reads",
    "run_inline",
    "this_machine",
    "this_task",
    "writes",
]
