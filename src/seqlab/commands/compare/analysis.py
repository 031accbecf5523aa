"""Which run is best, and which runs can't be told from it."""

from collections.abc import Sequence
from dataclasses import dataclass

from seqlab.significance.bleu_counts import Counts
from seqlab.significance.bleu_scores import bleu
from seqlab.significance.measures import Score
from seqlab.significance.paired_test import (
    LEVEL,
    Interval,
    Pair,
    bootstrap_p,
    bootstrap_scores,
    holm,
    intervals,
    randomization_p,
    range_p,
    trials_for,
)

# Of more runs, every pair is neither readable nor quick: then only the best are tested among themselves.
MATRIX_RUNS = 40
BEST_RUNS = 20


@dataclass(frozen=True)
class RunVerdict:
    """A pair of runs: p by paired bootstrap, by approximate randomization, and corrected for many comparisons."""

    bootstrap: float
    randomization: float
    corrected: float

    @property
    def distinct(self) -> bool:
        """Whether the difference is more than chance."""
        return self.corrected < LEVEL


@dataclass(frozen=True)
class Analysis:
    """Tests among runs that are sorted by their scores, best first.

    `pairs` has a verdict for each pair (better, worse) of the best `matrix_runs` runs, with Holm's correction for all.
    `against_best` has one for each run but the first. That was chosen by the same scores, so here, too, the correction
    is for all pairs, and where there are more runs than in `pairs` by Tukey's range.
    """

    intervals: list[Interval]
    against_best: list[RunVerdict]
    pairs: dict[Pair, RunVerdict]
    matrix_runs: int
    trials: int


def analyse(counts: Sequence[Counts], score: Score = bleu) -> Analysis:
    """Test the runs, whose counts (sentences, columns) are of the same sentences, best run first.

    `score` is the measure, of summed counts.
    """
    number = len(counts)
    best = [(0, other) for other in range(1, number)]
    shown = number if number <= MATRIX_RUNS else BEST_RUNS
    matrix = [(first, second) for first in range(shown) for second in range(first + 1, shown)]
    pairs = list(dict.fromkeys(best + matrix))
    trials = trials_for(len(matrix))
    scores = bootstrap_scores(counts, score=score)
    by_bootstrap = dict(zip(pairs, bootstrap_p(counts, scores, pairs, score), strict=True))
    by_randomization = dict(zip(pairs, randomization_p(counts, pairs, trials, score), strict=True))

    def verdicts(family: Sequence[Pair], corrected: Sequence[float]) -> dict[Pair, RunVerdict]:
        return {
            pair: RunVerdict(by_bootstrap[pair], by_randomization[pair], value)
            for pair, value in zip(family, corrected, strict=True)
        }

    of_all = verdicts(matrix, holm([by_randomization[pair] for pair in matrix]))
    of_best = of_all if shown == number else verdicts(best, range_p(counts, scores, score))
    return Analysis(intervals(scores), [of_best[pair] for pair in best], of_all, shown, trials)
