"""Is a recipe better, and not only the model that one seed of it gave? A test over seeds.

Welch's (1947) t-test of the seeds' scores, whose variances may differ between recipes. It takes seeds for independent
draws, and their scores for about normal; what it says holds for other seeds and this test set. A permutation test would
assume less, but of three seeds against three its smallest p is 0.1.
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
    """A recipe against the best: p by Welch's t-test, two-sided, and after Holm's correction; None without a spread."""

    welch: float | None
    corrected: float | None

    @property
    def distinct(self) -> bool:
        """Whether the difference is more than seeds make."""
        return self.corrected is not None and self.corrected < LEVEL


def verdicts(scores: Sequence[Sequence[float]]) -> list[RecipeVerdict]:
    """A verdict for each recipe but the first, the best, by the scores of its seeds; corrected likewise."""
    return pair_verdicts([(scores[0], others) for others in scores[1:]])


def pair_verdicts(pairs: Sequence[tuple[Sequence[float], Sequence[float]]]) -> list[RecipeVerdict]:
    """A verdict for each pair of recipes, by the scores of their seeds, corrected for so many comparisons."""
    p_values = [_welch(first, second) for first, second in pairs]
    corrected = iter(holm([p for p in p_values if p is not None]))
    return [RecipeVerdict(p, None if p is None else next(corrected)) for p in p_values]


def p_value(value: float) -> str:
    """A p-value for people: no zero, which it can't be."""
    if value < SMALLEST:
        return f"< {SMALLEST:.5f}"
    return f"{value:.3f}" if value >= 0.001 else f"{value:.5f}".rstrip("0")


def _welch(first: Sequence[float], second: Sequence[float]) -> float | None:
    from scipy.stats import ttest_ind

    if stdev(first) == stdev(second) == 0:
        return None
    with warnings.catch_warnings():
        # Seeds with one and the same score are no loss of precision.
        warnings.simplefilter("ignore", RuntimeWarning)
        p = float(ttest_ind(first, second, equal_var=False).pvalue)
    return None if math.isnan(p) else p
