"""``forkfuzz demo``: the first ten seconds."""

from __future__ import annotations

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

NEXT = """
Try next:
  forkfuzz replay {signature}               the same run again
  forkfuzz replay {signature} --rules seed  the same schedule, fixed kernel
  forkfuzz show {signature} --as steps      every step, and what it changed
  forkfuzz show {signature} --as html -o torn.html
                                         a page to step through it
  forkfuzz fuzz mp --rules seed          the fixed kernel: nothing is found
  forkfuzz scenarios                     what else there is"""


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
        return Exit.INTERRUPTED
    if found is None or not found.visible:
        say(f"demo: forkfuzz bug: nothing found in {DEMO_SECONDS:.0f} s")
        return Exit.INTERNAL
    echo(found.text)
    echo(NEXT.format(signature=found.record.signature))
    return Exit.CLEAN
