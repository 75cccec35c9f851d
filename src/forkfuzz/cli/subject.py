"""Finding what a person wants to drive by hand: a program, or a stored run."""

from __future__ import annotations

from pathlib import Path

from forkfuzz.campaign import is_signature
from forkfuzz.errors import UsageError
from forkfuzz.harness.trial import with_lazy_tlb
from forkfuzz.rules import Rules, parse_rules
from forkfuzz.scenarios import find_scenario, parse_spec

from .exploring import load_test
from .stored import LITMUS, Stored, open_stored


def open_subject(
    what: str, directory: Path, rules: str | None, *, original: bool = False
) -> Stored:
    """Open what *what* stands for; a program has no decisions.

    Args:
        what: A scenario with its parameters, a litmus test, or a stored run as of
            `forkfuzz.cli.stored.open_stored`.
        directory: The campaign's directory.
        rules: For a program, in the place of its own.
        original: The run as it was found, not the shrunk one.

    Raises:
        UsageError: There is no such thing, or a stored run is given rules.
        RefusedError: The file is larger than any may be.
    """
    given = None if rules is None else parse_rules(rules)
    if what.endswith(LITMUS):
        test = load_test(Path(what))
        program = with_lazy_tlb(test.program)
        spec = Path(what).name
        return Stored(
            what, program, given or test.rules, (), "", "", spec=spec, test=test
        )
    if is_signature(what) or Path(what).exists():
        if given is not None:
            msg = f"{what!r} is a stored run and has its rules; --rules is for programs"
            raise UsageError(msg)
        return open_stored(what, directory, original=original)
    name, parameters = parse_spec(what.replace(":", " ").replace(",", " "))
    program = find_scenario(name).program(parameters)
    return Stored(what, program, given or Rules(), (), "", "")
