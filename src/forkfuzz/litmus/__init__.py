"""Fork litmus: one small program, column by column, and what may come of it.

A test is read with `load` or `parse`, and `format_test` writes one. What a run of it
ended in is what `observe` sees, and `evaluate` says whether a condition of the test
holds of that.
"""

from .conditions import And, Atom, Condition, Not, Or, evaluate
from .grammar import grammar_text
from .parser import load, parse
from .places import Ended, Entry, Observation, Place, Register, Value, Word
from .printer import format_test, normal_form
from .test import Assertion, LitmusTest, observables, observe

__all__ = [
    "And",
    "Assertion",
    "Atom",
    "Condition",
    "Ended",
    "Entry",
    "LitmusTest",
    "Not",
    "Observation",
    "Or",
    "Place",
    "Register",
    "Value",
    "Word",
    "evaluate",
    "format_test",
    "grammar_text",
    "load",
    "normal_form",
    "observables",
    "observe",
    "parse",
]
