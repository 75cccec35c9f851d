"""``forkfuzz demo``: the first ten seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import rich_click as click

from .exit import EXIT_CODES, Exit, say
from .fuzz import dir_option, resolved
from .output import echo

DEMO_SECONDS = 12.0
"""After so long without the violation, something is wrong with forkfuzz."""

INTRODUCTION = """\
Linux's fork() must give the child the parent's memory as of one instant.
A page that may be pinned for DMA is copied while fork walks the page
tables, and mainline copies it while other threads can still store to it.
Two pages, one thread that stores to A and then to B, one fork: can the
child see B without A?
"""

NEXT = (
    ("replay {named}", "the same run again"),
    ("replay {named} --rules seed", "the same schedule, fixed kernel"),
    ("show {named} --as steps", "every step, and what it changed"),
    ("show {named} --as html -o torn.html", "a page to step through it"),
    ("fuzz mp --rules seed", "the fixed kernel: nothing is found"),
    ("scenarios", "what else there is"),
)
"""Commands, and what they are for."""

COMMAND = 39
"""Columns of a command that has what it is for on its own line."""


def what_next(named: str) -> Iterator[str]:
    """Give the lines about how to go on.

    Args:
        named: What commands call the crash.
    """
    for command, what in NEXT:
        line = f"  forkfuzz {command.format(named=named)}"
        if len(line) > COMMAND:
            yield line
            line = ""
        yield f"{line:{COMMAND}}  {what}"


@click.command(epilog=EXIT_CODES)
@dir_option
def demo(*, directory: Path) -> int:
    """Fuzz mainline's fork() until the snapshot tears, and print the race.

    Leaves the crash in the campaign's directory. Exits 0 when it was found.
    """
    from forkfuzz.campaign import CampaignConfig, Notice, Progress, open_campaign
    from forkfuzz.harness import canonical_spec

    from .progress import display
    from .session import Session
    from .stored import name_in

    echo(INTRODUCTION)
    spec = canonical_spec("mp", {}, "mainline", "trio")
    config = CampaignConfig(spec, seed=1, seconds=DEMO_SECONDS)
    with open_campaign(directory) as campaign, display("mp") as shown:
        campaign.write_config(resolved([config], ["mp"]))
        session = Session(config, campaign)
        for event in session.events():
            if isinstance(event, Progress):
                shown.update(event)
            elif isinstance(event, Notice):
                say(f"demo: {event.message}")
    found = session.headline()
    if session.finished is not None and session.finished.reason == "interrupted":
        say("demo: interrupted; everything found is saved")
        return Exit.INTERRUPTED
    if found is None or not found.visible:
        say(f"demo: forkfuzz bug: nothing found in {DEMO_SECONDS:.0f} s")
        return Exit.INTERNAL
    echo(found.text)
    echo("\nTry next:")
    for line in what_next(name_in(directory, found.record.signature)):
        echo(line)
    return Exit.CLEAN
