"""The plainest run of a shrunk program, with the certificate that it is that."""

from __future__ import annotations

import attrs

from forkfuzz.harness.run import Run
from forkfuzz.harness.trial import with_lazy_tlb
from forkfuzz.rules import Rules
from forkfuzz.shrink import Shrunk
from forkfuzz.strategies import Replay

from .witness import plainest_violation

MAX_STATES = 10_000
"""States looked at for a certificate; some ten seconds, for most programs far less."""


def certify(
    shrunk: Shrunk,
    rules: Rules,
    prop: str,
    signature: str,
    *,
    max_states: int = MAX_STATES,
) -> Shrunk:
    """Return the plainest run there is of the program, if that can be found out.

    Args:
        shrunk: The plainest run known.
        rules: Under which rules.
        prop: The property that it breaks.
        signature: Identity of the violation.
        max_states: How many states to look at, at most.

    Returns:
        A run with the fewest preemptions of all, and the number of states that it took
        to prove that; *shrunk* itself if there are too many.
    """
    program = with_lazy_tlb(shrunk.program)
    found = plainest_violation(
        program, rules, prop, signature=signature, max_states=max_states
    )
    if found is None:
        return shrunk
    result = Run(program, rules, Replay(found.schedule.decisions)).execute()
    return attrs.evolve(
        shrunk,
        program=program,
        result=result,
        preemptions=found.preemptions,
        proved=found.states,
    )
