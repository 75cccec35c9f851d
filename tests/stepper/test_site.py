"""The page that is served: to this machine alone, to its own page alone, and quickly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.running import call, launch
from forkfuzz.campaign.clock import Stopwatch

from .serving import Server, serving


@pytest.fixture(scope="module", name="server")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("explore")
    with serving(folder, "mp:rounds=1", "--rules", "mainline") as server:
        yield server


def test_the_page_loads_nothing_and_may_ask_only_its_server(server: Server) -> None:
    """One document, with a policy that says so."""
    status, page = server.ask("")
    assert status == 200
    assert "default-src 'none'" in page
    assert "connect-src 'self'" in page
    assert "src=" not in page.split("<script")[0]


def test_a_question_is_answered(server: Server) -> None:
    """With the steps that are new, and what comes next."""
    found = server.look(path=[0, 0], since=1)
    assert found["path"] == found["starts"] or len(found["starts"]) == 2
    assert len(found["steps"]) == len(found["moments"]) == 1
    assert found["question"]["options"]
    status, text = server.ask("preview", {"path": [0, 0]})
    assert status == 200
    assert len(json.loads(text)) == len(found["question"]["options"])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 400),
        ({"Host": "127.0.0.1.evil.example"}, 400),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
    ],
)
def test_others_get_nothing(
    server: Server, headers: dict[str, str], status: int
) -> None:
    """Neither under another name nor from another page."""
    answer = server.ask("look", {"path": []}, headers=headers)
    assert answer[0] == status
    assert "steps" not in answer[1]


def test_who_does_not_know_the_token_gets_nothing(server: Server) -> None:
    """Neither the page nor an answer."""
    stranger = Server(f"{server.origin}/guessed/", server.folder)
    assert stranger.ask("")[0] == 404
    assert stranger.ask("look", {"path": []})[0] == 404
    assert Server(f"{server.origin}/", server.folder).ask("")[0] == 404


@pytest.mark.parametrize(
    ("what", "question", "status"),
    [
        ("look", b"", 400),
        ("look", b"{", 400),
        ("look", b"\xff\xfe", 400),
        ("look", {"path": "0"}, 400),
        ("look", {"path": [0.5]}, 400),
        ("look", {"path": [99]}, 400),
        ("look", {"path": [-1]}, 400),
        ("look", {"path": [10**30]}, 400),
        ("look", {"path": [], "since": "x"}, 400),
        ("look", {"path": [], "more": 1}, 400),
        ("look", {"path": [], "since": -5}, 200),
        ("look", {"path": [], "since": 10**9}, 200),
        ("look", b'{"path":[' + b"0," * 600_000 + b"0]}", 413),
        ("run", {"path": [], "strategy": "none"}, 400),
        ("run", {"path": [], "seed": "x"}, 400),
        ("run", {"path": [], "points": [1]}, 400),
        ("nothing", {"path": []}, 404),
    ],
)
def test_what_the_page_never_sends_is_refused(
    server: Server, what: str, question: Any, status: int
) -> None:
    """With one line that says why; the server goes on."""
    answer = server.ask(what, question)
    assert answer[0] == status
    if status in (400, 413):
        assert json.loads(answer[1])["error"]
    assert server.look(path=[])["question"]


def test_a_run_goes_on_and_can_be_saved(server: Server) -> None:
    """Until something is broken; the schedule replays from the command line."""
    found: dict[str, Any] = {"broken": []}
    for seed in range(200):
        _, text = server.ask(
            "run",
            {"path": [], "strategy": "pct", "seed": seed, "properties": ["any"]},
        )
        found = json.loads(text)
        if found["broken"]:
            break
    _, race = server.ask("race", {"path": found["path"]})
    assert "mmap_write_lock(oldmm)" in json.loads(race)["text"]
    _, schedule = server.ask("schedule", {"path": found["path"]})
    path = server.folder / "explored.schedule"
    path.write_text(schedule)
    replayed = call("replay", path, "--driver", "inline")
    assert (replayed.code, replayed.err) == (1, "")
    assert found["broken"][0][0] in replayed.out


@pytest.mark.slow
def test_a_step_is_answered_at_once(tmp_path: Path) -> None:
    """Also after five hundred steps; the bound is far above the usual time."""
    scenario = "lost-store:threads=4,rounds=14,pages=2"
    with serving(tmp_path, scenario) as server:
        going = {"path": [], "strategy": "round-robin"}
        path = json.loads(server.ask("run", going)[1])["path"][:500]
        assert len(path) == 500
        times = []
        for _ in range(5):
            watch = Stopwatch()
            found = server.look(path=path, since=499)
            times.append(watch.elapsed())
            assert len(found["steps"]) <= 2
        assert min(times) < 0.15


def test_a_port_that_is_taken_is_one_line(server: Server) -> None:
    """And exit code 2."""
    port = server.origin.rpartition(":")[2]
    outcome = launch("explore", "mp", "--port", port, cwd=server.folder)
    assert outcome.code == 2
    assert outcome.err.startswith(f"forkfuzz: cannot serve on port {port}: ")
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("nosuch",),
        ("mp:pages=x",),
        ("mp", "--rules", "nosuch"),
        ("mp", "--port", "70000"),
        ("missing.litmus",),
        ("0123abcd",),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """And exit code 2, before anything is served."""
    outcome = call("explore", *arguments, "--dir", tmp_path / "none")
    assert outcome.code == 2
    assert outcome.err.startswith("forkfuzz: ")
    assert outcome.err.count("\n") == 1
