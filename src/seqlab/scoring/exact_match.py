"""Exact match: how many translations are one of their references, letter for letter."""

from collections.abc import Sequence

from seqlab.scoring.bleu import check_scorable


def exact_match(translations: Sequence[str], references: Sequence[tuple[str, ...]]) -> float:
    """Percentage of translations equal to one of their references, 0–100.

    Raises:
        ValueError: as `check_scorable`.
    """
    check_scorable(translations, references)
    matches = sum(translation in texts for translation, texts in zip(translations, references, strict=True))
    return 100.0 * matches / len(translations)
