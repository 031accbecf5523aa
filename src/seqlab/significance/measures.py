"""What a corpus is measured by: what the measure counts in translations, and its score of summed counts."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from seqlab.results.metrics import BLEU, EXACT_MATCH, Metric
from seqlab.significance.bleu_counts import BleuCounter, Counts
from seqlab.significance.bleu_scores import Scores, bleu
from seqlab.significance.exact_counts import ExactMatchCounter, exact_match

# The scores, 0–100, of summed counts (columns, …).
Score = Callable[[npt.NDArray[np.generic]], Scores]
SCORES: dict[Metric, Score] = {BLEU: bleu, EXACT_MATCH: exact_match}


class Counter(Protocol):
    """Counts for one test set."""

    def count(self, translations: Sequence[str]) -> Counts:
        """What the measure counts in each translation, (sentences, columns).

        Raises:
            ValueError: another number of translations than of sentences.
        """


def counter(measure: Metric, signature: str, references: Sequence[Sequence[str]]) -> Counter:
    """The counter of a measure against each sentence's references.

    Raises:
        SeqlabError: the signature is of a BLEU that is not computed here.
    """
    return ExactMatchCounter(references) if measure is EXACT_MATCH else BleuCounter(signature, references)
