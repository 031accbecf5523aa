"""What the charts draw of a recipe: the mean of its seeds' curves, and how far they spread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TypeVar

from seqlab.commands.compare.series import Curve, Exposure

T = TypeVar("T")

# The runs of each seed of a recipe, as `seqlab.commands.compare.seeds.by_seed` has them.
Seeds = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Band:
    """Of recipe number `recipe`: (x, mean, standard deviation over `seeds` seeds, 0 of one)."""

    recipe: int
    seeds: int
    points: list[tuple[float, float, float]]


def bands(curves: Sequence[Curve], recipes: Sequence[Seeds]) -> list[Band]:
    """The recipes' curves, as far as all their seeds reach: beyond, a mean would be of the others alone."""
    by_run = {curve.run: {point[0]: point[1] for point in curve.points} for curve in curves}
    found = []
    for recipe, seeds in enumerate(recipes):
        members = [_means(each) for each in _known(by_run, seeds)]
        points = [(x, fmean(ys), stdev(ys) if len(ys) > 1 else 0.0) for x, ys in _joined(members).items()]
        if points:
            found.append(Band(recipe, len(members), points))
    return found


def mean_exposures(found: Sequence[Exposure], recipes: Sequence[Seeds]) -> list[Exposure]:
    """Means over each recipe's seeds; `run` is then the number of the recipe."""
    by_run = {each.run: each for each in found}
    gold = _mean_curves([Curve(each.run, each.gold) for each in found], recipes)
    own = _mean_curves([Curve(each.run, each.own) for each in found], recipes)
    means = []
    for recipe, seeds in enumerate(recipes):
        if members := _known(by_run, seeds):
            gap = fmean(fmean(each.gap for each in seed) for seed in members)
            means.append(Exposure(recipe, gold.get(recipe, []), own.get(recipe, []), gap))
    return means


def _known(by_run: Mapping[int, T], seeds: Seeds) -> list[list[T]]:
    """Of each seed what is known of its runs; without those of which nothing is."""
    found = ([by_run[run] for run in runs if run in by_run] for runs in seeds)
    return [each for each in found if each]


def _joined(members: Sequence[Mapping[float, float]]) -> dict[float, list[float]]:
    """x → the values of all, where all have one."""
    first = members[0] if members else {}
    return {x: [each[x] for each in members] for x in first if all(x in each for each in members)}


def _means(members: Sequence[Mapping[float, float]]) -> dict[float, float]:
    return {x: fmean(ys) for x, ys in _joined(members).items()}


def _mean_curves(curves: Sequence[Curve], recipes: Sequence[Seeds]) -> dict[int, list[list[float]]]:
    """Recipe → its mean curve, of those that have one."""
    return {band.recipe: [[x, mean] for x, mean, _ in band.points] for band in bands(curves, recipes)}
