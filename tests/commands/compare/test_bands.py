from statistics import stdev

import pytest

from seqlab.commands.compare.bands import Band, bands, mean_exposures
from seqlab.commands.compare.series import Curve, Exposure


def test_a_band_is_the_mean_of_the_seeds_and_their_deviation() -> None:
    curves = [Curve(0, [[1, 10.0], [2, 20.0]]), Curve(1, [[1, 5.0]]), Curve(2, [[1, 12.0], [2, 26.0]])]
    first, second = bands(curves, [[[0], [2]], [[1]]])
    assert (first.recipe, first.seeds) == (0, 2)
    assert [(x, mean) for x, mean, _ in first.points] == [(1, 11.0), (2, 23.0)]
    assert [spread for *_, spread in first.points] == pytest.approx([stdev([10, 12]), stdev([20, 26])])
    assert second == Band(1, 1, [(1, 5.0, 0.0)])


def test_it_ends_where_the_first_seed_stopped() -> None:
    curves = [Curve(0, [[1, 1.0], [2, 2.0], [3, 9.0]]), Curve(1, [[1, 3.0], [2, 4.0]])]
    (band,) = bands(curves, [[[0], [1]]])
    assert [(x, mean) for x, mean, _ in band.points] == [(1, 2.0), (2, 3.0)]


def test_runs_without_a_curve_are_left_out_and_recipes_without_any() -> None:
    (band,) = bands([Curve(3, [[1, 1.0]])], [[[0], [1]], [[2], [3]]])
    assert (band.recipe, band.seeds) == (1, 1)


def test_exposure_of_a_recipe_is_the_mean_of_its_seeds() -> None:
    found = [Exposure(0, [[1, 1.0], [2, 2.0]], [[1, 2.0], [2, 4.0]], 0.5), Exposure(2, [[1, 3.0]], [[1, 6.0]], 1.5)]
    assert mean_exposures(found, [[[1]], [[0], [2]]]) == [Exposure(1, [[1, 2.0]], [[1, 4.0]], 1.0)]


def test_a_seed_that_was_trained_again_counts_once() -> None:
    curves = [Curve(0, [[1, 10.0]]), Curve(1, [[1, 14.0]]), Curve(2, [[1, 20.0]])]
    (band,) = bands(curves, [[[0, 1], [2]]])
    assert band == Band(0, 2, [(1, 16.0, stdev([12, 20]))])
    found = [Exposure(run, curve.points, curve.points, 1.0 * run) for run, curve in enumerate(curves)]
    assert mean_exposures(found, [[[0, 1], [2]]]) == [Exposure(0, [[1, 16.0]], [[1, 16.0]], 1.25)]
