"""Is a recipe better, and not only the model that one seed of it gave? A test over seeds.

Welch's (1947) t-test of the seeds' scores, whose variances may differ between recipes. It takes seeds for independent
draws, and their scores for about normal; what it says holds for other seeds and this test set. A permutation test would
assume less, but of three seeds against three its smallest p is 0.1.

Against the best of many recipes, which was chosen by the same scores, it is held to the studentized range, as Games and
Howell (1976) have it: of 20 alike recipes with 5 seeds each one would be called worse in 11 of 100 cases by Holm's
correction for 19 comparisons, and in 6 so.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import stdev

from seqlab.significance.paired_test import LEVEL, holm

# Smaller p-values are only called so.
SMALLEST = 1e-5


@dataclass(frozen=True)
class RecipeVerdict:
    """Two recipes: p by Welch's t-test, two-sided, and corrected for many comparisons; None without a spread."""

    welch: float | None
    corrected: float | None

    @property
    def distinct(self) -> bool:
        """Whether the difference is more than seeds make."""
        return self.corrected is not None and self.corrected < LEVEL


def verdicts(scores: Sequence[Sequence[float]]) -> list[RecipeVerdict]:
    """A verdict for each recipe but the first, the best, by the scores of its seeds; corrected by Games and Howell."""
    tests = [_welch(scores[0], others) for others in scores[1:]]
    return [
        RecipeVerdict(test.p, _games_howell(test, len(scores))) if test else RecipeVerdict(None, None) for test in tests
    ]


def pair_verdicts(pairs: Sequence[tuple[Sequence[float], Sequence[float]]]) -> list[RecipeVerdict]:
    """A verdict for each pair of recipes, which nobody chose by their scores: as above, but with Holm's correction."""
    tests = [_welch(first, second) for first, second in pairs]
    corrected = iter(holm([test.p for test in tests if test]))
    return [RecipeVerdict(test.p, next(corrected)) if test else RecipeVerdict(None, None) for test in tests]


def p_value(value: float) -> str:
    """A p-value for people: no zero, which it can't be."""
    if value < SMALLEST:
        return f"< {SMALLEST:.5f}"
    return f"{value:.3f}" if value >= 0.001 else f"{value:.5f}".rstrip("0")


@dataclass(frozen=True)
class _Test:
    """Welch's t, its degrees of freedom, and p."""

    t: float
    freedom: float
    p: float


def _games_howell(test: _Test, recipes: int) -> float:
    from scipy.stats import studentized_range

    # Where chance gives nothing like it, the integral may end below 0.
    return max(float(studentized_range.sf(math.sqrt(2) * abs(test.t), recipes, test.freedom)), 0.0)


def _welch(first: Sequence[float], second: Sequence[float]) -> _Test | None:
    from scipy.stats import ttest_ind

    if stdev(first) == stdev(second) == 0:
        return None
    with warnings.catch_warnings():
        # Seeds with one and the same score are no loss of precision.
        warnings.simplefilter("ignore", RuntimeWarning)
        found = ttest_ind(first, second, equal_var=False)
    return None if math.isnan(found.pvalue) else _Test(float(found.statistic), float(found.df), float(found.pvalue))
