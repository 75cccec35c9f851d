"""The documentation is true: generated pages are fresh, and its commands exist."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import get_args

import attrs
import pytest

from cli.running import QUICK, call
from forkfuzz.campaign import Reason
from forkfuzz.campaign.store import CRASH_FILES
from forkfuzz.cli import VERBS, cli
from forkfuzz.harness.sim import SimThread
from forkfuzz.scenarios.program import PageSpec

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def commands() -> list[tuple[str, str]]:
    """Return (page, command) of every forkfuzz command in a fenced shell block."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
            for line in block.splitlines():
                command = re.split("[#>]", line)[0].strip()  # no comment, no file
                if command.startswith("forkfuzz "):
                    found.append((page.name, command))
    return found


def test_generated_pages_are_fresh() -> None:
    """The pages made from the code say what the code says."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize(("page", "command"), commands())
def test_a_documented_command_is_one_that_exists(page: str, command: str) -> None:
    """Verb, options and option values are accepted; only what it needs may lack."""
    verb, *arguments = shlex.split(command)[1:]
    assert verb in VERBS, page
    context = cli.make_context("forkfuzz", [verb, *arguments], resilient_parsing=True)
    sub = cli.get_command(context, verb)
    assert sub is not None
    sub.make_context(verb, arguments)


def test_the_page_about_campaigns_has_every_file_and_key(tmp_path: Path) -> None:
    """The keys are those of the lines that a campaign writes."""
    text = (ROOT / "docs" / "reference" / "campaign.md").read_text()
    files, keys, _ = text.split("\n## ")
    assert set(re.findall(r"[a-z-]+\.[a-z]+|README\.md", files)) >= CRASH_FILES
    call("fuzz", "mp", "--runs", 5, "--rules", "seed", *QUICK, "--dir", tmp_path)
    written: dict[str, str] = {}
    for line in (tmp_path / "stats.ndjson").read_text().splitlines():
        document = json.loads(line)
        kind = "end" if "reason" in document else "progress"
        for key in document:
            written[key] = "both" if written.get(key, kind) != kind else kind
    assert dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", keys, re.M)) == written
    for reason in get_args(Reason):
        assert f"`{reason}`" in keys


def test_the_page_about_campaigns_has_every_event(tmp_path: Path) -> None:
    """But notices, of which there is none here; the first campaign ends the whole."""
    text = (ROOT / "docs" / "reference" / "campaign.md").read_text()
    told: dict[str, set[str]] = {}
    rows = re.findall(r"^\| `(\w+)` \| (`.*?) \|", text.split("\n## ")[2], re.M)
    for event, keys in rows:
        told.setdefault(event, {"event"}).update(re.findall(r"`(\w+)`", keys))
    campaign = ("fuzz", "mp", "swapout", "--rules", "mainline", "--runs", 300, *QUICK)
    outcome = call(*campaign, "--json", "--dir", tmp_path)
    printed = [json.loads(line) for line in outcome.out.splitlines()]
    assert {p["event"] for p in printed} == set(told) - {"notice"}
    assert all(set(p) == told[p["event"]] for p in printed)
    (reach,) = [p["reach"] for p in printed if p["event"] == "finished"]
    assert set(reach) == {"interleavings", "outcomes", "points"}


def test_the_page_about_tests_has_all_there_is() -> None:
    """Every attribute of a page, and every method of a thread."""
    text = (ROOT / "docs" / "how-to" / "write-a-test.md").read_text()
    attributes = {field.name for field in attrs.fields(PageSpec)} - {"name"}
    methods = {name for name in vars(SimThread) if not name.startswith("_")}
    assert attributes | methods <= set(re.findall(r"`([a-z_]+)`", text))
