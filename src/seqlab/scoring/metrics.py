"""BLEU, chrF and TER by sacreBLEU, each with its signature and a bootstrap confidence interval."""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from sacrebleu import BLEU, CHRF, TER
from sacrebleu.metrics.base import Metric

from seqlab.scoring.bleu import check_scorable, reference_streams

# sacreBLEU's own default: our figures are those of `sacrebleu --confidence`.
BOOTSTRAP_SEED = "12345"


@dataclass(frozen=True, slots=True)
class Score:
    """A score that says how it was made.

    `low` and `high` bound the 95 % confidence interval as sacreBLEU prints it (μ ± half the width between the 2.5th
    and 97.5th percentile of the resamples, Koehn 2004), cut where no score can lie: below 0, and above 100 but for TER.
    """

    score: float
    signature: str
    low: float
    high: float


def bleu(translations: Sequence[str], references: Sequence[tuple[str, ...]], *, bootstrap_samples: int) -> Score:
    """BLEU (Papineni et al. 2002), 0–100: 13a tokenization, mixed case, exponential smoothing.

    Raises:
        ValueError: as `check_scorable`.
    """
    metric = BLEU(tokenize="13a", smooth_method="exp", force=True)
    return _score(metric, translations, references, bootstrap_samples, highest=100)


def chrf(translations: Sequence[str], references: Sequence[tuple[str, ...]], *, bootstrap_samples: int) -> Score:
    """chrF2 (Popović 2015), 0–100: character n-grams up to 6, β = 2.

    Raises:
        ValueError: as `check_scorable`.
    """
    return _score(_CHRF(), translations, references, bootstrap_samples, highest=100)


def ter(translations: Sequence[str], references: Sequence[tuple[str, ...]], *, bootstrap_samples: int) -> Score:
    """TER (Snover et al. 2006), edits per 100 reference words: lower is better, and it can exceed 100.

    Raises:
        ValueError: as `check_scorable`.
    """
    return _score(TER(), translations, references, bootstrap_samples, highest=math.inf)


class _CHRF(CHRF):
    """sacreBLEU's chrF, whose scores are all of one type.

    It gives NumPy's float32, but a plain 0.0 to a resample without a match, and cannot average the two.
    """

    def _compute_score_from_stats(self, statistics: Any) -> Any:
        result = super()._compute_score_from_stats(statistics)
        if isinstance(statistics, np.ndarray):  # of a resample
            result.score = np.float32(result.score)  # type: ignore[assignment]
        return result


def _score(
    metric: Metric,
    translations: Sequence[str],
    references: Sequence[tuple[str, ...]],
    bootstrap_samples: int,
    *,
    highest: float,
) -> Score:
    check_scorable(translations, references)
    with _bootstrap_seed():
        result = metric.corpus_score(translations, reference_streams(references), n_bootstrap=bootstrap_samples)
    mean, margin = float(result._mean), float(result._ci)
    # A perfect BLEU is 100.00000000000004 there.
    score, low, high = (min(max(value, 0.0), highest) for value in (float(result.score), mean - margin, mean + margin))
    return Score(score, str(metric.get_signature()), low, high)


@contextmanager
def _bootstrap_seed() -> Iterator[None]:
    # The environment is the only way to seed sacreBLEU's bootstrap.
    before = os.environ.get("SACREBLEU_SEED")
    os.environ["SACREBLEU_SEED"] = BOOTSTRAP_SEED
    try:
        yield
    finally:
        if before is None:
            del os.environ["SACREBLEU_SEED"]
        else:
            os.environ["SACREBLEU_SEED"] = before
