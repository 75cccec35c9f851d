"""``forkfuzz check``: look at every interleaving of one program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import rich_click as click

from forkfuzz.counting import counted
from forkfuzz.errors import UsageError

from .exit import EXIT_CODES, Exit, say
from .exploring import (
    Ticks,
    echo_wrapped,
    is_given,
    jobs_option,
    limit_options,
    limits,
    load_test,
)
from .output import echo, json_option, put_json
from .types import Folder

if TYPE_CHECKING:
    from forkfuzz.exhaustive import Decided, Plainest
    from forkfuzz.litmus import LitmusTest
    from forkfuzz.rules import Rules
    from forkfuzz.scenarios import Program
    from forkfuzz.search import Progress


@click.command(epilog=EXIT_CODES)
@click.argument("targets", metavar="SCENARIO|FILE...", nargs=-1, required=True)
@click.option(
    "--rules",
    metavar="R",
    help="Rules to run it under; by default seed, or those that the file names.",
)
@click.option(
    "--witness",
    metavar="DIR",
    type=Folder(),
    help="Write the plainest run that breaks each property there.",
)
@click.option(
    "--matrix",
    is_flag=True,
    help="Every value of every guard on every litmus test named: what breaks what.",
)
@jobs_option("With --matrix: programs")
@limit_options
@json_option
def check(
    *,
    targets: tuple[str, ...],
    rules: str | None,
    witness: Path | None,
    matrix: bool,
    jobs: int,
    as_json: bool,
    **how: Any,
) -> int:
    """Decide whether a program can break any property, and show how it can.

    A target is a scenario, such as mp or mp:pages=3,rounds=2, or a litmus test, whose
    assertions are not asked. With the plainest run that breaks a property comes that
    none with fewer preemptions does.
    """
    from forkfuzz.rules import parse_rules

    from .litmus import check_names
    from .witnesses import make_folder

    if matrix:
        from .matrix import show_matrix

        if rules is not None or witness is not None:
            msg = "--matrix goes through all rules by itself: no --rules, no --witness"
            raise UsageError(msg)
        return show_matrix(targets, limits(how), jobs, as_json=as_json)
    if is_given("jobs"):
        msg = "--jobs is for --matrix"
        raise UsageError(msg)
    given = None if rules is None else parse_rules(rules)
    opened = [_open(target) for target in targets]
    if witness is not None:
        check_names([target.test for target in opened if target.test])
        make_folder(witness)
    worst = Exit.CLEAN
    for target in opened:
        code = _check(target, given, witness, as_json=as_json, how=how)
        if code is Exit.INTERRUPTED:
            return code
        worst = max(worst, code)
    return worst


@attrs.frozen(slots=True)
class _Target:
    """What is to be decided.

    Attributes:
        what: As it was named, in printable characters.
        program: The program.
        rules: Those that it asks for.
        test: The litmus test that it is of, if it is.
    """

    what: str
    program: Program
    rules: Rules
    test: LitmusTest | None = None


def _check(
    target: _Target,
    rules: Rules | None,
    witness: Path | None,
    *,
    as_json: bool,
    how: dict[str, Any],
) -> Exit:
    from forkfuzz.exhaustive import INTERRUPTED, decide
    from forkfuzz.rules import format_rules

    what, program, test = target.what, target.program, target.test
    under = target.rules if rules is None else rules
    ticks = Ticks(what)
    decided = decide(program, under, lambda _run: None, limits(how), tick=ticks)
    seconds = ticks.seconds
    plainest = _plainest(program, under, decided)
    paths = {} if witness is None else _write(witness, program, test, plainest)
    if as_json:
        put_json(_document(what, under, decided, plainest, paths, seconds))
    else:
        name = f"{what}  rules {format_rules(under)}"
        _tell(name, program, under, decided, plainest, paths, seconds)
    if decided.progress.stopped == INTERRUPTED:
        say("check: interrupted; what is known is above")
        return Exit.INTERRUPTED
    return Exit.VIOLATION if decided.violations else Exit.CLEAN


def _plainest(
    program: Program, rules: Rules, decided: Decided[None]
) -> dict[str, Plainest | None]:
    """Return the plainest run that breaks each property; none after an interrupt."""
    from forkfuzz.exhaustive import INTERRUPTED, plainest_violation

    found: dict[str, Plainest | None] = dict.fromkeys(decided.properties)
    if decided.progress.stopped == INTERRUPTED:
        return found
    try:
        for prop in found:
            found[prop] = plainest_violation(program, rules, prop)
    except KeyboardInterrupt:
        decided.progress.stopped = INTERRUPTED
    return found


def _open(what: str) -> _Target:
    from forkfuzz.harness.trial import with_lazy_tlb
    from forkfuzz.report import printable
    from forkfuzz.rules import Rules
    from forkfuzz.scenarios import find_scenario, parse_spec

    if what.endswith(".litmus"):
        test = load_test(Path(what))
        program = with_lazy_tlb(test.program)
        return _Target(printable(what), program, test.rules, test)
    name, given = parse_spec(what.replace(":", " ").replace(",", " "))
    program = find_scenario(name).program({**given, "lazy_tlb": 1})
    return _Target(printable(what), program, Rules())


def _tell(
    name: str,
    program: Program,
    rules: Rules,
    decided: Decided[None],
    plainest: dict[str, Plainest | None],
    paths: dict[str, Path],
    seconds: float,
) -> None:
    from forkfuzz.report import assumptions, quoted, race_table, record

    progress = decided.progress
    for prop, found in plainest.items():
        echo_wrapped(f"VIOLATION {prop}  {name}")
        message = next(v.message for v in decided.violations if v.prop == prop)
        echo_wrapped(f"  {message}")
        if found is not None:
            recording = record(program, rules, found.schedule.decisions)
            named = [v for v in recording.result.violations if v.prop == prop]
            echo()
            for line in race_table(recording, named[0]):
                echo(line)
            echo(f"\n  plainest: {found}")
            if prop in paths:
                echo(f"  Reproduce with: forkfuzz replay {quoted(str(paths[prop]))}")
        echo()
    echo_wrapped(name)
    echo_wrapped(f"  {_verdict(progress, len(plainest))}")
    echo(
        f"  {counted(progress.runs, 'run')}, "
        f"{counted(progress.transitions, 'transition')}, "
        f"depth {progress.depth}, {seconds:.1f} s"
    )
    echo_wrapped("  assumes: " + ", ".join(assumptions(program)))


def _verdict(progress: Progress, broken: int) -> str:
    """Return what was found, and in how much of all there is."""
    from forkfuzz.exhaustive import INTERRUPTED

    states = counted(progress.states, "state")
    if progress.exhaustive and progress.states > 1:
        states = f"all {states}"
    verdict = f"no violation in {states}"
    if broken:
        properties = counted(broken, "property", "properties")
        verdict = f"{properties} broken, {states} looked at"
    if progress.exhaustive:
        return verdict
    stopped = progress.stopped
    why = stopped if stopped == INTERRUPTED else f"stopped at {stopped}"
    return f"{verdict}: not exhaustive, {why}"


def _write(
    directory: Path,
    program: Program,
    test: LitmusTest | None,
    plainest: dict[str, Plainest | None],
) -> dict[str, Path]:
    """Write the runs; return where that of each property is."""
    from forkfuzz.campaign.atomic import write_file
    from forkfuzz.engine import dumps

    from .witnesses import copy_test

    if test is not None:
        copy_test(test, directory)
    stem = test.name if test else program.name.replace(" ", "-").replace("=", "")
    spec = f"{test.name}.litmus" if test else program.name
    paths: dict[str, Path] = {}
    for prop, found in plainest.items():
        if found is not None:
            header = {**found.schedule.header, "scenario": spec}
            schedule = attrs.evolve(found.schedule, header=header)
            name = f"{stem}-{prop.replace('.', '-')}.schedule"
            paths[prop] = directory / name
            write_file(paths[prop], dumps(schedule).encode())
    return paths


def _document(
    what: str,
    rules: Rules,
    decided: Decided[None],
    plainest: dict[str, Plainest | None],
    paths: dict[str, Path],
    seconds: float,
) -> dict[str, Any]:
    from forkfuzz.rules import format_rules

    progress = decided.progress
    return {
        "what": what,
        "rules": format_rules(rules),
        "exhaustive": progress.exhaustive,
        "stopped": progress.stopped,
        "states": progress.states,
        "runs": progress.runs,
        "transitions": progress.transitions,
        "depth": progress.depth,
        "seconds": round(seconds, 3),
        "violations": [
            {
                "property": prop,
                "steps": found and found.steps,
                "preemptions": found and found.preemptions,
                "schedule": str(paths[prop]) if prop in paths else None,
            }
            for prop, found in plainest.items()
        ],
    }
