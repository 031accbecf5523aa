"""A score that is the mean of the sentences' own, with its interval."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sacrebleu.significance import estimate_ci

from seqlab.evaluation.scoring.metrics import Score
from seqlab.scoring.bleu import BOOTSTRAP_SEED


def sentence_mean(sentences: npt.NDArray[np.float64], signature: str, bootstrap_samples: int) -> Score:
    """The mean of the sentences' scores, 0–100, with an interval made as those of `metrics`: from the same resamples.

    Args:
        sentences: A score of each sentence, (sentences,).
        signature: How they were made.
        bootstrap_samples: Resamples of the test set.
    """
    count = len(sentences)
    # sacreBLEU's draws.
    drawn = np.random.default_rng(int(BOOTSTRAP_SEED)).choice(count, size=(bootstrap_samples, count), replace=True)
    mean, margin = estimate_ci(sentences[drawn].mean(axis=1))
    return Score(float(sentences.mean()), signature, max(float(mean - margin), 0.0), min(float(mean + margin), 100.0))


def resampled(references: Sequence[tuple[str, ...]], multi: str, bootstrap_samples: int) -> str:
    """How the signature of such a score begins: how many references, and how the interval was made.

    Args:
        references: Of each sentence.
        multi: Which of several counts: any that is matched, or the best (max).
        bootstrap_samples: Resamples of the test set.
    """
    numbers = {len(texts) for texts in references}
    nrefs = numbers.pop() if len(numbers) == 1 else "var"
    return f"nrefs:{nrefs}|multi:{multi}|bs:{bootstrap_samples}|seed:{BOOTSTRAP_SEED}"
