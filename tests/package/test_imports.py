"""What importing costs, and what it drags in."""

from __future__ import annotations

import subprocess
import sys

import pytest


def modules_after(code: str) -> set[str]:
    """Return the names of the modules that a fresh process has after *code*."""
    printed = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return set(printed.split("\n")[-2].split())


def test_the_package_imports_no_part_of_the_model() -> None:
    """``import forkfuzz`` is light."""
    loaded = {name for name in modules_after("import forkfuzz") if "forkfuzz" in name}
    assert loaded == {"forkfuzz"}


def test_help_is_printed_without_the_model() -> None:
    """``forkfuzz --help`` loads neither Trio nor the model nor the renderers."""
    code = (
        "from forkfuzz.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    )
    heavy = {"trio", "structlog", "jinja2", "atheris", "forkfuzz.kernel.memory"}
    assert modules_after(code) & heavy == set()


@pytest.mark.parametrize(
    "module", ["forkfuzz.harness", "forkfuzz.campaign", "forkfuzz.report"]
)
def test_only_a_driver_loads_trio(module: str) -> None:
    """Nothing but the Trio driver needs Trio, and nothing but a worker atheris."""
    assert modules_after(f"import {module}") & {"trio", "atheris"} == set()
