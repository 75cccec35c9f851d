"""Plots of benchmarks. Needs matplotlib: ``pip install '.[stats]'``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forkfuzz.errors import UsageError

from .finding import Sample
from .survival import curve

COLUMNS = 3
WIDTH, HEIGHT = 4.2, 2.8
"""Of one panel, in inches."""

COLOURS = 10
"""After so many, matplotlib's begin again."""


def check_plot(path: Path) -> None:
    """Refuse, before the work, what could not be drawn after it.

    Raises:
        UsageError: There is no matplotlib, or no such kind of file, or no such folder.
    """
    _matplotlib()
    from matplotlib.backend_bases import FigureCanvasBase

    kinds = FigureCanvasBase.get_supported_filetypes()
    if path.suffix[1:].lower() not in kinds:
        reason = f"expected a name that ends in one of .{', .'.join(sorted(kinds))}"
    elif not path.parent.is_dir():
        reason = f"{str(path.parent)!r} is no folder"
    else:
        return
    msg = f"cannot write {str(path)!r}: {reason}"
    raise UsageError(msg)


def plot_found(found: Mapping[str, Mapping[str, Sequence[Sample]]], path: Path) -> None:
    """Draw, for each exhibit, what share of the searches found it after how many runs.

    Raises:
        UsageError: The file cannot be written, or is of no kind that can be drawn.
    """
    figure, panels = _panels(len(found))
    for panel, (name, samples) in zip(panels, found.items(), strict=False):
        end = max(10, *(sample.runs for each in samples.values() for sample in each))
        for number, (strategy, each) in enumerate(samples.items()):
            runs, share = drawn(each, end)
            panel.step(
                runs,
                share,
                where="post",
                label=strategy,
                linewidth=2.2 if strategy == "portfolio" else 1.0,
                linestyle="-" if number < COLOURS else "--",
            )
        panel.set(title=name, xscale="log", ylim=(0, 1.02), xlabel="runs")
    panels[0].legend(fontsize=6)
    _save(figure, path)


def drawn(samples: Sequence[Sample], end: int) -> tuple[list[float], list[float]]:
    """Return a curve that begins at the first run and goes on to the last of a panel.

    Where all searches have found the bug at once, there would be nothing to see.
    """
    runs, share = curve(samples)
    before = [(1.0, 0.0)] if runs[0] > 1 else []
    points = [*before, *zip(runs, share, strict=True), (float(end), share[-1])]
    return [x for x, _ in points], [y for _, y in points]


def plot_growth(
    times: Mapping[str, Sequence[tuple[int, float]]],
    exponents: Mapping[str, float],
    path: Path,
) -> None:
    """Draw the time that a run takes against the size of the program.

    Raises:
        UsageError: The file cannot be written, or is of no kind that can be drawn.
    """
    figure, panels = _panels(len(times))
    for panel, (axis, points) in zip(panels, times.items(), strict=False):
        sizes, seconds = zip(*points, strict=True)
        panel.plot(sizes, [1000 * s for s in seconds], marker="o")
        panel.set(
            title=f"{axis}: exponent {exponents[axis]:.2f}",
            xscale="log",
            yscale="log",
            xlabel=axis,
            ylabel="ms a run",
        )
    _save(figure, path)


def _matplotlib() -> Any:
    try:
        import matplotlib as mpl
    except ImportError:
        msg = "plots need matplotlib: in a clone, pip install '.[stats]'"
        raise UsageError(msg) from None
    return mpl


def _panels(count: int) -> tuple[Any, Any]:
    mpl = _matplotlib()
    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "forkfuzz"  # equal data, equal files
    from matplotlib import pyplot as plt

    rows = -(-count // COLUMNS)
    columns = min(count, COLUMNS)
    figure, axes = plt.subplots(
        rows, columns, figsize=(WIDTH * columns, HEIGHT * rows), squeeze=False
    )
    panels = list(axes.flat)
    for panel in panels[count:]:
        panel.set_axis_off()
    return figure, panels


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    try:
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        msg = f"cannot write {str(path)!r}: {reason}"
        raise UsageError(msg) from error
