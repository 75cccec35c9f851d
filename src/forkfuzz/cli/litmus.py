"""``forkfuzz litmus``: decide litmus tests and compare with what they claim."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import rich_click as click

from forkfuzz.errors import UsageError

from .exit import EXIT_CODES, Exit, say
from .exploring import (
    Ticks,
    is_given,
    jobs_option,
    limit_options,
    limits,
    load_test,
    processes,
)
from .output import echo, json_option, put_json
from .types import Folder, Whole

if TYPE_CHECKING:
    from forkfuzz.litmus import LitmusTest
    from forkfuzz.litmus.verdict import Verdict
    from forkfuzz.search import Limits

SUFFIX = ".litmus"
EXPECTED = ".expected"

LIMITS = ("max_states", "max_memory", "preemptions", "delays")
"""Options of a search through all runs."""


@attrs.frozen(slots=True)
class Options:
    """How each test is decided.

    Attributes:
        rules: In the place of those that the tests name.
        limits: When to give up.
        runs: Sample so many runs instead.
        strategy: Who decides these.
        seed: Of the strategy.
    """

    rules: str | None
    limits: Limits
    runs: int | None
    strategy: str
    seed: int


@attrs.frozen(slots=True)
class Decision:
    """A test that was decided, and how long that took."""

    verdict: Verdict
    seconds: float

    @property
    def exhaustive(self) -> bool:
        """Return whether every run was looked at."""
        return self.verdict.decided.progress.exhaustive

    @property
    def interrupted(self) -> bool:
        """Return whether Ctrl-C was the reason why not."""
        from forkfuzz.exhaustive import INTERRUPTED

        return self.verdict.decided.progress.stopped == INTERRUPTED


@click.command(epilog=EXIT_CODES)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--rules", metavar="R", help="Instead of the rules that the tests name.")
@click.option(
    "--witness",
    metavar="DIR",
    type=Folder(),
    help="Write the plainest run that ends as the test is about, and show it.",
)
@click.option("--update", is_flag=True, help="Rewrite the files of expected answers.")
@click.option("--runs", type=Whole(1, 10**9), metavar="N", help="Sample N runs.")
@click.option("--strategy", default="random", show_default=True, help="For --runs.")
@click.option(
    "--seed", type=Whole(0, 2**32 - 2), default=1, show_default=True, help="For --runs."
)
@jobs_option("Tests")
@limit_options
@json_option
def litmus(
    *,
    files: tuple[str, ...],
    rules: str | None,
    witness: Path | None,
    update: bool,
    jobs: int,
    as_json: bool,
    **how: Any,
) -> int:
    """Decide litmus tests, and compare with what they claim.

    FILE is a test, or a directory that is searched for them. Every interleaving is
    looked at unless a limit is hit; what needs all runs is then Unknown. Beside a test
    NAME.litmus, NAME.expected holds the answer that is expected of it.
    """
    from forkfuzz.litmus.answer import document

    from .witnesses import make_folder, show_witnesses

    options = Options(
        rules,
        limits(how),
        how["runs"],
        how["strategy"],
        how["seed"],
    )
    if update and (rules is not None or options.runs):
        msg = (
            "--update is for whole answers under a test's own rules: no --rules, --runs"
        )
        raise UsageError(msg)
    for name in ("strategy", "seed"):
        if options.runs is None and is_given(name):
            msg = f"--{name} is for --runs"
            raise UsageError(msg)
    for name in LIMITS:
        if options.runs is not None and is_given(name):
            msg = f"--{name.replace('_', '-')} is for looking at all runs: no --runs"
            raise UsageError(msg)
    _check_options(options)
    tests = [load_test(path) for path in find_tests(files)]
    if witness is not None:
        check_names(tests)
        make_folder(witness)
    decisions: list[Decision] = []
    interrupted = False
    try:
        for decision in _decide_all(tests, options, jobs):
            decisions.append(decision)
            if update and decision.exhaustive:
                _update(decision)
            if not as_json:
                _tell(decision, alone=len(tests) == 1, compare=rules is None)
            if decision.interrupted:
                break
            if witness is not None:
                show_witnesses(decision.verdict, witness, quiet=as_json)
    except KeyboardInterrupt:
        interrupted = True
    interrupted |= any(decision.interrupted for decision in decisions)
    if as_json:
        put_json([document(d.verdict, d.seconds) for d in decisions])
    elif len(tests) > 1 and decisions:
        _total(decisions, compare=rules is None)
    if interrupted:
        done = sum(not decision.interrupted for decision in decisions)
        say(f"litmus: interrupted; {done} of {len(tests)} tests decided")
        return Exit.INTERRUPTED
    as_expected = all(_as_expected(d, compare=rules is None) for d in decisions)
    return Exit.CLEAN if as_expected else Exit.VIOLATION


def _check_options(options: Options) -> None:
    """Refuse rules and strategies that there are not, before a test is decided."""
    from forkfuzz.rules import parse_rules
    from forkfuzz.strategies import make

    if options.rules is not None:
        parse_rules(options.rules)
    make(options.strategy, options.seed)


def check_names(tests: Sequence[LitmusTest]) -> None:
    """Refuse tests whose witnesses would overwrite each other.

    Raises:
        UsageError: Two have the same name.
    """
    paths: dict[str, str] = {}
    for test in tests:
        if test.name in paths:
            msg = (
                f"{paths[test.name]!r} and {test.path!r} are both called "
                f"{test.name!r}, expected tests with names of their own"
            )
            raise UsageError(msg)
        paths[test.name] = test.path


def find_tests(names: Sequence[str]) -> list[Path]:
    """Return the tests that are meant, directories searched.

    Raises:
        UsageError: There is no such file, or no test in a directory.
    """
    found: list[Path] = []
    for name in names:
        path = Path(name)
        if not os.path.isdir(name):  # which takes any name, unlike Path.is_dir
            found.append(path)
            continue
        inside = sorted(p for p in path.rglob(f"*{SUFFIX}") if not p.is_dir())
        if not inside:
            msg = f"no {SUFFIX} file in {name!r}"
            raise UsageError(msg)
        found += inside
    return found


def _decide_all(
    tests: Sequence[LitmusTest], options: Options, jobs: int
) -> Iterator[Decision]:
    """Decide tests, several at a time; in their order."""
    if jobs == 1 or len(tests) == 1:
        for test in tests:
            yield decide_test(test, options)
        return
    with processes(min(jobs, len(tests))) as run:
        yield from run(decide_test, tests, [options] * len(tests))


def decide_test(test: LitmusTest, options: Options) -> Decision:
    """Decide one test."""
    from forkfuzz.exhaustive import decide, sample
    from forkfuzz.litmus import observables, observe
    from forkfuzz.litmus.verdict import judge
    from forkfuzz.rules import parse_rules
    from forkfuzz.strategies import make

    rules = test.rules if options.rules is None else parse_rules(options.rules)
    places = observables(test)
    ticks = Ticks(test.name)
    if options.runs is None:
        decided = decide(
            test.program,
            rules,
            lambda run: observe(run, places),
            options.limits,
            tick=ticks,
        )
    else:
        strategy = make(options.strategy, options.seed)
        decided = sample(
            test.program,
            rules,
            lambda run: observe(run, places),
            strategy,
            options.runs,
        )
    return Decision(judge(test, rules, decided), ticks.seconds)


def _expected(decision: Decision) -> Path:
    return Path(decision.verdict.test.path).with_suffix(EXPECTED)


def _update(decision: Decision) -> None:
    from forkfuzz.campaign.atomic import write_file
    from forkfuzz.litmus.answer import answer

    text = "\n".join([*answer(decision.verdict), ""])
    write_file(_expected(decision), text.encode())


def _differs(decision: Decision) -> bool:
    """Return whether there is an expected answer, and it is another one.

    Only the whole answer can be compared.
    """
    from forkfuzz.campaign.reading import read_limited
    from forkfuzz.litmus.answer import answer

    path = _expected(decision)
    if not decision.exhaustive or not os.path.lexists(path):
        return False
    try:
        expected = read_limited(path).decode()
    except UnicodeDecodeError as error:
        msg = f"cannot read {str(path)!r}: it is not UTF-8"
        raise UsageError(msg) from error
    return expected.splitlines() != answer(decision.verdict)


def _as_expected(decision: Decision, *, compare: bool) -> bool:
    return decision.verdict.holds and not (compare and _differs(decision))


def _tell(decision: Decision, *, alone: bool, compare: bool) -> None:
    from forkfuzz.litmus.answer import answer, how_sure
    from forkfuzz.report import printable

    verdict = decision.verdict
    sure = how_sure(verdict.decided.progress, decision.seconds)
    differs = compare and _differs(decision)
    if alone:
        for line in answer(verdict):
            echo(line)
        echo(sure)
    else:
        word = "Ok" if verdict.holds and not differs else "FAILS"
        echo(f"{word:5}  {printable(verdict.test.path)}  {sure}")
        for assertion, result in verdict.results:
            if result.value != "Ok":
                echo(f"       {assertion.kind} {assertion.text}: {result.value}")
    if differs:
        echo(f"       not the answer in {printable(str(_expected(decision)))}")
        echo("       --update rewrites it")


def _total(decisions: Sequence[Decision], *, compare: bool) -> None:
    good = sum(_as_expected(decision, compare=compare) for decision in decisions)
    seconds = sum(decision.seconds for decision in decisions)
    echo(f"{good} of {len(decisions)} as expected, {seconds:.1f} s")
