"""BLEU, chrF and TER by sacreBLEU, each with its signature and a bootstrap confidence interval."""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from sacrebleu import CHRF, TER
from sacrebleu.metrics.base import Metric

from seqlab.scoring.bleu import BOOTSTRAP_SEED, check_scorable, reference_streams
from seqlab.scoring.tokenization import bleu_metric, uncut
from seqlab.text.spacing import is_unspaced


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


def bleu(
    translations: Sequence[str], references: Sequence[tuple[str, ...]], *, tokenize: str, bootstrap_samples: int
) -> Score:
    """BLEU (Papineni et al. 2002), 0–100: mixed case, exponential smoothing, words by sacreBLEU's tokenizer `tokenize`.

    Raises:
        ValueError: as `check_scorable`.
        SeqlabError: the tokenizer lacks something, as in `bleu_metric`.
    """
    return _score(bleu_metric(tokenize), translations, references, bootstrap_samples, highest=100)


def chrf(translations: Sequence[str], references: Sequence[tuple[str, ...]], *, bootstrap_samples: int) -> Score:
    """chrF2 (Popović 2015), 0–100: character n-grams up to 6, β = 2.

    Raises:
        ValueError: as `check_scorable`.
    """
    return _score(_CHRF(), translations, references, bootstrap_samples, highest=100)


def ter(translations: Sequence[str], references: Sequence[tuple[str, ...]], *, bootstrap_samples: int) -> Score:
    """TER (Snover et al. 2006), edits per 100 reference words: lower is better, and it can exceed 100.

    Where the references have no spaces between words, with sacreBLEU's Asian support: a Chinese character is a word.

    Raises:
        ValueError: as `check_scorable`.
    """
    return _score(_ter(references), translations, references, bootstrap_samples, highest=math.inf)


def ter_note(references: Sequence[tuple[str, ...]]) -> str | None:
    """What to say where TER takes a sentence for a word or two: its Asian support knows Chinese and Japanese alone."""
    if not uncut(_ter(references).tokenizer, references):
        return None
    return "TER takes a sentence of this script, which has no spaces, for a word or two: chrF says more"


def _ter(references: Sequence[tuple[str, ...]]) -> TER:
    asian = is_unspaced(text for texts in references for text in texts)
    # sacreBLEU's Asian support is a part of its normalisation.
    return _TER(normalized=asian, asian_support=asian)


class _OfOneType(Metric):
    """A metric of sacreBLEU whose scores are all of one type.

    chrF and TER give NumPy's float32, but a plain number to a resample in which nothing matches or no reference has a
    word, and cannot average the two.
    """

    def _compute_score_from_stats(self, statistics: Any) -> Any:
        result = super()._compute_score_from_stats(statistics)  # type: ignore[safe-super]
        if isinstance(statistics, np.ndarray):  # of a resample
            result.score = np.float32(result.score)
        return result


class _CHRF(_OfOneType, CHRF):
    """chrF so."""


class _TER(_OfOneType, TER):
    """TER so."""


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
