"""What the page of ``forkfuzz explore`` is, and what it may ask for.

A site keeps nothing between two questions: a question names the whole path. Only who
knows the token in its address gets an answer, only under the names of this machine,
and only the page itself may ask.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import Any, TypeVar

import attrs
import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from forkfuzz import strategies
from forkfuzz.checkers import PROPERTIES
from forkfuzz.engine import dumps
from forkfuzz.errors import ForkfuzzError
from forkfuzz.harness.points import all_points
from forkfuzz.report.page import Live, build_page, race_data
from forkfuzz.rules import Rules, format_rules
from forkfuzz.scenarios.program import Program

from .answers import ANY, Stops
from .document import race_document, view_document
from .look import look, preview, run_on, schedule_of

MAX_BODY = 1_000_000
"""Bytes of a question; a path of a hundred thousand answers is half of that."""

LOCAL = ("127.0.0.1", "localhost")
"""Names under which a site may be asked; the port does not matter."""


@attrs.frozen(slots=True, hash=False)
class Subject:
    """What is explored.

    Attributes:
        program: The program.
        rules: Under which rules.
        path: Where to begin.
        spec: How a schedule says which program it is for.
    """

    program: Program
    rules: Rules
    path: tuple[int, ...]
    spec: str


class _Path(msgspec.Struct, forbid_unknown_fields=True):
    path: list[int]
    since: int = 0


class _Going(_Path, forbid_unknown_fields=True):
    strategy: str = "random"
    seed: int = 0
    points: list[str] = []
    properties: list[str] = []


Question = TypeVar("Question", bound=_Path)


def site(subject: Subject, token: str) -> Starlette:
    """Return the application.

    Args:
        subject: What is explored.
        token: Stands first in every path of an address.
    """
    answers = _Answers(subject)
    asked = {
        "look": _asked(_Path, answers.look),
        "preview": _asked(_Path, answers.preview),
        "run": _asked(_Going, answers.run),
        "race": _asked(_Path, answers.race),
        "schedule": _asked(_Path, answers.schedule),
    }
    routes = [Route(f"/{token}/", answers.page)]
    for name, handle in asked.items():
        routes.append(Route(f"/{token}/{name}", handle, methods=["POST"]))
    local = Middleware(TrustedHostMiddleware, allowed_hosts=LOCAL, www_redirect=False)
    return Starlette(routes=routes, middleware=[local])


def _asked(
    kind: type[Question], answer: Callable[[Question], Response]
) -> Callable[[Request], Any]:
    """Return a handler that reads a question and refuses what the page never sends."""

    async def handle(request: Request) -> Response:
        if request.headers.get("origin") != f"http://{request.headers['host']}":
            return _refused(403, "only the page itself may ask")
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return _refused(413, f"expected at most {MAX_BODY} bytes")
        try:
            return answer(msgspec.json.decode(body, type=kind))
        except (msgspec.DecodeError, ForkfuzzError) as error:
            return _refused(400, str(error))

    return handle


def _refused(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status)


class _Answers:
    """Answers questions about one subject."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    async def page(self, _request: Request) -> Response:
        """Return the page, with the run to begin with."""
        subject = self._subject
        view = look(subject.program, subject.rules, subject.path)
        violation = view.recording.result.headline()
        document = view_document(view, 0)
        data = {
            "runs": [{key: document[key] for key in ("steps", "moments")}],
            **race_data(view.recording, violation),
            "rules": format_rules(subject.rules),
            "live": {key: document[key] for key in ("path", "starts", "broken")},
            "strategies": strategies.NAMES,
            "points": sorted(all_points()),
            "properties": [ANY, *PROPERTIES],
        }
        files = resources.files(__package__)
        panel, script, style = (
            files.joinpath(name).read_text(encoding="utf-8")
            for name in ("panel.html", "live.js", "live.css")
        )
        title = f"Explore {subject.program.name}"
        return HTMLResponse(
            build_page(title, data, Live(panel, script, style)),
            headers={
                "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
                "X-Frame-Options": "DENY",
            },
        )

    def look(self, question: _Path) -> Response:
        """Say where a path leads."""
        since = max(0, question.since)
        subject = self._subject
        view = look(subject.program, subject.rules, question.path, since=since)
        return JSONResponse(view_document(view, min(since, len(view.starts))))

    def preview(self, question: _Path) -> Response:
        """Say what each option at the end of a path would do."""
        subject = self._subject
        view = look(subject.program, subject.rules, question.path)
        return JSONResponse(preview(subject.program, subject.rules, view))

    def run(self, question: _Going) -> Response:
        """Let a strategy go on from the end of a path."""
        subject = self._subject
        since = max(0, question.since)
        strategy = strategies.make(question.strategy, question.seed)
        stops = Stops(frozenset(question.points), frozenset(question.properties))
        view = run_on(
            subject.program, subject.rules, question.path, strategy, stops, since=since
        )
        return JSONResponse(view_document(view, min(since, len(view.starts))))

    def race(self, question: _Path) -> Response:
        """Return the race table of what a path has broken."""
        subject = self._subject
        view = look(subject.program, subject.rules, question.path)
        return JSONResponse(race_document(view))

    def schedule(self, question: _Path) -> Response:
        """Return a path as a schedule that ``forkfuzz replay`` takes."""
        subject = self._subject
        view = look(subject.program, subject.rules, question.path)
        return PlainTextResponse(dumps(schedule_of(view, subject.spec)))
