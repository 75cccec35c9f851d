"""A run as one HTML file that needs nothing else: no network, no server.

The page holds the run as data and shows it with a few lines of script. Whatever comes
from outside, such as a name, is data to it, never markup.
"""

from __future__ import annotations

import html
import json
import re
from importlib import resources
from typing import Any

import attrs

from forkfuzz.checkers import Violation
from forkfuzz.engine import Schedule
from forkfuzz.report.difference import difference
from forkfuzz.report.recording.events import Recording
from forkfuzz.report.recording.states import Moment
from forkfuzz.report.recording.tape import moments, record
from forkfuzz.report.sanitize import printable
from forkfuzz.rules import format_rules
from forkfuzz.shrink import nearest_passing

from .data import race_data, run_data

__all__ = ["Live", "build_page", "html_page", "race_data", "run_data"]


@attrs.frozen(slots=True)
class Live:
    """What a page has more if it can ask for other runs.

    Attributes:
        panel: Its markup.
        script: Runs after that of the page.
        style: Stands after that of the page.
    """

    panel: str
    script: str
    style: str


def html_page(recording: Recording, violation: Violation | None = None) -> str:
    """Return the page of a run, beside the nearest run that passes, if there is one.

    Args:
        recording: The run.
        violation: What its table shows; by default the one that a program can see.
    """
    violation = violation or recording.result.headline()
    runs = [run_data(recording, _states(recording))]
    data = {"runs": runs, **race_data(recording, violation)}
    passing = _passing(recording)
    if passing is not None:
        runs.append(run_data(passing, _states(passing)))
        data["common"] = difference(recording, passing).common
    title = f"{violation.prop if violation else 'run'} in {recording.program.name}"
    return build_page(title, {**data, "rules": format_rules(recording.rules)})


def _passing(recording: Recording) -> Recording | None:
    program, rules = recording.program, recording.rules
    found = nearest_passing(program, rules, recording.result)
    if found is None:
        return None
    schedule = Schedule.of(found.decisions, found.task_names)
    return record(program, rules, schedule.decisions)


def _states(recording: Recording) -> list[Moment]:
    result = recording.result
    decisions = Schedule.of(result.decisions, result.task_names).decisions
    return moments(recording.program, recording.rules, decisions)


def build_page(title: str, data: dict[str, Any], live: Live | None = None) -> str:
    """Return a page that shows *data*.

    Args:
        title: May hold anything.
        data: ``runs``, each as of `run_data`, the keys of `race_data`, ``rules``, and
            with a second run how many steps are ``common``.
        live: What the page can do more.
    """
    files = resources.files(__package__)
    script, style = (
        files.joinpath(name).read_text(encoding="utf-8")
        for name in ("page.js", "page.css")
    )
    parts = {
        "TITLE": html.escape(printable(title)),
        "CONNECT": "; connect-src 'self'" if live else "",
        "STYLE": style + live.style if live else style,
        "PANEL": live.panel if live else "",
        "SCRIPT": script + live.script if live else script,
        "DATA": _embedded(data),
    }
    page = files.joinpath("page.html").read_text(encoding="utf-8")
    return re.sub("@([A-Z]+)@", lambda found: parts[found[1]], page)


def _embedded(data: Any) -> str:
    """Return JSON that no HTML parser sees the end of a script in."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
