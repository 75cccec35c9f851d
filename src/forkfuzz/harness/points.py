"""Every point of the model, read from its source: what a campaign could have reached."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from importlib import resources

PACKAGES = ("forkfuzz.kernel", "forkfuzz.locking", "forkfuzz.harness")


@functools.cache
def all_points() -> frozenset[str]:
    """Return the labels of all points that are written down in the model."""
    return frozenset(text for text in _strings() if _is_label(text))


def left_out(reached: frozenset[str]) -> list[str]:
    """Return the points never reached of functions of which another point was, sorted."""
    entered = {label.partition(":")[0] for label in reached}
    never = all_points() - reached
    return sorted(label for label in never if label.partition(":")[0] in entered)


def _strings() -> Iterator[str]:
    for package in PACKAGES:
        for file in resources.files(package).iterdir():
            if file.name.endswith(".py"):
                tree = ast.parse(file.read_text(encoding="utf-8"))
                outcomes = {name for node in ast.walk(tree) for name in _chosen(node)}
                for node in ast.walk(tree):
                    if isinstance(node, ast.Constant) and isinstance(node.value, str):
                        yield from {node.value} - outcomes


def _chosen(node: ast.AST) -> Iterator[str]:
    """Return the label of an outcome that is chosen, which is no point."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "choose":
        for argument in node.args:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value


def _is_label(text: str) -> bool:
    head, colon, tail = text.partition(":")
    return bool(colon) and head.isidentifier() and tail.isidentifier()
