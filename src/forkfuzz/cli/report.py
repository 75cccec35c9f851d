"""``forkfuzz report``: one page about a campaign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from forkfuzz.errors import FormatError, RefusedError, UsageError

from .exit import EXIT_CODES, Exit, say
from .output import echo, output_option, put_file
from .types import Folder

if TYPE_CHECKING:
    from forkfuzz.campaign import Campaign
    from forkfuzz.campaign.history import History
    from forkfuzz.report import Found, Progressed


@click.command(epilog=EXIT_CODES)
@click.argument("directory", metavar="DIR", type=Folder())
@output_option
def report(*, directory: Path, target: Path | None) -> int:
    """Make one HTML page of the campaign in DIR, which may still be running.

    It has the violations with their race tables, what was reached over time, runs per
    second, and what was never reached, of all campaigns in DIR on the same scenario and
    rules together. It loads nothing, so it can be mailed.
    A violation whose record is damaged is left out, and named; so are damaged lines of
    statistics.
    """
    from forkfuzz.campaign import Campaign
    from forkfuzz.campaign.history import histories
    from forkfuzz.report import campaign_page

    campaign = Campaign(directory)
    campaign.config()  # a directory without one is no campaign's
    found, code = [], Exit.CLEAN
    for signature in campaign.signatures():
        try:
            found.append(_found(campaign, signature))
        except UsageError as error:
            say(f"report: left out {signature}: {error}")
            code = Exit.USAGE
    told, damaged = histories(campaign)
    if damaged:
        say(f"report: left out {_lines(len(damaged))} of stats.ndjson: {damaged[0]}")
        code = Exit.USAGE
    progressed = [_progressed(history) for history in told]
    page = campaign_page(f"Campaign in {directory}", found, progressed)
    if target is None:
        echo(page.rstrip("\n"))
    else:
        put_file(target, page.encode())
    return code


def _lines(count: int) -> str:
    return "a damaged line" if count == 1 else f"{count} damaged lines"


def _found(campaign: Campaign, signature: str) -> Found:
    from forkfuzz.report import Found

    record = campaign.record(signature)
    title = _title(campaign, signature) or record.message
    try:
        table = campaign.crash_file(signature, "race.txt").decode("ascii", "replace")
    except (FormatError, UsageError):
        table = title  # killed between saving and shrinking
    params = "".join(f" {name}={value}" for name, value in record.params.items())
    return Found(
        signature,
        record.property,
        record.scenario + params,
        title,
        record.runs,
        table.rstrip("\n"),
    )


def _title(campaign: Campaign, signature: str) -> str:
    """Return what the shrunk run, whose table is shown, says of itself."""
    from forkfuzz.engine import loads

    try:
        schedule = loads(campaign.crash_file(signature, "minimal.schedule"))
    except (UsageError, RefusedError):
        return ""  # killed between saving and shrinking, or damaged
    return schedule.header.get("title", "")


def _progressed(history: History) -> Progressed:
    from forkfuzz.report import Progressed

    samples, summaries = history.samples, history.summaries
    facts = []
    if samples:
        last = samples[-1]
        facts += [
            ("runs", str(last.runs)),
            ("seconds", f"{last.elapsed:.1f}"),
            (
                "runs per second",
                f"{last.runs / last.elapsed:.0f}" if last.elapsed else "",
            ),
            ("runs with a violation", str(last.hits)),
            ("features reached", str(last.features)),
            ("inputs kept", str(last.corpus)),
        ]
    if summaries:
        hows = [f"{each.strategy}, engine {each.engine}" for each in summaries]
        # Which they were is not kept, so that those of two campaigns may be the same.
        at_least = "at least " if len(summaries) > 1 else ""
        ways = max(each.interleavings for each in summaries)
        outcomes = max(each.outcomes for each in summaries)
        facts += [
            ("campaigns that ended", str(len(summaries))),
            ("the last ended by", summaries[-1].reason),
            ("strategy", "; ".join(dict.fromkeys(hows))),
            ("different interleavings", f"{at_least}{ways}"),
            ("different outcomes", f"{at_least}{outcomes}"),
            ("points reached", str(len(history.points))),
        ]
    return Progressed(
        history.scenario,
        history.rules,
        facts,
        [(sample.elapsed, sample.features) for sample in samples],
        [(sample.elapsed, sample.runs) for sample in samples],
        history.unreached,
        history.left_out,
    )
