"""The charts: learning curves, BLEU by source length, and exposure bias by target position."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqlab.pages.svg import FIRST, INK, SECOND, SOFT, STYLE, blank, blank_axes, inline
from seqlab.pages.wording import figure
from seqlab.results.metrics import Metric
from seqlab.results.records import Epoch, Exposure, LengthBucket, Step

# Points of a step curve; more are averaged, as a screen has no room for them.
MAX_POINTS = 300
_LARGE = (380, 215)
_SMALL = (290, 175)
_TALL = (420, 270)

Series = tuple[list[float], list[float]]


def loss_chart(epochs: Sequence[Epoch], steps: Sequence[Step]) -> Markup:
    """Training and validation loss by epoch, over the loss of single batches."""
    train = _by_epoch(epochs, [row.train_nll for row in epochs])
    valid = _by_epoch(epochs, [row.valid_loss for row in epochs])
    with rc_context(STYLE):
        chart, axes = _axes(_LARGE)
        axes.plot(
            *_by_step(epochs, steps, [row.loss for row in steps]), color=SOFT, alpha=0.45, linewidth=1, label="batch"
        )
        axes.plot(*train, color=FIRST, marker="o", markersize=4, label="train")
        axes.plot(*valid, color=SECOND, marker="s", markersize=4, linestyle="--", label="validation")
        _legend(axes)
        label = f"Loss by epoch. Train: {_course(train[1], 2)}. Validation: {_course(valid[1], 2)}."
        return inline(chart, "loss", label)


def measure_chart(epochs: Sequence[Epoch], best_epoch: int | None, metric: Metric) -> Markup:
    """Validation BLEU, or another metric that the curves have, by epoch; the best checkpoint is ringed."""
    series = _by_epoch(epochs, [getattr(row, f"valid_{metric.key}") for row in epochs])
    with rc_context(STYLE):
        chart, axes = _axes(_LARGE)
        axes.plot(*series, color=FIRST, marker="o", markersize=4)
        for epoch, score in zip(*series, strict=True):
            if epoch == best_epoch:
                axes.plot(
                    [epoch], [score], color=SECOND, marker="o", markersize=11, fillstyle="none", markeredgewidth=2
                )
                axes.annotate(
                    f"best {figure(score)}", (epoch, score), (0, -18), textcoords="offset points", ha="center", va="top"
                )
        axes.margins(y=0.12)
        axes.set_ylim(bottom=0)
        return inline(chart, "measure", f"Validation {metric.label} by epoch: {_course(series[1], 1)}.")


def step_chart(name: str, label: str, epochs: Sequence[Epoch], steps: Sequence[Step], column: str) -> Markup:
    """One column of the step curves, such as the learning rate, against the epoch."""
    series = _by_step(epochs, steps, [getattr(row, column) for row in steps])
    if not series[0]:
        series = _by_epoch(epochs, [getattr(row, column) for row in epochs])
    with rc_context(STYLE):
        chart, axes = _axes(_SMALL)
        axes.plot(*series, color=FIRST, marker="o" if len(series[0]) == 1 else "", markersize=4)
        axes.margins(y=0.12)
        axes.set_ylim(0, 1.04 if column == "teacher_forcing_ratio" else None)
        return inline(chart, name, f"{label} by epoch: {_course(series[1], None)}.")


def length_chart(buckets: Sequence[LengthBucket]) -> Markup:
    """BLEU of each source-length bucket with its 95 % interval, above the number of sentences."""
    rows = [(place, row) for place, row in enumerate(buckets) if row.bleu is not None]
    with rc_context(STYLE):
        chart = blank(_TALL)
        axes, counts = chart.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        places = [place for place, _ in rows]
        scores = [row.bleu or 0.0 for _, row in rows]
        axes.vlines(
            places, [_or(row.bleu_low, row) for _, row in rows], [_or(row.bleu_high, row) for _, row in rows],
            color=SECOND, linewidth=3, alpha=0.6, label="95 % interval",
        )  # fmt: skip
        axes.plot(places, scores, color=FIRST, marker="o", markersize=5, linewidth=1.5, label="BLEU")
        axes.margins(y=0.08)
        axes.set_ylim(bottom=0)
        axes.tick_params(bottom=False)
        _legend(axes)
        counts.bar(range(len(buckets)), [row.examples for row in buckets], color=SOFT, width=0.6, alpha=0.5)
        for place, row in enumerate(buckets):
            counts.annotate(
                f"{row.examples:,}", (place, row.examples), (0, 2), textcoords="offset points", ha="center", color=INK
            )
        counts.set_xticks(range(len(buckets)), [row.bucket for row in buckets], parse_math=False)
        counts.set_yticks([])
        counts.margins(y=0.7)
        counts.set_xlabel(f"source length in {buckets[0].unit}, with the number of sentences")
        course = "; ".join(f"{row.bucket} {row.unit}: {figure(row.bleu)}" for _, row in rows)
        return inline(chart, "length", f"BLEU by source length. {course}.")


def exposure_chart(rows: Sequence[Exposure]) -> Markup:
    """Loss of the true token by target position, after the true prefix and after the model's own."""
    places = [float(row.position) for row in rows]
    gold, own = (_finite(places, [getattr(row, name) for row in rows]) for name in ("gold_nll", "own_nll"))
    with rc_context(STYLE):
        chart, axes = _axes(_LARGE)
        axes.set_xlabel("target position in tokens")
        axes.plot(*gold, color=FIRST, marker="o", markersize=3, label="after the true prefix")
        axes.plot(*own, color=SECOND, marker="s", markersize=3, linestyle="--", label="after its own prefix")
        axes.set_ylim(bottom=0)
        _legend(axes)
        courses = f"After the true prefix {_course(gold[1], 2)}, after the model's own {_course(own[1], 2)}."
        return inline(chart, "exposure", f"Loss by target position. {courses}")


def _or(bound: float | None, row: LengthBucket) -> float:
    return row.bleu or 0.0 if bound is None else bound


def _axes(size: tuple[int, int]) -> tuple[Figure, Axes]:
    chart, axes = blank_axes(size)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.ticklabel_format(axis="y", scilimits=(-4, 5), useMathText=False)
    return chart, axes


def _legend(axes: Axes) -> None:
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0, handlelength=1.6)


def _finite(places: Iterable[float], values: Iterable[float | None]) -> Series:
    """Leave out what a diverged or a first row has no number for."""
    kept = [(place, value) for place, value in zip(places, values, strict=True) if value is not None]
    kept = [(place, value) for place, value in kept if math.isfinite(value)]
    return [place for place, _ in kept], [value for _, value in kept]


def _by_epoch(epochs: Sequence[Epoch], values: list[float | None]) -> Series:
    return _finite([row.epoch for row in epochs], values)


def _by_step(epochs: Sequence[Epoch], steps: Sequence[Step], values: list[float | None]) -> Series:
    """Place steps between the epochs that they belong to; average neighbours down to `MAX_POINTS` points."""
    ends = [0, *(row.step for row in epochs)]
    places = np.interp([row.step for row in steps], ends, [0, *(row.epoch for row in epochs)])
    series = _finite([float(place) for place in places], values)
    if len(series[0]) <= MAX_POINTS:
        return series
    averaged = [[float(part.mean()) for part in np.array_split(np.array(axis), MAX_POINTS)] for axis in series]
    return averaged[0], averaged[1]


def _course(values: Sequence[float], digits: int | None) -> str:
    """A curve in words, for those who can't see it."""
    if not values:
        return "no values"
    ends = [f"{value:.4g}" if digits is None else figure(value, digits) for value in (values[0], values[-1])]
    return f"{ends[0]}" if len(values) == 1 else f"from {ends[0]} to {ends[1]}"
