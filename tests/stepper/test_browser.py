"""A person drives a run in a real browser, to a violation, and takes it home."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.support.ui import Select

from browsing import browsing, in_a_browser, texts, wait_for
from cli.running import call

from .serving import serving

pytestmark = in_a_browser


@pytest.fixture(scope="module", name="downloads")
def _downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module", name="browser")
def _browser(downloads: Path) -> Iterator[Any]:
    with browsing(downloads) as browser:
        yield browser


def options(browser: Any) -> list[str]:
    """Return what is offered, once it is complete."""
    wait_for(browser, "!document.querySelector('#options').dataset.waiting")
    return texts(browser, "#options button")


def choose(browser: Any, task: str) -> str:
    """Click on the step of a task; return which that was."""
    offered = options(browser)
    number = next(i for i, text in enumerate(offered) if text.startswith(f"{task} "))
    where = "`${position} ${live.path}`"
    before = browser.execute_script(f"return {where}")
    browser.find_elements("css selector", "#options button")[number].click()
    wait_for(browser, f"{where} !== '{before}'")
    return offered[number].splitlines()[0].split()[1]


def go_on(browser: Any, point: str) -> None:
    """Let whoever has begun go on, until a point, or to the end."""
    script = "document.querySelector('#point').value = arguments[0]"
    browser.execute_script(script, point)
    Select(browser.find_element("css selector", "#strategy")).select_by_value("stay")
    Select(browser.find_element("css selector", "#property")).select_by_value("")
    browser.find_element("css selector", "#going button").click()
    options(browser)


def test_a_person_clicks_to_a_violation_saves_it_and_replays_it(
    browser: Any, downloads: Path, tmp_path: Path
) -> None:
    """A is copied, then a thread stores to A and B, then B is shared."""
    with serving(tmp_path, "mp:rounds=1", "--rules", "mainline") as server:
        browser.get(server.address)
        go_on(browser, "copy_present_page:copy_mc_user_highpage")
        choose(browser, "F")
        while any(text.startswith("T1 ") for text in options(browser)):
            choose(browser, "T1")
        choose(browser, "F")
        go_on(browser, "")
        assert texts(browser, "#asked") == ["The run is over: finished"]
        assert any("snapshot.torn" in text for text in texts(browser, "#broken li"))
        assert texts(browser, "#race tr")
        browser.find_element("css selector", "#table-text").click()
        wait_for(browser, "!document.querySelector('#text').hidden")
        assert "<- the cut" in texts(browser, "#text")[0]
        browser.find_element("css selector", "#save").click()
        wait_for(browser, "document.querySelector('#said').textContent")
        assert browser.get_log("browser") == []
    saved = downloads / "explored.schedule"
    replayed = call("replay", saved, "--driver", "inline")
    assert (replayed.code, replayed.err) == (1, "")
    assert "snapshot.torn reproduces" in replayed.out


def test_a_person_goes_back_and_takes_another_way(browser: Any, tmp_path: Path) -> None:
    """What was beyond is gone; a strategy goes on from there, to a breakpoint."""
    with serving(tmp_path, "mp:rounds=1", "--rules", "mainline") as server:
        browser.get(server.address)
        for task in ("F", "F", "T1", "F"):
            choose(browser, task)
        assert texts(browser, "#position") == ["step 4 of 4"]
        for _ in range(2):
            browser.find_element("css selector", "#back").click()
        assert texts(browser, "#position") == ["step 2 of 4"]
        choose(browser, "F")
        assert texts(browser, "#position") == ["step 3 of 3"]
        browser.find_element("css selector", "#undo").click()
        wait_for(browser, "document.querySelector('#position').value.endsWith('of 2')")
        label = "copy_present_page:copy_mc_user_highpage"
        go_on(browser, label)
        assert any(label in text for text in options(browser))
        assert browser.get_log("browser") == []


def test_a_stored_run_is_there_to_be_left(browser: Any, tmp_path: Path) -> None:
    """Its way is marked at each step, its violation can be gone to."""
    corpus = Path(__file__).parents[2] / "corpus" / "regressions"
    stored = corpus / "rule-2-copy-without-protect.schedule"
    with serving(tmp_path, stored) as server:
        browser.get(server.address)
        options(browser)
        assert len(texts(browser, "#options button.taken")) == 1
        browser.find_element("css selector", "#violation").click()
        assert texts(browser, "#step .bad")
        browser.find_element("css selector", "#first").click()
        offered = options(browser)
        taken = texts(browser, "#options button.taken")
        other = next(text for text in offered if text not in taken)
        choose(browser, other.split()[0])
        wait_for(browser, "!document.querySelectorAll('#broken li').length")
        assert texts(browser, "#message") == ["no violation so far"]
        assert browser.get_log("browser") == []
