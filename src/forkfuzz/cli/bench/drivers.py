"""``forkfuzz bench drivers``: throughput."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from forkfuzz.cli.exit import EXIT_CODES, Exit
from forkfuzz.cli.output import echo, json_option, put_json
from forkfuzz.cli.types import Whole
from forkfuzz.counting import counted

if TYPE_CHECKING:
    from forkfuzz.bench import Comparison


@click.command(epilog=EXIT_CODES)
@click.argument("scenario", default="mp")
@click.option(
    "--rules",
    default="mainline",
    show_default=True,
    metavar="R",
    help="PRESET[,field=value...]; see: forkfuzz rules.",
)
@click.option(
    "--runs",
    type=Whole(1, 10**6),
    default=400,
    show_default=True,
    metavar="N",
    help="Runs of each measurement.",
)
@click.option(
    "--pairs",
    type=Whole(1, 1000),
    default=9,
    show_default=True,
    metavar="N",
    help="Measurements of each side.",
)
@click.option(
    "--seed",
    type=Whole(0, 2**32 - 2),
    default=1,
    show_default=True,
    metavar="N",
    help="Equal seeds make equal inputs.",
)
@click.option(
    "--switches",
    is_flag=True,
    help="Compare the drivers at several switch rates instead.",
)
@json_option
def drivers(
    *,
    scenario: str,
    rules: str,
    runs: int,
    pairs: int,
    seed: int,
    switches: bool,
    as_json: bool,
) -> int:
    """Measure runs per CPU-second on SCENARIO, on inputs like a campaign's.

    Each comparison is the median of paired measurements in this one process.
    """
    import attrs

    from forkfuzz.bench import compare_drivers, compare_feedback, compare_switching
    from forkfuzz.harness import canonical_spec

    spelled = canonical_spec(scenario, {}, rules, "trio").rules
    how = {"runs": runs, "pairs": pairs, "seed": seed}
    if switches:
        comparisons = compare_switching(scenario, spelled, **how)
    else:
        comparisons = [
            compare(scenario, spelled, **how)
            for compare in (compare_drivers, compare_feedback)
        ]
    if as_json:
        put_json([attrs.asdict(comparison) for comparison in comparisons])
    else:
        size = f"{counted(pairs, 'pair')} of {counted(runs, 'run')}"
        echo(f"{scenario} under {spelled}: medians of {size}\n")
        for comparison in comparisons:
            _tell(comparison)
    return Exit.CLEAN


def _tell(comparison: Comparison) -> None:
    (first, second), (rate, other) = comparison.names, comparison.rates
    low, high = comparison.spread
    echo(f"{first:9} {rate:7.0f} runs/s    {second:9} {other:7.0f} runs/s")
    echo(
        f"          {first}/{second} {comparison.ratio:.2f} ({low:.2f} to {high:.2f}); "
        f"{comparison.steps:.0f} steps a run, {comparison.switch_rate:.0%} switches\n"
    )
