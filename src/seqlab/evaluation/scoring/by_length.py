"""Scores by source length: what a fixed-size context vector does to long sentences."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from seqlab.evaluation.scoring.metrics import Score, bleu
from seqlab.scoring.exact_match import exact_match
from seqlab.text.spacing import is_unspaced

WORDS, CHARACTERS = "words", "characters"


@dataclass(frozen=True, slots=True)
class LengthBucket:
    """The sentences whose source has from `low` to `high` of `unit`; no upper bound if `high` is None.

    `bleu`, and the percentage of exact matches, are None where there are no sentences.
    """

    unit: str
    low: int
    high: int | None
    examples: int
    bleu: Score | None
    exact_match: float | None

    @property
    def name(self) -> str:
        """Such as `6–10`, or `41+` for the last."""
        if self.high is None:
            return f"{self.low}+"
        return f"{self.low}–{self.high}" if self.low < self.high else str(self.low)


def bleu_by_length(
    sources: Sequence[str],
    translations: Sequence[str],
    references: Sequence[tuple[str, ...]],
    *,
    bounds: Sequence[int],
    tokenize: str,
    bootstrap_samples: int,
) -> list[LengthBucket]:
    """BLEU and exact match of the sentences in each bucket, shortest first; every sentence is in exactly one bucket.

    Length is counted in whitespace-separated words; where the sources have no spaces between words, in characters
    other than spaces.

    Args:
        sources: Source texts.
        translations: Their translations.
        references: Their references.
        bounds: The buckets' upper bounds, rising, each part of its bucket; a last bucket holds what is longer.
        tokenize: sacreBLEU's tokenizer.
        bootstrap_samples: Resamples for each bucket's confidence interval.

    Raises:
        ValueError: sources, translations and references differ in number, or a sentence has no reference.
    """
    unit = CHARACTERS if is_unspaced(sources) else WORDS
    pairs: list[list[tuple[str, tuple[str, ...]]]] = [[] for _ in range(len(bounds) + 1)]
    for source, translation, texts in zip(sources, translations, references, strict=True):
        pairs[bisect_left(bounds, _length(source, unit))].append((translation, texts))
    lows = [0, *(bound + 1 for bound in bounds)]
    return [
        _bucket(unit, low, high, members, tokenize, bootstrap_samples)
        for low, high, members in zip(lows, [*bounds, None], pairs, strict=True)
    ]


def _length(text: str, unit: str) -> int:
    words = text.split()
    return len(words) if unit == WORDS else sum(map(len, words))


def _bucket(
    unit: str,
    low: int,
    high: int | None,
    pairs: Sequence[tuple[str, tuple[str, ...]]],
    tokenize: str,
    bootstrap_samples: int,
) -> LengthBucket:
    if not pairs:
        return LengthBucket(unit, low, high, 0, None, None)
    translations, references = zip(*pairs, strict=True)
    score = bleu(translations, references, tokenize=tokenize, bootstrap_samples=bootstrap_samples)
    return LengthBucket(unit, low, high, len(pairs), score, exact_match(translations, references))
