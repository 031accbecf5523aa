"""The charts: each run, or the mean of a recipe's seeds, is a line; some stand out, the others are grey behind them."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqlab.commands.compare.bands import Band
from seqlab.commands.compare.series import Curve, Exposure
from seqlab.pages.svg import SOFT, STYLE, blank_axes, inline

# Stand-ins for the style sheet's --s1 … --s8, as in seqlab.pages.svg; a second sign tells lines apart without them.
COLOURS = tuple(f"#0a00{number:02x}" for number in range(1, 9))
DASHES: tuple[tuple[float, ...], ...] = ((), (5, 2), (1.5, 1.5), (6, 2, 1.5, 2))
MARKERS = "os^Dv<>P"
_SIZE = (380, 230)


def line_chart(
    name: str,
    title: str,
    axis: tuple[str, str],
    curves: Sequence[Curve],
    chosen: Sequence[int],
    ticks: Sequence[str] = (),
) -> Markup:
    """The curves over one another; `chosen` runs stand out; `ticks` name whole x values from 0."""
    with rc_context(STYLE):
        chart, axes = _axes(*axis)
        _behind(axes, [curve.points for curve in curves if curve.run not in chosen])
        for curve in curves:
            if curve.run in chosen:
                place = list(chosen).index(curve.run)
                dashes = DASHES[place % len(DASHES)] or (None, None)
                marker = MARKERS[place] if len(curve.points) < 12 else ""
                axes.plot(
                    *zip(*curve.points, strict=True), color=COLOURS[place], dashes=dashes, linewidth=1.8,
                    marker=marker, markersize=4,
                )  # fmt: skip
        _across(axes, ticks)
        return _inlined(chart, name, f"{title}, {len(curves)} runs.")


def band_chart(
    name: str,
    title: str,
    axis: tuple[str, str],
    found: Sequence[Band],
    chosen: Sequence[int],
    ticks: Sequence[str] = (),
) -> Markup:
    """As `line_chart`, the means of recipes; those that stand out with a band of one standard deviation over seeds."""
    with rc_context(STYLE):
        chart, axes = _axes(*axis)
        _behind(axes, [[[x, mean] for x, mean, _ in band.points] for band in found if band.recipe not in chosen])
        for band in found:
            if band.recipe in chosen:
                _band(axes, band, list(chosen).index(band.recipe))
        _across(axes, ticks)
        return _inlined(chart, name, f"{title}, means of the seeds of {len(found)} recipes.")


def scatter_chart(
    name: str, title: str, axis: tuple[str, str], points: Sequence[tuple[float, float]], chosen: Sequence[Sequence[int]]
) -> Markup:
    """One point a run, best first; each of the `chosen` groups of runs stands out in its colour."""
    with rc_context(STYLE):
        chart, axes = _axes(*axis)
        marked = {run for runs in chosen for run in runs}
        others = [point for run, point in enumerate(points) if run not in marked]
        if others:
            across, up = zip(*others, strict=True)
            axes.scatter(across, up, s=12, color=SOFT, alpha=0.5, linewidths=0)
        for place, runs in enumerate(chosen):
            across, up = zip(*(points[run] for run in runs), strict=True)
            axes.plot(across, up, color=COLOURS[place], marker=MARKERS[place], markersize=7, linestyle="none")
        axes.margins(0.08)
        return _inlined(chart, name, f"{title} of {len(points)} runs. The table of runs has the figures.")


def exposure_chart(found: Sequence[Exposure], chosen: Sequence[int]) -> Markup:
    """Loss by target position after the gold prefix (dashed) and after the run's own (solid)."""
    with rc_context(STYLE):
        chart, axes = _axes("position in the target", "loss per token")
        for each in found:
            if each.run not in chosen:
                continue
            colour = COLOURS[list(chosen).index(each.run)]
            axes.plot(*zip(*each.own, strict=True), color=colour, linewidth=1.8)
            axes.plot(*zip(*each.gold, strict=True), color=colour, linewidth=1.2, linestyle="--")
        return _inlined(chart, "exposure", "Loss by target position, after the gold prefix and after the run's own.")


def _axes(across: str, up: str) -> tuple[Figure, Axes]:
    chart, axes = blank_axes(_SIZE)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    return chart, axes


def _band(axes: Axes, band: Band, place: int) -> None:
    across, means, spreads = (np.array(column) for column in zip(*band.points, strict=True))
    if band.seeds > 1:
        axes.fill_between(across, means - spreads, means + spreads, color=COLOURS[place], alpha=0.18, linewidth=0)
    axes.plot(
        across, means, color=COLOURS[place], dashes=DASHES[place % len(DASHES)] or (None, None), linewidth=1.8,
        marker=MARKERS[place] if len(means) < 12 else "", markersize=4,
    )  # fmt: skip


def _across(axes: Axes, ticks: Sequence[str]) -> None:
    """Name the whole x values from 0 by `ticks`, if there are some."""
    if ticks:
        axes.set_xticks(range(len(ticks)), list(ticks), parse_math=False)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.autoscale_view()


def _behind(axes: Axes, lines: Sequence[list[list[float]]]) -> None:
    if lines:
        # Hundreds of lines would otherwise be one grey field.
        alpha = min(0.4, max(0.1, 20 / len(lines)))
        axes.add_collection(LineCollection(lines, colors=SOFT, linewidths=0.7, alpha=alpha, zorder=1))


def _inlined(chart: Figure, name: str, label: str) -> Markup:
    svg = str(inline(chart, name, label))
    for number, colour in enumerate(COLOURS, start=1):
        svg = svg.replace(colour, f"var(--s{number})")
    return Markup(svg)  # noqa: S704 (as it was before the replacement)
