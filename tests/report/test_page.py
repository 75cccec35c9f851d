"""The page: one file, whole, whatever names it is given; and in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from browsing import browsing, in_a_browser, texts
from forkfuzz.engine import Schedule
from forkfuzz.report import Recording, html_page, record
from forkfuzz.report.recording.tape import moments
from forkfuzz.rules import parse_rules
from forkfuzz.scenarios import open_program
from forkfuzz.scenarios.program import Fork, PageSpec, Program, Store, Thread


def data_of(page: str) -> Any:
    """Return the data that a page holds."""
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page)
    assert found is not None
    return json.loads(found[1])


class _Nodes(HTMLParser):
    """Counts the elements of a page, and what they load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append(tag)
        self.loads += [name for name, _ in attrs if name in ("src", "href", "action")]


def nodes_of(page: str) -> _Nodes:
    """Parse a page."""
    nodes = _Nodes()
    nodes.feed(page)
    return nodes


def test_the_page_is_one_file_that_loads_nothing(torn: Recording) -> None:
    """Two scripts, one of them data, and no address anywhere."""
    page = html_page(torn)
    nodes = nodes_of(page)
    assert nodes.loads == []
    assert nodes.tags.count("script") == 2
    assert not re.search(r"https?://|@import|url\(", page)


def test_states_add_up_to_the_run(torn: Recording) -> None:
    """One more moment than there are steps, and the last ones are told."""
    data = data_of(html_page(torn))
    run = data["runs"][0]
    assert len(run["moments"]) == len(run["steps"]) + 1 == len(torn.steps) + 1
    last: dict[str, str] = {}
    for moment in run["moments"]:
        last.update(moment)
    assert last["Tasks/F/next step"] == "done"
    assert last["Page tables/A/parent"].startswith("frame 1")
    assert data["violation"] > 0
    assert [row for row in data["table"] if row[4]]


def test_states_agree_with_what_the_steps_tell(torn: Recording) -> None:
    """A cell of a page table changes exactly where an entry is set."""
    found = Schedule.of(torn.result.decisions, torn.result.task_names).decisions
    taken = moments(torn.program, torn.rules, found)
    for number, step in enumerate(torn.steps, 1):
        told = {
            event.text("page")
            for event in step.events
            if event.name in ("pte_set", "pte_updated_by_hardware")
            and event.text("mm") == "parent"
            and event.text("old") != event.text("new")
        }
        changed = {
            key.split("/")[1]
            for key in taken[number].cells
            if key.startswith("Page tables/") and key.endswith("/parent")
        }
        assert told == changed


def test_a_run_that_passes_stands_beside(torn: Recording) -> None:
    """It has the same first steps, parts where the page says, and is clean."""
    data = data_of(html_page(torn))
    failing, passing = (run["steps"] for run in data["runs"])
    common = data["common"]
    assert 0 < common < data["violation"]
    assert failing[:common] == passing[:common]
    assert failing[common] != passing[common]
    assert any("VIOLATION" in text for *_, told in failing for text in told)
    assert not any("VIOLATION" in text for *_, told in passing for text in told)


HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\x1b[31m",
    "\u202e",
    "a/b/c",
    "&lt;b&gt;",
    "']]>\"",
    "\x00",
    "@DATA@",
    "x" * 100_000,
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_data(name: str) -> None:
    """No element more than in any other page, no control byte, whole data."""
    program = Program(
        name,
        (PageSpec(name, pin="rw"), PageSpec("B")),
        (
            Thread("F", (Fork(),)),
            Thread("T1", (Store(name, 0, 1), Store("B", 0, 1))),
        ),
    )
    recording = record(program, parse_rules("mainline"), ())
    page = html_page(recording)
    assert nodes_of(page).tags == nodes_of(html_page(plain())).tags
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\uffff]", page)
    assert data_of(page)["runs"][0]["steps"]


def plain() -> Recording:
    """Return a run with ordinary names."""
    return record(open_program("mp"), parse_rules("mainline"), ())


def test_a_long_run_stays_small() -> None:
    """Of five hundred steps, below a megabyte."""
    program = open_program("lost-store threads=4 rounds=8 pages=2")
    recording = record(program, parse_rules("seed"), ())
    assert len(recording.steps) >= 250
    per_step = len(html_page(recording)) / len(recording.steps)
    assert per_step * 500 < 1_000_000


@pytest.fixture(scope="module", name="browser")
def _browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with browsing(tmp_path_factory.mktemp("downloads")) as browser:
        yield browser


def opened(browser: Any, page: str, folder: Path) -> Any:
    """Open a page from a file, as out of a mail."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    browser.get(path.as_uri())
    return browser


@in_a_browser
def test_a_person_steps_to_the_violation(
    browser: Any, torn: Recording, tmp_path: Path
) -> None:
    """By keys and by buttons; what has changed is marked, and the race is beside it."""
    opened(browser, html_page(torn), tmp_path)
    assert texts(browser, "#position") == [f"step 0 of {len(torn.steps)}"]
    body = browser.find_element("css selector", "body")
    body.send_keys("\ue014")  # right arrow
    assert texts(browser, "#position") == [f"step 1 of {len(torn.steps)}"]
    assert texts(browser, ".changed")
    browser.find_element("css selector", "#violation").click()
    violation = torn.result.headline()
    assert violation is not None
    assert any(violation.message in text for text in texts(browser, "#step .bad"))
    assert len(texts(browser, "#race tr.here")) == 1
    rows = browser.find_elements("css selector", "#race tr[tabindex]")
    rows[0].click()
    assert texts(browser, "#position") != [
        f"step {violation.step} of {len(torn.steps)}"
    ]
    assert browser.get_log("browser") == []


@in_a_browser
def test_a_person_compares_with_a_run_that_passes(
    browser: Any, torn: Recording, tmp_path: Path
) -> None:
    """Its steps stand beside, the first difference is marked, its states are shown."""
    page = html_page(torn)
    data = data_of(page)
    passing = len(data["runs"][1]["steps"])
    opened(browser, page, tmp_path)
    row = browser.find_elements("css selector", "#pairs tr.parts td")
    task, label, _ = data["runs"][1]["steps"][data["common"]]
    assert row[1].text == f"{task}  {label}"
    row[1].click()
    assert texts(browser, "#position") == [f"step {data['common'] + 1} of {passing}"]
    assert texts(browser, "#pairs td.here") == [row[1].text]
    browser.find_element("css selector", "body").send_keys("p")
    assert texts(browser, "#position")[0].endswith(f"of {len(torn.steps)}")
    assert browser.get_log("browser") == []


@in_a_browser
def test_hostile_names_are_text_in_a_browser(browser: Any, tmp_path: Path) -> None:
    """Nothing of them runs."""
    name = "<img src=x onerror=document.title='owned'>"
    program = Program(name, (PageSpec(name),), (Thread("F", (Store(name, 0, 1),)),))
    page = html_page(record(program, parse_rules("seed"), ()))
    opened(browser, page, tmp_path)
    assert browser.find_elements("css selector", "img") == []
    assert "owned" not in browser.title or "onerror" in browser.title


@in_a_browser
def test_the_page_fits_a_phone(browser: Any, torn: Recording, tmp_path: Path) -> None:
    """Nothing makes the whole page wider than its window."""
    opened(browser, html_page(torn), tmp_path)
    browser.set_window_size(500, 800)
    wide = "return document.documentElement.scrollWidth > window.innerWidth"
    assert browser.execute_script(wide) is False
