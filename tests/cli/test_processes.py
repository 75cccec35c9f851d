"""Several processes at a time: none is left behind, and none complains."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from pathlib import Path

import pytest

from forkfuzz.cli.exploring import processes
from forkfuzz.errors import RefusedError
from offspring import children, has_ended, watch

from .programs import LONG
from .running import start


def decide_side_by_side(folder: Path) -> subprocess.Popen[str]:
    """Decide tests that take too long, two at a time; return once it has begun."""
    for number in range(3):
        (folder / f"{number}.litmus").write_text(LONG.replace("long", f"long{number}"))
    process = start("litmus", ".", "--jobs", "2", cwd=folder)
    while len(children(process.pid)) < 2:
        assert process.poll() is None
    return process


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_the_first(number: int, tmp_path: Path) -> None:
    """Whatever that one died of: it had no time to end them."""
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(decide_side_by_side(tmp_path))
        watched = [stack.enter_context(watch(pid)) for pid in children(process.pid)]
        process.send_signal(number)
        try:
            assert all(has_ended(pidfd) for pidfd in watched)
        finally:
            process.kill()
            for pidfd in watched:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(pidfd, signal.SIGKILL)


def stay(number: int) -> int:
    """Return the first numbers, and nothing after them."""
    if number > 2:
        signal.pause()
    return number


def leave_early() -> None:
    """Begin a lot of work, and leave it as Ctrl-C does."""
    with processes(2) as run:
        results = run(stay, range(60))
        assert [next(results) for _ in range(3)] == [0, 1, 2]
        results.close()  # type: ignore[attr-defined]
        raise KeyboardInterrupt


@pytest.mark.slow
@pytest.mark.parametrize("_round", range(8))
def test_work_that_waits_for_its_turn_can_be_left(_round: int) -> None:
    """Whenever it is: pytest fails a test whose threads die of an exception."""
    with pytest.raises(KeyboardInterrupt):
        leave_early()


@pytest.mark.slow
def test_a_process_that_is_killed_is_no_bug() -> None:
    """A system that is short of memory does that."""
    expected = r"^a process of --jobs was killed, perhaps for want of memory$"
    with pytest.raises(RefusedError, match=expected), processes(2) as run:
        list(run(signal.raise_signal, [signal.SIGKILL]))


@pytest.mark.slow
def test_ctrl_c_is_left_to_the_first() -> None:
    """A signal for all processes of a terminal is for that one to handle."""
    with processes(2) as run:
        assert list(run(signal.raise_signal, [signal.SIGINT, signal.SIGTERM])) == [
            None,
            None,
        ]
