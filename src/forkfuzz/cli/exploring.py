"""What the verbs that decide programs share: tests, limits, progress, processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import textwrap
import threading  # noqa: TID251 -- to wait beside the work, not for the model
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from click import get_current_context
from click.core import ParameterSource

from forkfuzz.errors import RefusedError, UsageError

from .exit import say
from .output import echo
from .types import Whole

if TYPE_CHECKING:
    from forkfuzz.litmus import LitmusTest
    from forkfuzz.search import Limits, Progress

MIB = 1 << 20
WIDTH = 79


def limit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--max-states``, ``--max-memory``, ``--preemptions`` and ``--delays``."""
    for option in (
        click.option(
            "--delays",
            type=Whole(0, 1000),
            metavar="N",
            help="Look only at runs that pass over N tasks at most, in a fixed order.",
        ),
        click.option(
            "--preemptions",
            type=Whole(0, 1000),
            metavar="N",
            help="Look only at runs with at most N preemptions.",
        ),
        click.option(
            "--max-memory",
            type=Whole(1, 1 << 30),
            default=8192,
            show_default=True,
            metavar="MIB",
            help="Give up when the states seen take more memory.",
        ),
        click.option(
            "--max-states",
            type=Whole(1, 10**12),
            default=1_000_000,
            show_default=True,
            metavar="N",
            help="Give up after so many states.",
        ),
    ):
        command = option(command)
    return command


def jobs_option(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return ``--jobs``: how many of *what* are done at a time."""
    return click.option(
        "--jobs",
        type=Whole(1, 256),
        default=1,
        show_default=True,
        metavar="N",
        help=f"{what} at a time, each in a process of its own.",
    )


def is_given(name: str) -> bool:
    """Return whether an option stands on the command line, be it for its default."""
    source = get_current_context().get_parameter_source(name)
    return source is not ParameterSource.DEFAULT


def limits(how: Mapping[str, Any]) -> Limits:
    """Return the limits that these options ask for.

    Raises:
        UsageError: They ask for two bounds that exclude each other.
    """
    from forkfuzz.search import Limits

    if how["preemptions"] is not None and how["delays"] is not None:
        msg = "--preemptions and --delays exclude each other"
        raise UsageError(msg)
    memory = how["max_memory"] * MIB
    return Limits(how["max_states"], memory, how["preemptions"], how["delays"])


def load_test(path: Path) -> LitmusTest:
    """Read a litmus test.

    Raises:
        UsageError: It cannot be read, or is no ordinary file.
    """
    from forkfuzz.litmus import load

    if os.path.exists(path) and not os.path.isfile(path):
        # A pipe might never be written to.
        msg = f"{str(path)!r} is not a regular file"
        raise UsageError(msg)
    return load(path)


def echo_wrapped(text: str) -> None:
    """Write a paragraph to stdout, its further lines indented more than its first."""
    from forkfuzz.report import printable

    text = printable(text)
    indent = " " * (len(text) - len(text.lstrip()))
    for line in textwrap.wrap(
        text,
        WIDTH,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    ):
        echo(line)


@contextlib.contextmanager
def processes(count: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """Give a `map` that works in *count* processes.

    Ctrl-C and SIGTERM are left to this process. The others end with it, whatever ends
    it, and at once if the block is left by an exception.

    Raises:
        RefusedError: One of them was killed from outside.
    """
    from forkfuzz.campaign.interrupt import held

    with ProcessPoolExecutor(count, initializer=_end_with_parent) as pool:

        def run(work: Callable[..., Any], *arguments: Iterable[Any]) -> Iterator[Any]:
            with held():  # this starts the processes
                calls = zip(*arguments, strict=True)
                waiting = deque(pool.submit(work, *each) for each in calls)
            return _results(waiting)

        try:
            yield run
        except BrokenProcessPool as error:
            msg = "a process of --jobs was killed, perhaps for want of memory"
            raise RefusedError(msg) from error
        except BaseException:
            for process in multiprocessing.active_children():
                process.kill()
            raise


def _results(waiting: deque[Future[Any]]) -> Iterator[Any]:
    """Yield results in their order.

    Unlike that of `Executor.map`, leaving it cancels nothing: a pool whose processes are
    killed trips over what is cancelled.
    """
    while waiting:
        yield waiting.popleft().result()


def _end_with_parent() -> None:
    """End this process when the one that started it has ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # only a pool's processes come here

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class Ticks:
    """Writes a line about a long search now and then.

    Args:
        name: What is searched.
    """

    def __init__(self, name: str) -> None:
        from forkfuzz.campaign.clock import Stopwatch, Ticker

        from .progress import PLAIN_SECONDS

        self._name = name
        self._watch = Stopwatch()
        self._ticker = Ticker(PLAIN_SECONDS)

    @property
    def seconds(self) -> float:
        """Return how long it has taken."""
        return self._watch.elapsed()

    def __call__(self, progress: Progress) -> None:
        """Write a line, if the last one is old enough."""
        seconds = self.seconds
        if self._ticker.is_due(seconds):
            rate = progress.states / seconds
            say(
                f"{self._name}: {seconds:.0f}s, states {progress.states} "
                f"({rate:.0f}/s), runs {progress.runs}, depth {progress.depth}"
            )
