"""Is a difference in BLEU, or in exact match, real? sacreBLEU's paired tests, of many runs on the same resamples.

The tests are those of sacrebleu.significance (Koehn 2004; Riezler and Maxwell 2005), with its seed: the same draws and
the same p-values, with one exception. There a resample whose difference equals the observed one does not count, so that
two runs with the same translations, or all but one the same, differ with the smallest p there is. Here it counts, as
Riezler and Maxwell have it: what chance gives as easily is no evidence. Where hardly two resamples tie it is the same.
So 7 sentences better and 1 worse of 1,000 are not significant (an exact sign test says p = 0.070, sacreBLEU 0.008).

sacreBLEU sums each pair's sentences anew. Here one matrix product sums every run's sentences for all resamples, and
what a pair needs is linear in those sums, so that hundreds of runs take seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqlab.results.metrics import BLEU, Metric
from seqlab.scoring.bleu import BOOTSTRAP_SEED
from seqlab.significance.bleu_counts import Counts
from seqlab.significance.bleu_scores import Scores, bleu
from seqlab.significance.measures import SCORES, Score, counter

BOOTSTRAP_SAMPLES = 1000
TRIALS = 10_000
# With fewer, no difference could stay below 0.05 once corrected for so many comparisons.
TRIALS_PER_COMPARISON = 25
LEVEL = 0.05
# Of a signature: what only its confidence interval depends on.
INTERVAL_PARTS = ("bs:", "seed:")
# Resamples whose sums are held in memory at once.
BLOCK = 2048
# Scores that are equal in theory may differ in their last bits.
ROUNDING = 1e-9

Pair = tuple[int, int]


@dataclass(frozen=True)
class Interval:
    """The 95 % interval of a score as sacreBLEU has it, and the standard deviation over resampled sentences."""

    low: float
    high: float
    deviation: float


@dataclass(frozen=True)
class PairedResult:
    """p of the observed difference if the two were alike; `signature` says how it was found."""

    p: float
    signature: str

    @property
    def significant(self) -> bool:
        """Whether the difference is more than chance."""
        return self.p < LEVEL


def paired_test(
    baseline: Sequence[str],
    system: Sequence[str],
    references: Sequence[Sequence[str]],
    signature: str,
    measure: Metric = BLEU,
) -> PairedResult:
    """Paired approximate randomization of two systems' translations of one test set, under the measure of `signature`.

    Raises:
        SeqlabError: the signature is of a BLEU that is not computed here.
        ValueError: another number of translations than of sentences.
    """
    counts = list(map(counter(measure, signature, references).count, (baseline, system)))
    (p,) = randomization_p(counts, [(0, 1)], score=SCORES[measure])
    return PairedResult(p, f"ar:{TRIALS}|seed:{BOOTSTRAP_SEED}|{of_the_score(signature)}")


def of_the_score(signature: str) -> str:
    """How a score was computed: its signature without what only its confidence interval depends on."""
    return "|".join(part for part in signature.split("|") if not part.startswith(INTERVAL_PARTS))


def bootstrap_scores(counts: Sequence[Counts], samples: int = BOOTSTRAP_SAMPLES, score: Score = bleu) -> Scores:
    """The score of each run on each resample of the test set, (runs, samples); the resamples are the same for all runs.

    Args:
        counts: Of each run, (sentences, columns), of the same sentences.
        samples: How often to draw as many sentences as there are, with replacement.
        score: Of summed counts.
    """
    sentences = len(counts[0])
    drawn = np.random.default_rng(int(BOOTSTRAP_SEED)).choice(sentences, size=(samples, sentences), replace=True)
    times = np.array([np.bincount(row, minlength=sentences) for row in drawn], dtype=np.float32)
    stacked, columns = _stacked(counts), counts[0].shape[1]
    sums = [_sums(stacked, times[start : start + BLOCK], columns) for start in range(0, samples, BLOCK)]
    return score(np.concatenate(sums, axis=2).swapaxes(0, 1))


def intervals(scores: Scores) -> list[Interval]:
    """Of each run, from its resampled scores (runs, samples)."""
    found = []
    for row in np.sort(scores, axis=1):
        cut = len(row) // 40
        margin = (row[-cut - 1] - row[cut]) / 2
        found.append(Interval(max(row.mean() - margin, 0.0), min(row.mean() + margin, 100.0), float(row.std(ddof=1))))
    return found


def bootstrap_p(counts: Sequence[Counts], scores: Scores, pairs: Sequence[Pair], score: Score = bleu) -> list[float]:
    """p of each pair of runs by paired bootstrap resampling; `scores` are those of `bootstrap_scores`."""
    real = _real_scores(counts, score)
    found = []
    for first, second in pairs:
        differences = np.abs(scores[second] - scores[first])
        as_large = differences - differences.mean() >= abs(real[first] - real[second]) - ROUNDING
        found.append(_p(int(as_large.sum()), len(differences)))
    return found


def range_p(counts: Sequence[Counts], scores: Scores, score: Score = bleu) -> list[float]:
    """p of each run's distance from the first, the best of all: how often chance alone puts any two so far apart.

    Tukey's (1953) range, of the resampled scores about their means. The best was chosen by the very scores that are
    compared, which no correction for the comparisons with it takes into account. `scores`: as of `bootstrap_scores`.
    """
    best, *others = _real_scores(counts, score)
    noise = scores - scores.mean(axis=1, keepdims=True)
    ranges = noise.max(axis=0) - noise.min(axis=0)
    return [_p(int(np.sum(ranges >= best - other - ROUNDING)), len(ranges)) for other in others]


def randomization_p(
    counts: Sequence[Counts], pairs: Sequence[Pair], trials: int = TRIALS, score: Score = bleu
) -> list[float]:
    """p of each pair of runs by paired approximate randomization: swap the two translations of random sentences.

    Args:
        counts: Of each run, (sentences, columns), of the same sentences.
        pairs: Which runs to compare.
        trials: How often to toss a coin for each sentence; the coins are the same for all pairs.
        score: Of summed counts.
    """
    sentences = len(counts[0])
    coins = np.random.default_rng(int(BOOTSTRAP_SEED)).integers(2, size=(trials, sentences), dtype=bool)
    totals = np.array([each.sum(axis=0) for each in counts], dtype=np.float64)[:, :, None]
    real = _real_scores(counts, score)
    as_large = np.zeros(len(pairs), dtype=np.int64)
    stacked = _stacked(counts)
    for start in range(0, trials, BLOCK):
        kept = _sums(stacked, coins[start : start + BLOCK].astype(np.float32), len(totals[0])).astype(np.float64)
        swapped = totals - kept
        for place, (first, second) in enumerate(pairs):
            shuffled = score(kept[first] + swapped[second]) - score(kept[second] + swapped[first])
            as_large[place] += np.sum(np.abs(shuffled) >= abs(real[first] - real[second]) - ROUNDING)
    return [_p(int(number), trials) for number in as_large]


def trials_for(comparisons: int) -> int:
    """Trials that leave a clear difference below `LEVEL` after correction for so many comparisons."""
    return max(TRIALS, TRIALS_PER_COMPARISON * comparisons)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) correction for many comparisons: the chance of even one false alarm stays below the level."""
    count = len(p_values)
    order = np.argsort(p_values, kind="stable")
    raised = np.array(p_values, dtype=np.float64)[order] * (count - np.arange(count))
    corrected = np.empty(count)
    corrected[order] = np.minimum(np.maximum.accumulate(raised), 1.0)
    return [float(value) for value in corrected]


def _stacked(counts: Sequence[Counts]) -> npt.NDArray[np.float32]:
    """All runs' counts as one matrix (runs × columns, sentences); float32 is exact for whole numbers below 2²⁴."""
    return np.concatenate([each.T for each in counts]).astype(np.float32)


def _sums(stacked: npt.NDArray[np.float32], weights: npt.NDArray[np.float32], columns: int) -> npt.NDArray[np.float32]:
    """Weighted sums of counts, (runs, columns, resamples); `weights` is (resamples, sentences)."""
    return (stacked @ weights.T).reshape(-1, columns, len(weights))


def _real_scores(counts: Sequence[Counts], score: Score) -> Scores:
    return score(np.array([each.sum(axis=0) for each in counts]).T)


def _p(as_large: int, resamples: int) -> float:
    """Never 0: the observed difference is itself one of those that chance may give."""
    return (as_large + 1) / (resamples + 1)
