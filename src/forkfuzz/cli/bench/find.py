"""``forkfuzz bench find``: runs to the first violation, by exhibit and strategy."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from forkfuzz.cli.exit import EXIT_CODES, Exit, say
from forkfuzz.cli.exploring import jobs_option, processes
from forkfuzz.cli.fuzz import feedback_kinds
from forkfuzz.cli.output import echo, json_option, put_json
from forkfuzz.cli.types import Whole

if TYPE_CHECKING:
    from forkfuzz.bench.exhibits import Exhibit
    from forkfuzz.bench.finding import Sample

    Found = Mapping[str, list[Sample]]

STRATEGIES = "portfolio,races,coverage,pct,pos,surw,urw,delays,preemptions,pairs,random"


@click.command(epilog=EXIT_CODES)
@click.argument("names", metavar="[EXHIBIT]...", nargs=-1)
@click.option(
    "--strategies",
    default=STRATEGIES,
    metavar="NAME,...",
    help="Strategies to compare; by default all.",
)
@click.option(
    "--seeds",
    type=Whole(1, 1000),
    default=30,
    show_default=True,
    metavar="N",
    help="Searches with each strategy.",
)
@click.option(
    "--runs",
    type=Whole(1, 10**9),
    default=2000,
    show_default=True,
    metavar="N",
    help="After so many runs a search gives up.",
)
@click.option(
    "--feedback",
    metavar="KIND,...",
    help="What coverage and portfolio learn from; nothing if empty. [default: state]",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Draw what share has found the bug after how many runs (.svg, .png, .pdf).",
)
@jobs_option("Searches")
@json_option
def find(
    *,
    names: tuple[str, ...],
    strategies: str,
    seeds: int,
    runs: int,
    feedback: str | None,
    plot: Path | None,
    jobs: int,
    as_json: bool,
) -> int:
    """Measure how many runs strategies take to find EXHIBITs, by default all of them.

    A cell is the median over the seeds by Kaplan and Meier with its 95 % confidence
    interval, where that is more than one number. Needs scipy.
    """
    from forkfuzz.bench.exhibits import find_exhibits
    from forkfuzz.bench.finding import search_all
    from forkfuzz.bench.survival import summarize

    compared = tuple(dict.fromkeys(strategies.split(",")))
    exhibits = find_exhibits(names)
    kinds = feedback_kinds(feedback)
    summarize([])  # whoever has no scipy is told before the work
    if plot is not None:
        from forkfuzz.bench.plot import check_plot

        check_plot(plot)
    found: dict[str, Found] = {}
    with contextlib.ExitStack() as stack:
        run: Any = map
        if jobs > 1:
            run = stack.enter_context(processes(jobs))
        for number, exhibit in enumerate(exhibits):
            samples = search_all(
                exhibit, compared, seeds=seeds, limit=runs, feedback=kinds, run=run
            )
            found[exhibit.name] = samples
            if as_json:
                put_json(_document(exhibit, samples))
            else:
                _tell(exhibit, samples, runs, with_header=number == 0)
    if plot is not None:
        from forkfuzz.bench.plot import plot_found

        plot_found(found, plot)
        say(f"bench: plotted to {plot}")
    return Exit.CLEAN


def _tell(exhibit: Exhibit, samples: Found, limit: int, *, with_header: bool) -> None:
    """Write a row of the table in Markdown."""
    from forkfuzz.bench.survival import summarize

    if with_header:
        echo(f"| exhibit | {' | '.join(samples)} | best single |")
        echo(f"| --- |{' --- |' * (len(samples) + 1)}")
    cells = [summarize(each).told(limit) for each in samples.values()]
    echo(f"| {exhibit.name} | {' | '.join(cells)} | {_against_best(samples)} |")


def _against_best(samples: Found) -> str:
    """Return the best strategy that is no portfolio, and how that compares."""
    from forkfuzz.bench.survival import p_value

    best = best_single(samples)
    if best is None:
        return "none"
    ratio = ratio_to(samples, best)
    if ratio is None:
        return best
    p = p_value(samples["portfolio"], samples[best])
    return f"{best}: portfolio x {ratio:.2f}, p = {p:.2g}"


def best_single(samples: Found) -> str | None:
    """Return the strategy, the portfolio aside, with the lowest median."""
    from forkfuzz.bench.survival import summarize

    medians = {
        name: summary.median
        for name, each in samples.items()
        if name != "portfolio" and (summary := summarize(each)).median is not None
    }
    return min(medians, key=lambda name: (medians[name], name), default=None)


def ratio_to(samples: Found, best: str) -> float | None:
    """Return the portfolio's median as a multiple of another's; None without one."""
    from forkfuzz.bench.survival import summarize

    if "portfolio" not in samples:
        return None
    mine, other = (summarize(samples[name]).median for name in ("portfolio", best))
    return None if mine is None or not other else mine / other


def _document(exhibit: Exhibit, samples: Found) -> dict[str, Any]:
    import attrs

    from forkfuzz.bench.survival import p_value, summarize

    best = best_single(samples)
    return {
        "exhibit": attrs.asdict(exhibit),
        "best_single": best,
        "strategies": {
            name: {
                **attrs.asdict(summarize(each)),
                "seconds": sum(sample.seconds for sample in each),
                "p_against_best": 1.0 if best is None else p_value(each, samples[best]),
                "runs": _runs(each),
            }
            for name, each in samples.items()
        },
    }


def _runs(samples: Sequence[Sample]) -> list[list[int | bool]]:
    return [[sample.runs, sample.found] for sample in samples]
