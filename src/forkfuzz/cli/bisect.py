"""``forkfuzz bisect``: which guard closes a hole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from forkfuzz.counting import counted
from forkfuzz.errors import UsageError

from .exit import EXIT_CODES, Exit, say
from .exploring import Ticks, echo_wrapped, limit_options, limits, load_test
from .fuzz import dir_option
from .output import json_option, put_json

if TYPE_CHECKING:
    from forkfuzz.exhaustive.bisect import Outcome
    from forkfuzz.rules import Rules
    from forkfuzz.scenarios import Program


@click.command(epilog=EXIT_CODES)
@click.argument("what", metavar="SIG|FILE")
@click.option("--rules", metavar="R", help="Instead of those of the file or crash.")
@dir_option
@limit_options
@json_option
def bisect(
    *,
    what: str,
    rules: str | None,
    directory: Path,
    as_json: bool,
    **how: Any,
) -> int:
    """Name the guards whose presence makes an outcome impossible.

    FILE is a litmus test, whose first 'exists' or 'violates' is the outcome, or a
    schedule, and SIG the signature of a crash; the outcome is what they violate. Each
    guard that the rules lack is put in alone, and everything that can then happen is
    looked at. Exits with 0 if a guard makes it impossible, with 1 if none does alone.
    """
    from forkfuzz.exhaustive.bisect import Closes
    from forkfuzz.exhaustive.bisect import bisect as find
    from forkfuzz.rules import format_rules, parse_rules

    program, under, outcome, name = _open(what, directory)
    if rules is not None:
        under = parse_rules(rules)
    found = find(program, under, outcome, limits(how), Ticks(what))
    possible, guards = found.possible, found.guards
    if as_json:
        put_json(
            {
                "outcome": name,
                "rules": format_rules(under),
                "possible": possible is Closes.NO,
                "guards": [
                    {
                        "field": guard.field,
                        "value": guard.value,
                        "closes": guard.closes.name.lower(),
                        "states": guard.states,
                    }
                    for guard in guards
                ],
            }
        )
    else:
        echo_wrapped(f"{name}  rules {format_rules(under)}")
        if possible is not Closes.NO:
            echo_wrapped(f"  the outcome itself {_AS_IT_IS[possible.name]}")
        elif not guards:
            echo_wrapped(_NO_GUARD[found.interrupted])
        for guard in guards:
            right = getattr(type(under)(), guard.field)
            echo_wrapped(f"  {guard.field}={right} instead of {guard.value}")
            echo_wrapped(f"    {guard.closes.value} ({counted(guard.states, 'state')})")
    if found.interrupted:
        say("bisect: interrupted; what is known is above")
        return Exit.INTERRUPTED
    closed = any(guard.closes is Closes.YES for guard in guards)
    return Exit.CLEAN if closed else Exit.VIOLATION


_AS_IT_IS = {
    "YES": "is impossible under these rules",
    "UNKNOWN": "was not found within the limits",
    "INTERRUPTED": "was not found before the interrupt",
}

_NO_GUARD = {
    False: "  no guard is missing",
    True: "  the outcome itself is possible; no guard was tried before the interrupt",
}


def _open(what: str, directory: Path) -> tuple[Program, Rules, Outcome, str]:
    """Return a program, its rules, and the outcome that is meant."""
    from forkfuzz.exhaustive.bisect import Outcome

    from .stored import open_stored

    if not what.endswith(".litmus"):
        stored = open_stored(what, directory)
        if not stored.violates:
            msg = f"{what!r} does not say what it violates"
            raise UsageError(msg)
        return stored.program, stored.rules, Outcome(stored.violates), stored.violates
    test = load_test(Path(what))
    for assertion in test.assertions:
        if assertion.kind == "violates":
            outcome = Outcome(assertion.prop)
        elif assertion.kind == "exists":
            outcome = Outcome(end=_ending(assertion.condition))
        else:
            continue
        return test.program, test.rules, outcome, f"{assertion.kind} {assertion.text}"
    msg = f"{what!r} has neither 'exists' nor 'violates'"
    raise UsageError(msg)


def _ending(condition: Any) -> Any:
    from forkfuzz.harness import Run
    from forkfuzz.litmus import Observation, evaluate
    from forkfuzz.litmus.conditions import places_in
    from forkfuzz.litmus.places import look

    places = tuple(dict.fromkeys(places_in(condition)))

    def ends_so(run: Run) -> bool:
        seen: Observation = look(run, places)
        return evaluate(condition, seen)

    return ends_so
