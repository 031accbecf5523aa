import math
from statistics import fmean, variance

import pytest
from scipy.stats import t as student

from seqlab.significance.recipe_test import p_value, verdicts


def welch(first: list[float], second: list[float]) -> float:
    """As Welch (1947) has it, with the degrees of freedom of Satterthwaite (1946)."""
    a, b = variance(first) / len(first), variance(second) / len(second)
    freedom = (a + b) ** 2 / (a**2 / (len(first) - 1) + b**2 / (len(second) - 1))
    return float(2 * student.sf(abs(fmean(first) - fmean(second)) / math.sqrt(a + b), freedom))


def test_it_is_welch_s_test_with_holm_s_correction() -> None:
    best, near, far = [30.0, 31.0, 32.0], [29.0, 31.5, 30.0, 30.5], [20.0, 20.5]
    found = verdicts([best, near, far])
    expected = [welch(best, near), welch(best, far)]
    assert [verdict.welch for verdict in found] == [pytest.approx(p) for p in expected]
    # The smaller p is doubled, the larger stays.
    assert expected[1] < expected[0]
    assert [verdict.corrected for verdict in found] == [pytest.approx(expected[0]), pytest.approx(2 * expected[1])]
    assert [verdict.distinct for verdict in found] == [False, True]


def test_a_difference_within_the_spread_of_seeds_is_none() -> None:
    # Each pair of trained models may well differ on the test set; the recipes do not.
    assert not verdicts([[30.0, 26.0, 34.0], [29.0, 25.5, 33.0]])[0].distinct


def test_without_a_spread_nothing_is_said_and_the_others_are_corrected_for_themselves() -> None:
    found = verdicts([[30.0, 30.0], [20.0, 20.0], [10.0, 10.1]])
    assert (found[0].welch, found[0].corrected, found[0].distinct) == (None, None, False)
    assert found[1].corrected == found[1].welch == pytest.approx(welch([30.0, 30.0], [10.0, 10.1]))


def test_one_recipe_has_no_verdict() -> None:
    assert verdicts([[30.0, 31.0]]) == []


@pytest.mark.parametrize(
    ("value", "said"),
    [(1.0, "1.000"), (0.0299, "0.030"), (0.00052, "0.00052"), (0.0001, "0.0001"), (1e-5, "0.00001"),
     (9.9e-6, "< 0.00001"), (3e-40, "< 0.00001")],
)  # fmt: skip
def test_a_p_value_is_shown_and_never_as_zero(value: float, said: str) -> None:
    assert p_value(value) == said
