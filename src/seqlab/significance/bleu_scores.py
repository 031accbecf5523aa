"""BLEU of many resamples at once, from their summed counts."""

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]


def bleu(counts: npt.NDArray[np.generic]) -> Scores:
    """BLEU, 0–100, of summed counts (COLUMNS, …): unlike sacreBLEU's own function, of all of them at once.

    Exponential smoothing: the first order without a match counts as half a match, the next as a quarter, and so on. As
    there, the score is 0 without any match, and where no sentence is long enough for an order.
    """
    length, reference_length = counts[0].astype(np.float64), counts[1].astype(np.float64)
    matches, totals = counts[2:6].astype(np.float64), counts[6:10].astype(np.float64)
    missing = matches == 0
    defined = (totals[3] > 0) & ~missing.all(axis=0)
    if missing.any():
        matches = np.where(missing, 0.5 ** np.cumsum(missing, axis=0), matches)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.sqrt(np.sqrt(np.prod(matches / totals, axis=0)))
        brevity = np.exp(np.minimum(0.0, 1 - reference_length / length))
        return np.where(defined, 100 * brevity * precision, 0.0)
