"""A campaign as one HTML page: what was found, how the search went, what it missed.

The page loads nothing and runs nothing. It is given plain values, all of which may
hold anything.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from importlib import resources

import attrs

from forkfuzz.report.sanitize import printable

from .chart import Point, chart

BINS = 60
"""A rate is that of so many parts of the whole time."""


@attrs.frozen(slots=True)
class Found:
    """One violation.

    Attributes:
        signature: Identity of the bug.
        prop: The property broken.
        scenario: With its parameters.
        message: What happened, in one line.
        runs: How many it took to find it.
        table: The message with its race table.
    """

    signature: str
    prop: str
    scenario: str
    message: str
    runs: int
    table: str


@attrs.frozen(slots=True)
class Progressed:
    """One scenario under the same rules.

    Attributes:
        facts: Names and values.
        features: Seconds, and how much had been reached.
        runs: Seconds, and how many runs there had been.
        unreached: What the scenario should have reached and no run did.
        left_out: Points never reached of functions that were entered.
    """

    scenario: str
    rules: str
    facts: Sequence[tuple[str, str]]
    features: Sequence[Point]
    runs: Sequence[Point]
    unreached: Sequence[str]
    left_out: Sequence[str]


def campaign_page(
    title: str, found: Sequence[Found], progressed: Sequence[Progressed]
) -> str:
    """Return the page."""
    style = resources.files("forkfuzz.report.page").joinpath("page.css")
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        f"<title>{_text(title)}</title>",
        f"<style>{style.read_text(encoding='utf-8')}{STYLE}</style></head><body>",
        f"<h1>{_text(title)}</h1>",
        *_found(found),
        *(part for one in progressed for part in _progressed(one)),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


POLICY = "default-src 'none'; style-src 'unsafe-inline'"
STYLE = """
h3 { font-size: 1rem; margin: 1.4rem 0 0.3rem; overflow-wrap: anywhere; }
pre { overflow-x: auto; background: var(--soft); padding: 0.6rem; font-size: 0.85rem; }
td { overflow-wrap: anywhere; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; }
.charts figure { margin: 0; flex: 1 1 22rem; }
.chart { width: 100%; font: 0.7rem system-ui, sans-serif; }
.chart text { fill: currentColor; }
.chart line { stroke: var(--line); }
.chart polyline { fill: none; stroke: #3b82f6; stroke-width: 2; }
"""


def _text(text: str) -> str:
    return html.escape(printable(text))


def _block(text: str) -> str:
    return html.escape("\n".join(map(printable, text.split("\n"))))


def _found(found: Sequence[Found]) -> Iterable[str]:
    yield f"<h2>Violations: {len(found)}</h2>"
    if not found:
        yield "<p>None in the runs of this model that are told below.</p>"
        return
    yield '<div class="scroll"><table><tr>'
    yield "".join(f"<th>{name}</th>" for name in ("signature", "property", "scenario"))
    yield "<th>runs</th><th>what happened</th></tr>"
    for one in found:
        cells = (one.prop, one.scenario, str(one.runs), one.message)
        link = f'<a href="#{_text(one.signature)}">{_text(one.signature)}</a>'
        told = "".join(f"<td>{_text(cell)}</td>" for cell in cells)
        yield f"<tr><td>{link}</td>{told}</tr>"
    yield "</table></div>"
    for one in found:
        yield f'<h3 id="{_text(one.signature)}">{_text(one.signature)}</h3>'
        yield f"<pre>{_block(one.table)}</pre>"


def _progressed(one: Progressed) -> Iterable[str]:
    yield f"<h2>{_text(one.scenario)}, rules {_text(one.rules)}</h2><table>"
    for name, value in one.facts:
        yield f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>"
    yield '</table><div class="charts">'
    for points, what, unit in (
        (one.features, "what the runs have reached", "features"),
        (_rates(one.runs), "runs per second", "runs/s"),
    ):
        yield f"<figure>{chart(points, what, unit)}<figcaption>{what}</figcaption>"
        yield "</figure>"
    yield "</div>"
    for labels, what in (
        (one.unreached, "Should have been reached, and was not"),
        (one.left_out, "Never reached, in functions that were entered"),
    ):
        if labels:
            listed = ", ".join(f"<code>{_text(label)}</code>" for label in labels)
            yield f"<p>{what}: {listed}</p>"


def _rates(runs: Sequence[Point]) -> list[Point]:
    """Return the rate over each part of the time; runs are reported unevenly."""
    if not runs:
        return []
    part = runs[-1][0] / BINS
    rates: list[Point] = []
    since, before = 0.0, 0.0
    for seconds, count in runs:
        if seconds - since >= part and seconds > since:
            rates.append((seconds, (count - before) / (seconds - since)))
            since, before = seconds, count
    return rates
