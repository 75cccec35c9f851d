"""Observers see every step and change nothing."""

from __future__ import annotations

from typing import Protocol

from .task import Task


class Observer(Protocol):
    """Something that watches a run: coverage, statistics, a recorder."""

    def on_step(self, task: Task) -> None:
        """Take note that *task* is about to take the step ``task.label``."""
        ...
