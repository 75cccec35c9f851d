"""Every fenced command runs as it stands, page by page, as a reader would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.running import environment

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

NOT_RUN = {
    "pip install tox && tox": "it is what runs this test",
    "pip install '.[web]'": "whoever runs this test has done so",
    "pytest tests/scenarios tests/quality": "they run beside this test",
}
SHORTER = (
    (r"^pip install \. && ", ""),  # whoever runs this test has done so
    (r"--runs 20000", "--runs 300"),
    (r"--time 10s", "--time 1s"),
    (r"(check --matrix .*)rule\*(.*)", r"\1rule3a*\2"),
    (r"(check --matrix .*)", r"\1 --max-states 30"),
    (r"(forkfuzz explore .*)", r"timeout --preserve-status -s INT 3 \1"),
)
"""What takes long, and what never ends, is cut; each with what stands in its place."""


def commands(page: Path) -> list[str]:
    """Return the commands of a page's shell blocks, without comments."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^( *)```sh\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    lines = [line.strip() for _, block in blocks for line in block.splitlines()]
    return [re.sub(r"\s+#.*", "", line) for line in lines if line]


def shortened(command: str) -> str:
    """Return a command that takes seconds."""
    for pattern, instead in SHORTER:
        command = re.sub(pattern, instead, command)
    return command


def litmus_tests(page: Path) -> dict[str, str]:
    """Return the litmus tests that a page shows, by their names."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"```text\n(litmus (\S+)\n.*?)```", text, re.DOTALL)
    return {name: test for test, name in found}


@pytest.fixture(name="desk")
def _desk(tmp_path: Path) -> Path:
    """Return a folder like a clone, with forkfuzz on the path."""
    for name in ("corpus", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, module in (("forkfuzz", "forkfuzz"), ("python", "")):
        tool = tools / name
        run = f"-m {module} " if module else ""
        tool.write_text(f'#!/bin/sh\nexec {sys.executable} {run}"$@"\n')
        tool.chmod(0o755)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if commands(page)],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_the_commands_of_a_page(page: Path, desk: Path) -> None:
    """Each ends with nothing found or with a violation, never with a complaint.

    Campaigns end as their rules say: the documented protocol with nothing, one that
    lacks a guard with a violation.
    """
    for name, test in litmus_tests(page).items():
        (desk / f"{name}.litmus").write_text(test, encoding="utf-8")
    env = environment()
    env["PATH"] = f"{desk / 'tools'}{os.pathsep}{env['PATH']}"
    for command in commands(page):
        if command in NOT_RUN:
            continue
        done = subprocess.run(
            shortened(command),
            shell=True,
            cwd=desk,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        expected = {0, 1}
        if "explore" in command:
            # timeout interrupts it, and its process group: twice, if it is slow.
            expected = {0, 130}
        if "forkfuzz fuzz" in command:
            clean = re.search(r"--rules seed(?!,)", command)
            expected = {0} if clean else {1}
        assert done.returncode in expected, (command, done.stderr)
        said = done.stderr.replace("forkfuzz: interrupted", "")
        assert "forkfuzz: " not in said, command


def test_what_is_not_run_is_in_a_page() -> None:
    """An exception that no page needs is none."""
    written = {command for page in PAGES for command in commands(page)}
    assert set(NOT_RUN) <= written
