"""``forkfuzz explore`` in a process of its own, and questions to it."""

from __future__ import annotations

import contextlib
import json
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs

from cli.running import start


@attrs.frozen
class Server:
    """A page that is served.

    Attributes:
        address: Of the page, with its token.
        folder: Where the process was started.
    """

    address: str
    folder: Path

    @property
    def origin(self) -> str:
        """Return what a browser names as the origin of the page."""
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    def ask(
        self,
        what: str,
        question: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """Ask as the page does; return the status and the text of the answer."""
        body = (
            question if isinstance(question, bytes) else json.dumps(question).encode()
        )
        request = urllib.request.Request(
            self.address + what,
            body if question is not None else None,
            headers={"Origin": self.origin, **(headers or {})},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def look(self, **question: Any) -> dict[str, Any]:
        """Ask where a path leads."""
        status, text = self.ask("look", question)
        assert status == 200, text
        found: dict[str, Any] = json.loads(text)
        return found


@contextlib.contextmanager
def serving(folder: Path, *arguments: object) -> Iterator[Server]:
    """Serve, then end it as a person does."""
    process = start("explore", *arguments, cwd=folder)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address, process.stderr and process.stderr.read()
        yield Server(address, folder)
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 0, err
    assert err.splitlines()[-1:] == ["explore: ended"]
