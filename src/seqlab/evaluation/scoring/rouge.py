"""ROUGE (Lin 2004, https://aclanthology.org/W04-1013) by Google's rouge-score, which follows ROUGE-1.5.5.

The library lowers case, splits at everything but a–z and 0–9, and Porter-stems words of more than three letters. It was
made for English: of `près` it reads `pr` and `s`, of `猫` nothing.

Of several references the best counts, sentence by sentence and metric by metric, as Lin has it in section 2.1 and
rouge-score in `score_multi`; Lin's jackknifing over references is not done. There is no ROUGE-Lsum: translations are
one line, and of one line it is ROUGE-L.
"""

from collections.abc import Iterator, Sequence
from importlib.metadata import version

import numpy as np
import numpy.typing as npt

from seqlab.evaluation.scoring.metrics import Score
from seqlab.evaluation.scoring.sentence_mean import resampled, sentence_mean
from seqlab.scoring.bleu import check_scorable

TYPES = ("rouge1", "rouge2", "rougeL")


def rouge(
    translations: Sequence[str], references: Sequence[tuple[str, ...]], *, bootstrap_samples: int
) -> dict[str, Score]:
    """F1 of ROUGE-1, ROUGE-2 and ROUGE-L, 0–100, by the library's names; means over sentences.

    The intervals are made as those of `metrics`, from the same resamples of the test set.

    Raises:
        ValueError: as `check_scorable`.
    """
    check_scorable(translations, references)
    signature = (
        f"{resampled(references, 'max', bootstrap_samples)}|measure:f1|case:lc|tok:a-z0-9|"
        f"stem:porter|nltk:{version('nltk')}|version:{version('rouge-score')}"
    )
    sentences = 100.0 * _f1(translations, references)
    return {
        name: sentence_mean(sentences[:, column], signature, bootstrap_samples) for column, name in enumerate(TYPES)
    }


def unread_letters(references: Sequence[tuple[str, ...]]) -> float:
    """Percentage of the references' letters that ROUGE takes for blanks, as it knows a–z alone; 0 without letters."""
    letters = [letter for texts in references for text in texts for letter in text.lower() if letter.isalpha()]
    return 100.0 * sum(not letter.isascii() for letter in letters) / max(1, len(letters))


def _f1(translations: Sequence[str], references: Sequence[tuple[str, ...]]) -> npt.NDArray[np.float64]:
    """F1 of each sentence against its best reference, 0–1, (sentences, TYPES)."""
    # It imports nltk, which takes a second or two.
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(TYPES, use_stemmer=True)

    def rows() -> Iterator[list[float]]:
        for translation, texts in zip(translations, references, strict=True):
            best = scorer.score_multi(texts, translation)
            yield [best[name].fmeasure for name in TYPES]

    return np.array(list(rows()), dtype=np.float64)
