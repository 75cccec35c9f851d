"""What a table leaves out: tests that are made again, and what three dots stand for."""

from __future__ import annotations

from itertools import takewhile

import attrs

from .action import Action

DOTS = "..."


def without_repeats(shown: list[Action]) -> list[Action]:
    """Keep the last of several tests for pins in a row that have the same answer.

    copy_pte_range tests a page once more when it has allocated one for the copy.
    """
    kept: list[Action] = []
    for action in shown:
        told = action.task, action.text
        if action.kind == "dma_test" and told in [(a.task, a.text) for a in kept[-1:]]:
            kept.pop()
        kept.append(action)
    return kept


def tidy(shown: list[Action]) -> list[Action]:
    """Keep dots only between two actions of the same task, and once in a row."""
    tidy: list[Action] = []
    for position, action in enumerate(shown):
        if action.kind != "elided":
            tidy.append(action)
            continue
        told = [a.task == action.task and a.kind != "elided" for a in shown]
        between = any(told[:position]) and any(told[position:])
        if between and all(dots.task != action.task for dots in _trailing_dots(tidy)):
            tidy.append(attrs.evolve(action, text=DOTS))
    return tidy


def _trailing_dots(actions: list[Action]) -> list[Action]:
    """Return the dots that *actions* ends with."""
    return list(takewhile(lambda action: action.kind == "elided", reversed(actions)))
