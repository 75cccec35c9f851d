"""Run a litmus test along a stored schedule: what generated unit tests do."""

from __future__ import annotations

import attrs

from forkfuzz.engine import loads
from forkfuzz.harness.run import Run
from forkfuzz.rules import format_rules, parse_rules
from forkfuzz.shrink import Guide, turns_of_decisions

from .parser import parse


@attrs.frozen(slots=True)
class Replayed:
    """What came of a run.

    Attributes:
        properties: Those that it broke.
        signatures: Identities of its violations.
    """

    properties: frozenset[str]
    signatures: frozenset[str]


async def replay(
    test: str, schedule: str, rules: str = "", *, lazy_tlb: bool = True
) -> Replayed:
    """Run the program of a litmus test along a schedule, as far as that fits.

    Where it does not, because other rules are in force or the model has changed, the
    run goes on without preemption.

    Args:
        test: Text of the test.
        schedule: Text of the schedule.
        rules: By default those that the schedule was recorded under.
        lazy_tlb: Whether the run had no tasks that fill and evict TLB entries.

    Raises:
        FormatError: One of the texts is none.
        UsageError: There are no such rules.
    """
    # Here and not above: whoever only reads tests does not import Trio.
    from forkfuzz.engine.trio_driver import run_trio

    stored = loads(schedule)
    program = attrs.evolve(parse(test).program, lazy_tlb=lazy_tlb)
    under = parse_rules(rules or stored.header.get("rules", "seed"))
    run = Run(program, under, Guide(turns_of_decisions(stored.decisions)))
    await run_trio(run.machine)
    result = run.result()
    spelled = format_rules(under)
    return Replayed(
        frozenset(violation.prop for violation in result.violations),
        frozenset(violation.signature(spelled) for violation in result.violations),
    )
