"""``forkfuzz bench grow``: how the time of a run grows with the program."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from forkfuzz.cli.exit import EXIT_CODES, Exit, say
from forkfuzz.cli.output import echo, json_option, put_json
from forkfuzz.cli.types import Whole


@click.command(epilog=EXIT_CODES)
@click.option(
    "--runs",
    type=Whole(1, 10**6),
    default=10,
    show_default=True,
    metavar="N",
    help="Runs of each measurement.",
)
@click.option(
    "--repeats",
    type=Whole(1, 1000),
    default=5,
    show_default=True,
    metavar="N",
    help="Measurements of each size.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Draw it (.svg, .png, .pdf).",
)
@json_option
def grow(*, runs: int, repeats: int, plot: Path | None, as_json: bool) -> int:
    """Measure the time of a run against threads, pages and steps.

    The exponent is 1 where twice as much takes twice as long.
    """
    from forkfuzz.bench.growth import AXES, exponent, measure

    if plot is not None:
        from forkfuzz.bench.plot import check_plot

        check_plot(plot)
    times = {}
    for name, axis in AXES.items():
        times[name] = measure(axis, runs=runs, repeats=repeats)
        if not as_json:
            echo(f"{name}: exponent {exponent(times[name]):.2f}")
            for size, seconds in times[name]:
                echo(f"  {size:6} {1000 * seconds:9.3f} ms a run")
    exponents = {name: exponent(points) for name, points in times.items()}
    if as_json:
        put_json({n: {"exponent": exponents[n], "seconds": times[n]} for n in times})
    if plot is not None:
        from forkfuzz.bench.plot import plot_growth

        plot_growth(times, exponents, plot)
        say(f"bench: plotted to {plot}")
    return Exit.CLEAN
