"""The worker's calls without libFuzzer: what it answers when something breaks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest

from forkfuzz.campaign import CampaignConfig, TargetSpec, atheris_worker
from forkfuzz.campaign.atheris_worker import SharedFeedback, Worker, libfuzzer_arguments
from forkfuzz.campaign.clock import Stopwatch
from forkfuzz.campaign.remote import _Nest
from forkfuzz.campaign.wire import NEW_INPUTS, Done, Failure, Hit, Job, Message
from forkfuzz.strategies.mutator import LIBFUZZER_FLAGS

from .campaign_toys import OPENER


class Exited(BaseException):
    """Stands for the end of the process."""


class Bench:
    """A worker whose messages can be read and whose process does not end."""

    def __init__(
        self, scenario: str, *, runs: int | None = None, strategy: str = "coverage"
    ) -> None:
        self._reader, self.out = os.pipe()
        spec = TargetSpec(scenario, driver="inline")
        config = CampaignConfig(spec, strategy=strategy, runs=runs, opener=OPENER)
        job = Job(config, has_seeds=False, started=Stopwatch().start)
        self.worker = Worker(job, self.out)

    def said(self) -> list[Message]:
        """Return all messages; the worker cannot say more afterwards."""
        os.close(self.out)
        with open(self._reader, "rb") as file:
            decoder = msgspec.json.Decoder(Message)
            return [decoder.decode(line) for line in file]

    def hang_up(self) -> None:
        """Stop listening."""
        os.close(self._reader)


@pytest.fixture(autouse=True)
def _no_exit(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no worker end this process, or look for libFuzzer in it."""

    def leave(code: int) -> NoReturn:
        raise Exited(code)

    monkeypatch.setattr(SharedFeedback, "register", lambda _self: None)
    with monkeypatch.context() as patch:
        patch.setattr(os, "_exit", leave)
        yield


def test_a_finding_and_the_end_are_told() -> None:
    """The input that breaks the target is sent, then the reason to stop."""
    bench = Bench("lost-update")
    bench.worker.run(b"")
    # One switch, right after the load.
    with pytest.raises(Exited, match=r"^0$"):
        bench.worker.run(b"\x00\xc0\x00")
    hit, done = bench.said()
    assert isinstance(hit, Hit)
    assert (hit.input, hit.runs) == ("00c000", 2)
    assert isinstance(done, Done)
    assert (done.reason, done.runs, done.hits) == ("finding", 2, 1)
    assert (done.reached, done.reach.outcomes) == (("ran",), 2)


def test_a_broken_target_is_told() -> None:
    """The exception does not travel through libFuzzer."""
    bench = Bench("faulty")
    with pytest.raises(Exited, match=r"^3$"):
        bench.worker.run(b"\x01\x02")
    (failure,) = bench.said()
    assert isinstance(failure, Failure)
    assert failure.message.startswith("ZeroDivisionError: ")
    assert failure.input == "0102"


@pytest.mark.parametrize("name", ["mutate", "crossover"])
def test_a_broken_mutator_is_told(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """An exception in it would hang the process when it travels through libFuzzer."""

    def break_down(*_arguments: object) -> bytes:
        msg = "no idea"
        raise ValueError(msg)

    monkeypatch.setattr(atheris_worker, name, break_down)
    bench = Bench("quiet")
    worker = bench.worker
    call = worker.mutate if name == "mutate" else partial(worker.cross, b"\x01")
    with pytest.raises(Exited, match=r"^3$"):
        call(b"\x01", 8, 0)
    assert bench.said() == [Failure("ValueError: no idea", "01")]


@pytest.mark.parametrize("answer", [b"", b"x" * 100])
def test_a_mutation_always_fits(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    """Whatever the mutator gives, libFuzzer gets 1 to max_size bytes."""
    monkeypatch.setattr(atheris_worker, "mutate", lambda *_: answer)
    monkeypatch.setattr(atheris_worker, "crossover", lambda *_: answer)
    worker = Bench("quiet").worker
    assert 1 <= len(worker.mutate(b"", 7, 0)) <= 7
    assert 1 <= len(worker.cross(b"", b"", 7, 0)) <= 7


def test_a_worker_without_a_listener_stops() -> None:
    """A broken pipe means that the supervisor is gone."""
    bench = Bench("quiet", runs=1)
    bench.hang_up()
    with pytest.raises(Exited, match=r"^3$"):
        bench.worker.run(b"")
    os.close(bench.out)


def test_libfuzzer_is_told_what_was_measured_to_help() -> None:
    """The flags are in the program, so that every way to start it has them."""
    spec = TargetSpec("quiet")
    for seed, told in ((0, 1), (7, 8), (2**32 - 2, 2**32 - 1), (2**32 - 1, 1)):
        config = CampaignConfig(spec, seed=seed, max_len=99)
        arguments = libfuzzer_arguments(Job(config, has_seeds=False, started=0.0))
        assert set(LIBFUZZER_FLAGS) < set(arguments)
        assert f"-seed={told}" in arguments
        assert "-max_len=99" in arguments
        assert not [a for a in arguments if a.startswith("-seed_inputs")]
        assert arguments[-1] == NEW_INPUTS
    arguments = libfuzzer_arguments(Job(config, has_seeds=True, started=0.0))
    assert "-seed_inputs=@seed_list" in arguments


def test_a_file_that_libfuzzer_is_still_writing_waits(tmp_path: Path) -> None:
    """Its name is the hash of what it will hold; until then it is not taken."""
    nest = _Nest(tmp_path)
    # SHA-1 of b"abc".
    unit = tmp_path / NEW_INPUTS / "a9993e364706816aba3e25717850c26c9cd0d89d"
    unit.write_bytes(b"ab")
    (tmp_path / NEW_INPUTS / "replaced").symlink_to("gone")
    assert nest.hatched() == []
    unit.write_bytes(b"abc")
    assert nest.hatched() == [b"abc"]
    assert nest.hatched() == nest.replaced() == []
    unit.unlink()
    assert nest.replaced() == [b"abc"]
    assert nest.replaced() == []


def test_a_portfolio_runs_other_strategies_between_two_inputs() -> None:
    """What they reach first becomes an input, the next one that libFuzzer is given."""
    bench = Bench("relay", runs=60, strategy="portfolio")
    worker = bench.worker
    verbatim = 0

    def serve() -> None:
        nonlocal verbatim
        while True:
            waiting = list(worker._waiting)
            data = worker.mutate(b"", 512, 0)
            if waiting:
                assert data == waiting[0]
                verbatim += 1
            worker.run(data)

    with pytest.raises(Exited, match=r"^0$"):
        serve()
    (done,) = (message for message in bench.said() if isinstance(message, Done))
    assert done.runs == 60
    assert 0 < verbatim < 30


def test_a_portfolio_makes_the_first_run_itself() -> None:
    """Nobody is stopped in it, whatever the input says."""
    bench = Bench("lost-update", runs=1, strategy="portfolio")
    with pytest.raises(Exited, match=r"^0$"):
        bench.worker.run(b"\x00\xc0\x00")  # which would be a lost update
    (done,) = bench.said()
    assert isinstance(done, Done)
    assert (done.reason, done.runs, done.hits) == ("runs", 1, 0)


def test_a_waiting_input_is_cut_to_size() -> None:
    """LibFuzzer takes no more than it asked for."""
    bench = Bench("relay", strategy="portfolio")
    bench.worker._waiting.extend([b"\xff" * 300, b""])
    assert bench.worker.mutate(b"abc", 16, 0) == b"\xff" * 16
    assert bench.worker.cross(b"abc", b"d", 16, 0) == b"\0"
