"""The charts: each run a line or a point, the highlighted ones in colour, the others in grey behind them."""

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqlab.comparison.series import Curve, Exposure
from seqlab.reporting.svg import SOFT, STYLE, inline

# Stand-ins for the style sheet's --s1 … --s8, as in seqlab.reporting.svg; a second sign tells lines apart without them.
COLOURS = tuple(f"#0a00{number:02x}" for number in range(1, 9))
DASHES: tuple[tuple[float, ...], ...] = ((), (5, 2), (1.5, 1.5), (6, 2, 1.5, 2))
MARKERS = "os^Dv<>P"
_SIZE = (380, 230)
_POINTS_PER_INCH = 72


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
        if ticks:
            axes.set_xticks(range(len(ticks)), list(ticks), parse_math=False)
        else:
            axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axes.autoscale_view()
        return _inlined(chart, name, f"{title}, {len(curves)} runs.")


def scatter_chart(
    name: str, title: str, axis: tuple[str, str], points: Sequence[tuple[float, float]], chosen: Sequence[int]
) -> Markup:
    """One point a run, in the order of BLEU; `chosen` runs stand out."""
    with rc_context(STYLE):
        chart, axes = _axes(*axis)
        others = [point for run, point in enumerate(points) if run not in chosen]
        if others:
            across, up = zip(*others, strict=True)
            axes.scatter(across, up, s=12, color=SOFT, alpha=0.5, linewidths=0)
        for place, run in enumerate(chosen):
            x, y = points[run]
            axes.plot([x], [y], color=COLOURS[place], marker=MARKERS[place], markersize=7, linestyle="none")
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
    width, height = _SIZE
    chart = Figure(figsize=(width / _POINTS_PER_INCH, height / _POINTS_PER_INCH), dpi=72, layout="constrained")
    axes = chart.subplots()
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    return chart, axes


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
