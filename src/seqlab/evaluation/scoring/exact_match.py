"""Exact match of the test set, with its interval."""

from collections.abc import Sequence

import numpy as np

from seqlab.evaluation.scoring.metrics import Score
from seqlab.evaluation.scoring.sentence_mean import resampled, sentence_mean
from seqlab.scoring.exact_match import matches


def exact_match_score(
    translations: Sequence[str], references: Sequence[tuple[str, ...]], *, bootstrap_samples: int
) -> Score:
    """Percentage of translations equal to one of their references, letter for letter, 0–100.

    On SCAN (Lake and Baroni 2018) it is the accuracy of whole sequences.

    Raises:
        ValueError: as `check_scorable`.
    """
    found = matches(translations, references)
    signature = f"{resampled(references, 'any', bootstrap_samples)}|case:mixed"
    return sentence_mean(100.0 * np.array(found, dtype=np.float64), signature, bootstrap_samples)
