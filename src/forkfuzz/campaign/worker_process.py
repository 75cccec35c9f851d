"""The supervisor's side of a worker process: start it, hear it, be rid of it."""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

import msgspec

from forkfuzz.errors import InternalError

from .interrupt import held
from .wire import Job, Message

MODULE = "forkfuzz.campaign.atheris_worker"
STOP_SECONDS = 2.0
"""How long a worker may take to stop when asked."""

_TAIL_BYTES = 4096
_COUNTS = re.compile(rb"^#\d+\t\S+.* ft: (\d+) corp: (\d+)", re.MULTILINE)


class WorkerProcess:
    """A running worker; as a context manager, it does not outlive the block.

    Args:
        job: What it is to do.
        folder: Its current folder.
    """

    def __init__(self, job: Job, folder: Path) -> None:
        self._decoder = msgspec.json.Decoder(Message)
        self._partial = b""
        self._chatter = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115
        with held():
            self._process = subprocess.Popen(  # noqa: S603 -- nothing of it is data
                # -P: a folder that happens to hold an atheris.py must not be believed.
                [sys.executable, "-P", "-m", MODULE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._chatter,
                env=_environment(),
                cwd=folder,
            )
        with contextlib.suppress(BrokenPipeError):  # receive() tells why it died
            os.write(self._stdin.fileno(), msgspec.json.encode(job) + b"\n")

    def __enter__(self) -> WorkerProcess:  # noqa: PYI034 -- final in practice
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.ask_to_stop()
        self._process.kill()
        self._process.wait()
        self._stdout.close()
        self._chatter.close()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def ask_to_stop(self) -> None:
        """Close the worker's standard input: it answers with ``Done``."""
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()

    def receive(self, seconds: float) -> list[Message]:
        """Return what the worker has said, waiting at most *seconds* for the first.

        Raises:
            InternalError: The worker is gone.
        """
        if not select.select([self._stdout], [], [], seconds)[0]:
            return []
        data = os.read(self._stdout.fileno(), 1 << 16)
        if not data:
            raise InternalError(self._obituary())
        *lines, self._partial = (self._partial + data).split(b"\n")
        return [self._decoder.decode(line) for line in lines]

    def counts(self) -> tuple[int, int]:
        """Return how many features and inputs libFuzzer last said that it has."""
        found = _COUNTS.findall(self._tail())
        return (int(found[-1][0]), int(found[-1][1])) if found else (0, 0)

    def _tail(self) -> bytes:
        # The worker writes through the same open file: its offset must not move.
        fd = self._chatter.fileno()
        size = os.fstat(fd).st_size
        return os.pread(fd, _TAIL_BYTES, max(0, size - _TAIL_BYTES))

    def _obituary(self) -> str:
        code = self._process.wait()
        last = self._tail().decode(errors="replace").strip()
        return f"forkfuzz bug: the atheris worker ended with code {code}: {last}"

    @property
    def _stdin(self) -> BinaryIO:
        return cast("BinaryIO", self._process.stdin)

    @property
    def _stdout(self) -> BinaryIO:
        return cast("BinaryIO", self._process.stdout)


def _environment() -> dict[str, str]:
    """Return an environment in which the worker imports what this process would."""
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    # Hashes of strings must not make two workers number features differently.
    return os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": "0"}
