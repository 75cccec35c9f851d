"""A real browser without a window, where one is installed that can be driven."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
DRIVER = shutil.which("chromedriver")
in_a_browser = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="no browser is installed that can be driven"
)


@contextlib.contextmanager
def browsing(downloads: Path) -> Iterator[Any]:
    """Give a browser that reaches this machine alone."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ):
        options.add_argument(argument)
    options.add_experimental_option(
        "prefs", {"download.default_directory": str(downloads)}
    )
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def texts(browser: Any, selector: str) -> list[str]:
    """Return the texts of all elements that a selector finds."""
    script = "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText)"
    found: list[str] = browser.execute_script(script, selector)
    return found


def wait_for(browser: Any, script: str) -> Any:
    """Wait until an expression of JavaScript is true; return it."""
    from selenium.webdriver.support.ui import WebDriverWait

    found = WebDriverWait(browser, 10, poll_frequency=0.05)
    return found.until(lambda driver: driver.execute_script(f"return {script}"))
