import math
from statistics import fmean, variance

import numpy as np
import pytest
from scipy.stats import t as student

from seqlab.significance.recipe_test import p_value, pair_verdicts, verdicts


def welch(first: list[float], second: list[float]) -> float:
    """As Welch (1947) has it, with the degrees of freedom of Satterthwaite (1946)."""
    a, b = variance(first) / len(first), variance(second) / len(second)
    freedom = (a + b) ** 2 / (a**2 / (len(first) - 1) + b**2 / (len(second) - 1))
    return float(2 * student.sf(abs(fmean(first) - fmean(second)) / math.sqrt(a + b), freedom))


def test_it_is_welch_s_test() -> None:
    best, near, far = [30.0, 31.0, 32.0], [29.0, 31.5, 30.0, 30.5], [20.0, 20.5]
    found = verdicts([best, near, far])
    assert [verdict.welch for verdict in found] == [pytest.approx(welch(best, each)) for each in (near, far)]
    assert [verdict.distinct for verdict in found] == [False, True]
    # Of two, nothing is to be corrected.
    assert verdicts([best, near])[0].corrected == pytest.approx(welch(best, near))
    # Nobody chose these by their scores: the smaller p is doubled, the larger stays.
    pairs = pair_verdicts([(best, near), (best, far)])
    assert [verdict.corrected for verdict in pairs] == [
        pytest.approx(welch(best, near)),
        pytest.approx(2 * welch(best, far)),
    ]


def test_the_best_of_many_is_held_to_the_studentized_range() -> None:
    """Against a plain draw: how often the range of five normal values is as large, in units of a drawn deviation."""
    best, near = [30.0, 31.0, 32.0], [27.0, 28.0, 29.0]
    # Of three seeds each and equal deviations: four degrees of freedom.
    t = 3.0 / math.sqrt(2 / 3)
    draw = np.random.default_rng(1)
    ranges = np.ptp(draw.normal(size=(100_000, 5)), axis=1)
    deviations = np.sqrt(draw.chisquare(4, size=100_000) / 4)
    expected = float(np.mean(ranges / deviations >= math.sqrt(2) * t))
    assert verdicts([best, near, near, near, near])[0].corrected == pytest.approx(expected, abs=0.005)
    assert expected > 3 * welch(best, near)


def test_a_difference_within_the_spread_of_seeds_is_none() -> None:
    # Each pair of trained models may well differ on the test set; the recipes do not.
    assert not verdicts([[30.0, 26.0, 34.0], [29.0, 25.5, 33.0]])[0].distinct


def test_without_a_spread_nothing_is_said() -> None:
    found = verdicts([[30.0, 30.0], [20.0, 20.0], [10.0, 10.1]])
    assert (found[0].welch, found[0].corrected, found[0].distinct) == (None, None, False)
    assert found[1].welch == pytest.approx(welch([30.0, 30.0], [10.0, 10.1]))
    assert found[1].distinct


def test_one_recipe_has_no_verdict() -> None:
    assert verdicts([[30.0, 31.0]]) == []


@pytest.mark.parametrize(
    ("value", "said"),
    [(1.0, "1.000"), (0.0299, "0.030"), (0.00052, "0.00052"), (0.0001, "0.0001"), (1e-5, "0.00001"),
     (9.9e-6, "< 0.00001"), (3e-40, "< 0.00001")],
)  # fmt: skip
def test_a_p_value_is_shown_and_never_as_zero(value: float, said: str) -> None:
    assert p_value(value) == said
