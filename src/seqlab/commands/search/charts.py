"""The charts of a search: its history, and where on a parameter's range the good values lie."""

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from seqlab.commands.search.trials import Trial
from seqlab.commands.search.view import View
from seqlab.pages.svg import FIRST, SECOND, SOFT, STYLE, blank_axes, inline

_LARGE, _SMALL = (560, 250), (290, 190)
LONGEST_TICK = 16
MARGIN = 0.05
# Of a logarithmic range, how many times its begin its end is where powers of ten alone name too few places.
NARROW = 50


def history_chart(view: View) -> Markup:
    """The value of each trial, the best so far, and, along the lower edge, the trials that failed.

    Of a trial that fell behind it is the last value, after fewer epochs than those of others.
    """
    objective = view.objective
    values = _values(view.completed)
    best = [sorted(values[: at + 1], key=objective.rank)[0] for at in range(len(values))]
    numbers = [each.number for each in view.completed]
    with rc_context(STYLE):
        chart, axes = blank_axes(_LARGE)
        axes.plot(numbers, values, color=FIRST, marker="o", markersize=5, linestyle="none", label="trial")
        axes.step(numbers, best, color=SECOND, linewidth=1.6, where="post", label="best so far")
        if view.pruned:
            behind = [each.number for each in view.pruned]
            axes.plot(
                behind, _values(view.pruned), color=SOFT, marker="v", markersize=4, linestyle="none",
                label="fell behind, after fewer epochs",
            )  # fmt: skip
        failed = [each.number for each in view.failed]
        if failed:
            axes.plot(
                failed, [0.02] * len(failed), color=SOFT, marker="x", markersize=6, linestyle="none", label="failed",
                transform=axes.get_xaxis_transform(),
            )  # fmt: skip
        axes.set_xlabel("trial")
        axes.set_ylabel(objective.label)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True))
        axes.margins(y=0.1)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0, handlelength=1.6)
        told = f"the best {view.value(best[-1])}" if best else "none with a value"
        return inline(
            chart, "history", f"{objective.label} of {len(view.trials.done)} trials, {told}. The table has them."
        )


def slice_chart(view: View, parameter: str, place: int) -> Markup:
    """The values of all trials, after as many epochs each, over one parameter; the best few stand out."""
    distribution = view.space.distributions[parameter]
    chosen = {each.trial.number for each in view.final.finalists} if view.final else set()
    with rc_context(STYLE):
        chart, axes = blank_axes(_SMALL)
        if isinstance(distribution, CategoricalDistribution):
            choices = list(distribution.choices)
            ticks = [_short(str(each)) for each in choices]
            axes.set_xticks(range(len(choices)), ticks, parse_math=False)
            axes.set_xlim(-0.5, len(choices) - 0.5)
        elif isinstance(distribution, FloatDistribution | IntDistribution):
            _number_axis(axes, distribution)
        shown = [each for each in view.trials.done if each.comparable is not None]
        for trials, colour, marker in (
            ([each for each in shown if each.number not in chosen], FIRST, "o"),
            ([each for each in shown if each.number in chosen], SECOND, "D"),
        ):
            across = [_place(distribution, each, parameter) for each in trials]
            values = [each.comparable for each in trials if each.comparable is not None]
            axes.plot(across, values, color=colour, marker=marker, linestyle="none")
        axes.margins(y=0.1)
        return inline(
            chart, f"slice{place}", f"{view.objective.label} of the trials by {parameter}. The table has them."
        )


def _number_axis(axes: Axes, distribution: FloatDistribution | IntDistribution) -> None:
    """The whole range, whatever was tried of it."""
    low, high = distribution.low, distribution.high
    if distribution.log:
        margin = (high / low) ** MARGIN
        axes.set_xscale("log")
        axes.set_xlim(low / margin, high * margin)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < NARROW else (1,), numticks=6))
        # The default writes powers, as mathematics, which is no text of a page.
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        return
    axes.set_xlim(low - MARGIN * (high - low), high + MARGIN * (high - low))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=isinstance(distribution, IntDistribution)))


def slice_charts(view: View) -> Sequence[tuple[str, Markup]]:
    """Parameter → its chart."""
    names = view.space.distributions
    return [(name, slice_chart(view, name, place)) for place, name in enumerate(names)]


def _values(trials: Sequence[Trial]) -> list[float]:
    return [each.outcome.value for each in trials if each.outcome.value is not None]


def _place(distribution: object, trial: Trial, parameter: str) -> float:
    value = trial.values[parameter]
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices.index(value)
    return float(value)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TICK else f"{text[: LONGEST_TICK - 1]}…"
