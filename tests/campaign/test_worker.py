"""The worker process: it breaks loudly, stops when asked, and never outlives us."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from forkfuzz.campaign import (
    CampaignConfig,
    Finished,
    Progress,
    TargetSpec,
    fuzz,
    remote,
)
from forkfuzz.campaign.clock import Stopwatch
from forkfuzz.campaign.interrupt import Interrupts
from forkfuzz.campaign.remote import fuzz_in_worker
from forkfuzz.campaign.wire import ARTIFACTS, NEW_INPUTS, Done, Job, Message
from forkfuzz.campaign.worker_process import WorkerProcess
from forkfuzz.errors import InternalError
from offspring import PATIENCE, children, has_ended, watch

from .campaign_toys import OPENER, Toy

pytest.importorskip("atheris")

SUPERVISOR = Path(__file__).parent / "supervisor_program.py"


def configure(scenario: str, runs: int | None = None) -> CampaignConfig:
    """Return a campaign against a toy."""
    spec = TargetSpec(scenario, driver="inline")
    return CampaignConfig(
        spec, strategy="coverage", runs=runs, keep_going=True, opener=OPENER
    )


def start_worker(folder: Path, config: CampaignConfig) -> WorkerProcess:
    """Start a worker that has no inputs."""
    for name in (NEW_INPUTS, ARTIFACTS):
        (folder / name).mkdir()
    job = Job(config, has_seeds=False, started=Stopwatch().start)
    return WorkerProcess(job, folder)


def messages(worker: WorkerProcess) -> Iterator[Message]:
    """Yield what a worker says until it is done."""
    while True:
        for message in worker.receive(PATIENCE):
            yield message
            if isinstance(message, Done):
                return


def test_the_feedback_and_the_mutator_are_really_used(tmp_path: Path) -> None:
    """LibFuzzer names our mutator, and keeps inputs for what our buffer shows."""
    with start_worker(tmp_path, configure("relay", runs=2000)) as worker:
        done = list(messages(worker))[-1]
        assert isinstance(done, Done)
        assert (done.reason, done.runs) == ("runs", 2000)
        features, corpus = worker.counts()
        chatter = worker._tail().decode()
    assert features > 50
    assert corpus > 10
    assert "Custom-" in chatter
    assert "CustomCrossOver-" in chatter
    assert "ChangeByte" not in chatter
    assert len(list((tmp_path / NEW_INPUTS).iterdir())) >= corpus - 1


def test_a_worker_that_breaks_says_what_and_on_which_input() -> None:
    """An exception of the target ends the campaign as forkfuzz's own fault."""
    interrupts = Interrupts()
    expected = r"^forkfuzz bug: ZeroDivisionError: .*; input $"
    with pytest.raises(InternalError, match=expected):
        drain(configure("faulty"), interrupts)


def test_a_worker_that_dies_is_reported(tmp_path: Path) -> None:
    """A signal from outside is an internal error that names the exit code."""
    with start_worker(tmp_path, configure("quiet")) as worker:
        assert worker.receive(PATIENCE)
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(
            InternalError, match=r"^forkfuzz bug: the atheris worker en"
        ):
            list(messages(worker))


def test_a_worker_that_is_stuck_is_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C ends a campaign whose worker does not answer any more."""
    monkeypatch.setattr(remote, "STOP_SECONDS", 0.3)
    interrupts = Interrupts()
    interrupts.requested = True
    assert drain(configure("endless"), interrupts) == [Finished("interrupted", 0, ())]


def drain(config: CampaignConfig, interrupts: Interrupts) -> list[object]:
    """Return all events of a worker for a toy that this process does not run."""

    def keep(inputs: Sequence[bytes], replaced: Sequence[bytes]) -> None:
        assert not inputs
        assert not replaced

    return list(
        fuzz_in_worker(
            config,
            Toy(config.spec.scenario),
            inputs=[],
            keep=keep,
            interrupts=interrupts,
            scratch_in=None,
        )
    )


def test_a_caller_that_walks_away_ends_the_worker() -> None:
    """Closing the events closes the worker."""
    events = fuzz(configure("quiet"))
    assert isinstance(next(events), Progress)
    (worker,) = children(os.getpid())
    with watch(worker) as pidfd:
        events.close()  # type: ignore[attr-defined]
        assert has_ended(pidfd)


@pytest.mark.parametrize("engine", ["atheris", "builtin"])
def test_one_interrupt_saves_and_ends_with_130(tmp_path: Path, engine: str) -> None:
    """SIGINT gives a last report, leaves no worker and no scratch files."""
    with start_supervisor(tmp_path, engine) as supervisor:
        first_report(supervisor)
        workers = children(supervisor.pid)
        assert len(workers) == (engine == "atheris")
        supervisor.send_signal(signal.SIGINT)
        output, _ = supervisor.communicate(timeout=PATIENCE)
    assert supervisor.returncode == 130
    assert json.loads(output.splitlines()[-1])["event"] == "Finished"
    assert json.loads(output.splitlines()[-1])["reason"] == "interrupted"
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]
    assert not list(tmp_path.glob(".tmp-*"))
    assert list((tmp_path / "corpus" / "relay").iterdir())


def test_a_worker_ends_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    """SIGKILL of the supervisor leaves no worker; the next one sweeps its folder."""
    with start_supervisor(tmp_path, "atheris") as supervisor:
        first_report(supervisor)
        (worker,) = children(supervisor.pid)
        with watch(worker) as pidfd:
            supervisor.kill()
            assert has_ended(pidfd)
    assert list(tmp_path.glob(".tmp-worker-*"))
    with start_supervisor(tmp_path, "builtin") as supervisor:
        first_report(supervisor)
        assert not list(tmp_path.glob(".tmp-*"))
        supervisor.kill()


def start_supervisor(path: Path, engine: str) -> subprocess.Popen[str]:
    """Start a campaign without end in a process of its own."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, str(SUPERVISOR), str(path), engine],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


def first_report(supervisor: subprocess.Popen[str]) -> None:
    """Wait until the campaign is under way."""
    assert supervisor.stdout is not None
    events = (json.loads(line)["event"] for line in supervisor.stdout)
    assert "Progress" in events  # the first may come before anything is found
    assert "Progress" in events
