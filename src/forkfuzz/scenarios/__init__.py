"""Small programs to run, each with parameters.

Importing this package registers all of them.
"""

from . import faults, mappings, references, snapshot
from .program import Program
from .registry import SCENARIOS, Scenario, find_scenario, open_program, parse_spec

__all__ = [
    "SCENARIOS",
    "Program",
    "Scenario",
    "faults",
    "find_scenario",
    "mappings",
    "open_program",
    "parse_spec",
    "references",
    "snapshot",
]
