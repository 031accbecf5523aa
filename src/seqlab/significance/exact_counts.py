"""What exact match counts in each sentence, and the score of many resamples at once."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from seqlab.scoring.exact_match import matches
from seqlab.significance.bleu_counts import Counts
from seqlab.significance.bleu_scores import Scores


class ExactMatchCounter:
    """Counts for one test set: whether a translation matches one of its sentence's references, and the sentence."""

    def __init__(self, references: Sequence[Sequence[str]]) -> None:
        self._references = [tuple(texts) for texts in references]

    def count(self, translations: Sequence[str]) -> Counts:
        """Of each translation, (sentences, 2): 1 for a match, and 1.

        Raises:
            ValueError: another number of translations than of sentences.
        """
        found = np.array(matches(translations, self._references), dtype=np.int32)
        return np.stack([found, np.ones_like(found)], axis=1)


def exact_match(counts: npt.NDArray[np.generic]) -> Scores:
    """Exact match, 0–100, of summed counts (2, …)."""
    matching, sentences = counts.astype(np.float64)
    return np.asarray(100.0 * matching / sentences)
