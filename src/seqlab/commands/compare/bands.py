"""What the charts draw of a recipe: the mean of its seeds' curves, and how far they spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from seqlab.commands.compare.series import Curve, Exposure


@dataclass(frozen=True)
class Band:
    """Of recipe number `recipe`: (x, mean, standard deviation over `seeds` seeds, 0 of one)."""

    recipe: int
    seeds: int
    points: list[tuple[float, float, float]]


def bands(curves: Sequence[Curve], recipes: Sequence[Sequence[int]]) -> list[Band]:
    """The recipes' curves, as far as all their seeds reach: beyond, a mean would be of the others alone."""
    by_run = {curve.run: {point[0]: point[1] for point in curve.points} for curve in curves}
    found = []
    for recipe, runs in enumerate(recipes):
        members = [by_run[run] for run in runs if run in by_run]
        values = {x: [each[x] for each in members] for x in (members[0] if members else ()) if _in_all(x, members)}
        points = [(x, fmean(ys), stdev(ys) if len(ys) > 1 else 0.0) for x, ys in values.items()]
        if points:
            found.append(Band(recipe, len(members), points))
    return found


def mean_exposures(found: Sequence[Exposure], recipes: Sequence[Sequence[int]]) -> list[Exposure]:
    """Means over each recipe's seeds; `run` is then the number of the recipe."""
    by_run = {each.run: each for each in found}
    means = []
    for recipe, runs in enumerate(recipes):
        members = [by_run[run] for run in runs if run in by_run]
        if members:
            gold, own = (_mean([Curve(each.run, getattr(each, side)) for each in members]) for side in ("gold", "own"))
            means.append(Exposure(recipe, gold, own, fmean(each.gap for each in members)))
    return means


def _in_all(x: float, members: Sequence[dict[float, float]]) -> bool:
    return all(x in each for each in members)


def _mean(curves: Sequence[Curve]) -> list[list[float]]:
    joined = bands(curves, [[curve.run for curve in curves]])
    return [[x, mean] for x, mean, _ in joined[0].points] if joined else []
