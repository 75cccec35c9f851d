"""``forkfuzz check``: look at every interleaving of one program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from .exit import EXIT_CODES, Exit
from .exploring import Ticks, limit_options, limits
from .output import echo, json_option, put_json

if TYPE_CHECKING:
    from forkfuzz.exhaustive import Decided, Plainest
    from forkfuzz.rules import Rules
    from forkfuzz.scenarios import Program


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
    type=click.Path(path_type=Path),
    help="Write the plainest run that breaks each property there.",
)
@click.option(
    "--matrix",
    is_flag=True,
    help="Every value of every guard on every litmus test named: what breaks what.",
)
@click.option(
    "--jobs", type=click.IntRange(1), default=1, help="For --matrix: at a time."
)
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
    if matrix:
        from .matrix import show_matrix

        return show_matrix(targets, limits(how), jobs, as_json=as_json)
    codes = [
        _check(target, rules, witness, as_json=as_json, how=how) for target in targets
    ]
    return max(codes)


def _check(
    what: str,
    rules: str | None,
    witness: Path | None,
    *,
    as_json: bool,
    how: dict[str, Any],
) -> int:
    from forkfuzz.exhaustive import INTERRUPTED, decide, plainest_violation
    from forkfuzz.rules import format_rules, parse_rules

    program, under, path = _open(what)
    if rules is not None:
        under = parse_rules(rules)
    ticks = Ticks(what)
    decided = decide(program, under, lambda _run: None, limits(how), tick=ticks)
    seconds = ticks.seconds
    plainest = {
        prop: plainest_violation(program, under, prop) for prop in decided.properties
    }
    if witness is not None:
        _write(witness, program, path, plainest)
    if as_json:
        put_json(_document(what, under, decided, plainest, seconds))
    else:
        name = f"{what}  rules {format_rules(under)}"
        _tell(name, program, under, decided, plainest, seconds)
    if decided.progress.stopped == INTERRUPTED:
        return Exit.INTERRUPTED
    return Exit.VIOLATION if decided.violations else Exit.CLEAN


def _open(what: str) -> tuple[Program, Rules, Path | None]:
    """Return a program, the rules that it asks for, and where it was read from."""
    from forkfuzz.harness.trial import with_lazy_tlb
    from forkfuzz.litmus import load
    from forkfuzz.rules import Rules
    from forkfuzz.scenarios import find_scenario, parse_spec

    if what.endswith(".litmus"):
        test = load(what)
        return with_lazy_tlb(test.program), test.rules, Path(what)
    name, given = parse_spec(what.replace(":", " ").replace(",", " "))
    program = find_scenario(name).program({**given, "lazy_tlb": 1})
    return program, Rules(), None


def _tell(
    name: str,
    program: Program,
    rules: Rules,
    decided: Decided[None],
    plainest: dict[str, Plainest | None],
    seconds: float,
) -> None:
    from forkfuzz.report import ASSUMPTIONS, race_table, record

    progress = decided.progress
    bound = "all" if progress.exhaustive else f"the first {progress.states}"
    for prop, found in plainest.items():
        echo(f"VIOLATION {prop}  {name}")
        message = next(v.message for v in decided.violations if v.prop == prop)
        echo(f"  {message}")
        if found is not None:
            recording = record(program, rules, found.schedule.decisions)
            named = [v for v in recording.result.violations if v.prop == prop]
            echo()
            for line in race_table(recording, named[0]):
                echo(line)
            echo(f"\n  plainest: {found}")
        echo()
    verdict = f"{len(plainest)} properties broken" if plainest else "no violation"
    echo(
        f"{name}: {verdict} in {bound} of {progress.states} states, {progress.runs} "
        f"runs, {progress.transitions} transitions, depth {progress.depth}, "
        f"{seconds:.1f} s"
    )
    if not progress.exhaustive:
        echo(f"not exhaustive: stopped at {progress.stopped}")
    echo("assumes: " + ", ".join([*ASSUMPTIONS, "TLB fill and evict at any step"]))


def _write(
    directory: Path,
    program: Program,
    path: Path | None,
    plainest: dict[str, Plainest | None],
) -> None:
    import attrs

    from forkfuzz.campaign.atomic import write_file
    from forkfuzz.engine import dumps

    directory.mkdir(parents=True, exist_ok=True)
    if path is not None:
        write_file(directory / path.name, path.read_bytes())
    stem = path.stem if path else program.name.replace(" ", "-").replace("=", "")
    for prop, found in plainest.items():
        if found is not None:
            spec = path.name if path else program.name
            header = {**found.schedule.header, "scenario": spec}
            schedule = attrs.evolve(found.schedule, header=header)
            name = f"{stem}-{prop.replace('.', '-')}.schedule"
            write_file(directory / name, dumps(schedule).encode())


def _document(
    what: str,
    rules: Rules,
    decided: Decided[None],
    plainest: dict[str, Plainest | None],
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
            }
            for prop, found in plainest.items()
        ],
    }
