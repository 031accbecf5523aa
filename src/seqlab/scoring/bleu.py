"""BLEU by sacreBLEU: mixed case, exponential smoothing."""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Any

from sacrebleu.metrics import bleu as sacrebleu_bleu

from seqlab.scoring.tokenization import bleu_metric

# Of resamples of the test set. sacreBLEU's own default: our intervals are those of `sacrebleu --confidence`.
BOOTSTRAP_SEED = "12345"

# BLEU's mean of logarithms is by the built-in sum, which adds floats with compensation from Python 3.12 on and without
# before: the last digit of a score would depend on the Python. fsum gives the exact sum, rounded once, on each.
sacrebleu_bleu.sum = math.fsum  # type: ignore[attr-defined]


def reference_streams(references: Sequence[tuple[str, ...]]) -> list[tuple[Any, ...]]:
    """Turn the references of each sentence into sacreBLEU's streams: stream i holds each sentence's i-th reference.

    Where a sentence has fewer references than others, its place holds None, which sacreBLEU leaves out (an empty string
    would count as a reference), although its type hints know only strings.
    """
    return list(zip_longest(*references))


def check_scorable(translations: Sequence[str], references: Sequence[tuple[str, ...]]) -> None:
    """Refuse what no metric is defined for.

    Raises:
        ValueError: no sentences, another number of translations than of reference sets, or a sentence without one.
    """
    if len(translations) != len(references):
        raise ValueError(f"{len(translations)} translations for {len(references)} sets of references")
    if not translations:
        raise ValueError("no translations to score")
    if not all(references):
        raise ValueError(f"sentence {[bool(texts) for texts in references].index(False) + 1} has no reference")


def corpus_bleu(translations: Sequence[str], references: Sequence[tuple[str, ...]], *, tokenize: str) -> float:
    """BLEU (Papineni et al. 2002) of a corpus, 0–100; the number of references may vary from sentence to sentence.

    Raises:
        ValueError: as `check_scorable`.
        SeqlabError: the tokenizer lacks something, as in `bleu_metric`.
    """
    check_scorable(translations, references)
    return _at_most_100(_metric(tokenize).corpus_score(translations, reference_streams(references)).score)


def sentence_bleu(translation: str, references: tuple[str, ...], *, tokenize: str) -> float:
    """BLEU of one sentence, 0–100, over the n-gram orders that it is long enough for (sacreBLEU's effective order).

    Raises:
        ValueError: there is no reference.
        SeqlabError: the tokenizer lacks something, as in `bleu_metric`.
    """
    check_scorable([translation], [references])
    return _at_most_100(_metric(tokenize, effective_order=True).sentence_score(translation, references).score)


# Loading MeCab's dictionary for each sentence would take minutes.
_metric = lru_cache(bleu_metric)


def _at_most_100(score: float) -> float:
    # A perfect score is 100.00000000000004 there.
    return min(float(score), 100.0)
