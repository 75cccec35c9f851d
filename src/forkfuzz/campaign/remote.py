"""A campaign in a worker process: believe nothing that does not repeat here."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from forkfuzz.errors import InternalError

from .atomic import TEMPORARY, suffix
from .clock import PROGRESS_PERIOD, Stopwatch
from .config import CampaignConfig
from .events import Event, Finding, Finished, Reason
from .interrupt import Interrupts
from .local import Keep
from .pace import Pace
from .target import Target
from .verify import execute_again
from .wire import (
    ARTIFACTS,
    NEW_INPUTS,
    SEED_LIST,
    SEEDS,
    Done,
    Failure,
    Hit,
    Job,
    Status,
)
from .worker_process import STOP_SECONDS, WorkerProcess


def fuzz_in_worker(
    config: CampaignConfig,
    target: Target,
    *,
    inputs: Sequence[bytes],
    keep: Keep,
    interrupts: Interrupts,
    scratch_in: Path | None,
) -> Iterator[Event]:
    """Let a worker run until it is done or the user asks to stop.

    Args:
        config: What to fuzz, and for how long.
        target: The same target, opened in this process.
        inputs: Where to start.
        keep: Told what is new.
        interrupts: Whether the user has asked to stop.
        scratch_in: Where to make the scratch folder; its name is one that is swept
            when a campaign is next opened there.

    Raises:
        InternalError: The worker broke, or a finding does not repeat.
    """
    with tempfile.TemporaryDirectory(
        prefix=f"{TEMPORARY}worker-", suffix=suffix(), dir=scratch_in
    ) as scratch:
        nest, watch = _Nest(Path(scratch)), Stopwatch()
        nest.lay(inputs)
        job = Job(config, has_seeds=bool(inputs), started=watch.start)
        with WorkerProcess(job, Path(scratch)) as worker:
            supervision = _Supervision(target, worker, nest, keep, watch)
            yield from supervision.events(interrupts)


class _Supervision:
    """Turns a worker's messages into events."""

    def __init__(
        self,
        target: Target,
        worker: WorkerProcess,
        nest: _Nest,
        keep: Keep,
        watch: Stopwatch,
    ) -> None:
        self._target = target
        self._worker = worker
        self._nest = nest
        self._keep = keep
        self._watch = watch
        self._pace = Pace()
        self._asked_at: float | None = None
        self.signatures: set[str] = set()
        self.runs = 0
        self.hits = 0

    def events(self, interrupts: Interrupts) -> Iterator[Event]:
        while True:
            if interrupts.requested and self._asked_at is None:
                self._asked_at = self._watch.elapsed()
                self._worker.ask_to_stop()
            for message in self._worker.receive(PROGRESS_PERIOD):
                match message:
                    case Hit():
                        yield self._finding(message)
                    case Status():
                        yield self._progress(message)
                    case Failure():
                        raise InternalError(_explain(message))
                    case Done():
                        yield self._progress(message)
                        reason: Reason = message.reason
                        yield Finished(
                            reason, message.runs, message.reached, message.reach
                        )
                        return
            if self._is_deaf():
                # It is stuck in a run. What it found and kept before is safe.
                self._keep_and_drop()
                yield Finished("interrupted", self.runs, ())
                return

    def _finding(self, hit: Hit) -> Finding:
        data = bytes.fromhex(hit.input)
        again = execute_again(self._target, data, hit.digest)
        self.signatures.add(hit.signature)
        return Finding(hit.signature, data, again, hit.runs, hit.elapsed)

    def _progress(self, message: Status | Done) -> Event:
        self.runs, self.hits = message.runs, message.hits
        self._keep_and_drop()
        features, corpus = self._worker.counts()
        return self._pace.progress(message.elapsed, self, features, corpus)

    def _keep_and_drop(self) -> None:
        """Follow libFuzzer, which replaces what it has saved by shorter inputs."""
        self._keep(self._nest.hatched(), self._nest.replaced())

    def _is_deaf(self) -> bool:
        asked_at = self._asked_at
        return asked_at is not None and self._watch.elapsed() > asked_at + STOP_SECONDS


class _Nest:
    """The folder that a worker and libFuzzer write to, thrown away afterwards."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken: dict[str, bytes] = {}
        for name in (SEEDS, NEW_INPUTS, ARTIFACTS):
            (folder / name).mkdir()

    def lay(self, inputs: Sequence[bytes]) -> None:
        """Write the first inputs, and the list of them in their order."""
        names = [f"{SEEDS}/{number:06}" for number in range(len(inputs))]
        for name, data in zip(names, inputs, strict=True):
            (self._folder / name).write_bytes(data)
        (self._folder / SEED_LIST).write_text(",".join(names), encoding="ascii")

    def hatched(self) -> list[bytes]:
        """Return the inputs that libFuzzer saved since the last call."""
        found = []
        for path in sorted((self._folder / NEW_INPUTS).iterdir()):
            if path.name in self._taken:
                continue
            try:
                data = path.read_bytes()
            except FileNotFoundError:  # replaced by a shorter one
                continue
            # libFuzzer writes in place; the name says when the file is complete.
            if hashlib.sha1(data, usedforsecurity=False).hexdigest() == path.name:
                self._taken[path.name] = data
                found.append(data)
        return found

    def replaced(self) -> list[bytes]:
        """Return the inputs that libFuzzer has removed since they hatched."""
        names = {path.name for path in (self._folder / NEW_INPUTS).iterdir()}
        return [self._taken.pop(name) for name in sorted({*self._taken} - names)]


def _explain(failure: Failure) -> str:
    return f"forkfuzz bug: {failure.message}; input {failure.input}"
