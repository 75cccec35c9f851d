"""The process in which libFuzzer, through atheris, decides what to run next.

``python -m forkfuzz.campaign.atheris_worker`` is started by the supervisor, gets a
`Job` on its standard input and answers in lines of JSON on its standard output. It is
a process of its own because libFuzzer owns the process that it runs in: it installs
handlers, writes where it likes and does not come back.

atheris is used as a libFuzzer for Python, without its instrumentation: the feedback is
a buffer of our own, registered as libFuzzer's coverage counters. Instrumenting the
model would cost three times the speed and say less.
"""

from __future__ import annotations

import ctypes
import os
import random
import select
import signal
import sys
from collections import deque
from collections.abc import Callable
from mmap import mmap
from typing import NoReturn

import attrs
import msgspec

from forkfuzz.harness.coverage import DEFAULT_KINDS, Kind
from forkfuzz.harness.result import RunResult
from forkfuzz.strategies import Bytes
from forkfuzz.strategies.mutator import LIBFUZZER_FLAGS, Points, crossover, mutate

from .clock import Stopwatch, Ticker
from .events import Reason
from .novelty import Novelty, PlainFeedback
from .portfolio import COVERAGE, Portfolio
from .tally import Tally
from .target import FEEDBACK_BYTES, find_opener
from .wire import (
    ARTIFACTS,
    NEW_INPUTS,
    SEED_LIST,
    Done,
    Failure,
    Hit,
    Job,
    Message,
    Status,
)

HANG_SECONDS = 30
"""After so long a single run counts as hung, and libFuzzer ends the process."""

_STDIN = 0
_BROKEN = 3


@attrs.define(eq=False)
class SharedFeedback:
    """A feedback buffer that libFuzzer reads, and clears before each run."""

    kinds: tuple[Kind, ...] = DEFAULT_KINDS
    buffer: mmap = attrs.field(factory=lambda: mmap(-1, FEEDBACK_BYTES))

    def register(self) -> None:
        """Make the buffer libFuzzer's coverage counters.

        Once, and only from within the first run: before, the library with the
        counters is not loaded, and loading it would silently cut off our mutator.
        libFuzzer takes no features from the first run, so nothing is lost.
        """
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.buffer))
        init = _libfuzzer()["__sanitizer_cov_8bit_counters_init"]
        init.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        init.restype = None
        init(start, start + FEEDBACK_BYTES)


class Worker:
    """Serves libFuzzer's three calls: run this, vary this, cross these.

    Args:
        job: The orders.
        out: Descriptor to which messages go.
    """

    def __init__(self, job: Job, out: int) -> None:
        config = job.campaign
        self._config = config
        self._out = out
        self._target = find_opener(config.opener)(config.spec)
        self._random = random.Random(config.seed)
        self._strategy = Bytes()
        self._feedback = SharedFeedback(config.feedback)
        self._registered = False
        self._points = Points()
        self._portfolio = config.portfolio()
        self._novelty = Novelty()
        self._free_feedback = PlainFeedback(config.feedback)
        self._waiting: deque[bytes] = deque()
        self._is_given = True
        self._tally = Tally(config.spec.rules)
        self._watch = Stopwatch(job.started)
        self._ticker = Ticker()

    def run(self, data: bytes) -> None:
        """Run *data*, and then what a portfolio leaves to other strategies.

        libFuzzer knows nothing of those runs until one reaches something new, and is
        then given its input. It begins with the empty input, from which it learns
        nothing; a portfolio begins with an undisturbed run of its own instead.
        """
        portfolio, is_first = self._portfolio, not self._registered
        if is_first:
            self._register(data)
        if portfolio is None or not is_first:
            new = self._run_bytes(data)
            if portfolio is not None and not self._is_given:
                portfolio.paid(COVERAGE, new)
        if portfolio is not None:
            self._run_others(portfolio)

    def _register(self, data: bytes) -> None:
        try:
            self._registered = True
            self._feedback.register()
        except BaseException as error:
            self.fail(error, data)

    def _run_bytes(self, data: bytes) -> int:
        """Run an input; return how much that was new it reached.

        Whatever goes wrong, do not return to libFuzzer with it.
        """
        try:
            self._strategy.rewind(data)
            result = self._target.run(self._strategy, self._feedback)
            self._note(data, result)
            new = self._novelty.note(self._feedback.buffer)
            if new:
                self._points.learn(data, result.decisions)
        except BaseException as error:
            self.fail(error, data)
        self._go_on_or_finish()
        return new

    def _run_others(self, portfolio: Portfolio) -> None:
        while not self._waiting and (arm := portfolio.choose()) != COVERAGE:
            strategy, feedback = portfolio.strategy(arm), self._free_feedback
            try:
                feedback.clear()
                result = self._target.run(strategy, feedback)
                self._note(strategy.data(), result)
                new = self._novelty.note(feedback.buffer)
            except BaseException as error:
                self.fail(error, strategy.data())
            portfolio.paid(arm, new)
            if new:
                data = strategy.data()
                self._points.learn(data, result.decisions)
                self._waiting.append(data)
            self._go_on_or_finish()

    def _note(self, data: bytes, result: RunResult) -> None:
        signature = self._tally.note(result)
        if signature is not None:
            elapsed, runs = self._watch.elapsed(), self._tally.runs
            self.send(Hit(elapsed, signature, data.hex(), result.digest(), runs))

    def mutate(self, data: bytes, max_size: int, _seed: int) -> bytes:
        """Vary *data*. Raising, or returning too much, would hang the process."""
        return self._make(data, max_size, lambda: mutate(data, max_size, self._random))

    def cross(self, a: bytes, b: bytes, max_size: int, _seed: int) -> bytes:
        """Cross *a* with *b*. Raising, or returning too much, would hang the process."""
        return self._make(
            a, max_size, lambda: crossover(a, b, max_size, self._random, self._points)
        )

    def _make(self, data: bytes, max_size: int, vary: Callable[[], bytes]) -> bytes:
        """Return an input that waits, or else a new one."""
        try:
            self._is_given = bool(self._waiting)
            made = self._waiting.popleft() if self._waiting else vary()
            return made[:max_size] or b"\0"
        except BaseException as error:
            self.fail(error, data)

    def send(self, message: Message) -> None:
        """Write one line; without a supervisor to read it, stop."""
        rest = memoryview(msgspec.json.encode(message) + b"\n")
        try:
            while rest:
                rest = rest[os.write(self._out, rest) :]
        except BrokenPipeError:
            os._exit(_BROKEN)

    def fail(self, error: BaseException, data: bytes = b"") -> NoReturn:
        """Tell the supervisor what broke, and leave without unwinding libFuzzer."""
        self.send(Failure(f"{type(error).__name__}: {error}", data.hex()))
        os._exit(_BROKEN)

    def _go_on_or_finish(self) -> None:
        elapsed = self._watch.elapsed()
        tally = self._tally
        reason: Reason | None = None
        if tally.visible and not self._config.keep_going:
            reason = "finding"
        else:
            reason = self._config.spent(tally.runs, elapsed)
        if reason is None and self._ticker.is_due(elapsed):
            self.send(Status(elapsed, tally.runs, tally.hits))
            if _is_closed(_STDIN):
                reason = "interrupted"
        if reason is not None:
            counts = tally.runs, tally.hits, tally.reached, tally.reach
            self.send(Done(elapsed, reason, *counts))
            # libFuzzer would write statistics, or wait for locks; all is said.
            os._exit(0)


def libfuzzer_arguments(job: Job) -> list[str]:
    """Return the command line that libFuzzer is to believe it was given."""
    config = job.campaign
    arguments = [
        "forkfuzz",
        *LIBFUZZER_FLAGS,
        f"-max_len={config.max_len}",
        # 0 would mean: any.
        f"-seed={config.seed % 0xFFFFFFFF + 1}",
        f"-timeout={HANG_SECONDS}",
        f"-artifact_prefix={ARTIFACTS}/",
        "-rss_limit_mb=0",
        # Ctrl-C is the supervisor's business, and nobody else writes the corpus.
        "-handle_int=0",
        "-reload=0",
    ]
    if job.has_seeds:
        # A list, because the order of a folder depends on the file system.
        arguments.append(f"-seed_inputs=@{SEED_LIST}")
    return [*arguments, NEW_INPUTS]


def main() -> NoReturn:
    """Do the job that stands on the first line of the standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    job = msgspec.json.decode(_read_line(_STDIN), type=Job)
    out = _take_stdout()
    worker = Worker(job, out)
    try:
        import atheris  # takes long, and has no wheel everywhere

        atheris.Setup(
            libfuzzer_arguments(job),
            worker.run,
            custom_mutator=worker.mutate,
            custom_crossover=worker.cross,
            internal_libfuzzer=True,
        )
        atheris.Fuzz()
    except BaseException as error:
        worker.fail(error)
    # Not by returning: after Fuzz, leaving in the ordinary way can hang.
    os._exit(_BROKEN)


def _libfuzzer() -> ctypes.CDLL:
    program = ctypes.CDLL(None)
    if hasattr(program, "LLVMFuzzerRunDriver"):  # libFuzzer was preloaded
        return program
    return ctypes.CDLL(sys.modules["atheris.core_with_libfuzzer"].__file__)


def _read_line(fd: int) -> bytes:
    line = bytearray()
    while not line.endswith(b"\n"):
        # Byte by byte: whatever else is in the pipe must stay there.
        byte = os.read(fd, 1)
        if not byte:
            os._exit(_BROKEN)
        line += byte
    return bytes(line)


def _take_stdout() -> int:
    """Keep the standard output for messages; what else is printed goes to stderr."""
    sys.stdout.flush()
    out = os.dup(1)
    os.dup2(2, 1)
    return out


def _is_closed(fd: int) -> bool:
    # Nothing is ever sent after the job, so being readable means the end.
    return bool(select.select([fd], [], [], 0)[0])


if __name__ == "__main__":
    main()
