"""Exact match: how many translations are one of their references, letter for letter."""

from collections.abc import Sequence

from seqlab.scoring.bleu import check_scorable


def matches(translations: Sequence[str], references: Sequence[tuple[str, ...]]) -> list[bool]:
    """Whether each translation is equal to one of its references.

    Raises:
        ValueError: as `check_scorable`.
    """
    check_scorable(translations, references)
    return [translation in texts for translation, texts in zip(translations, references, strict=True)]


def exact_match(translations: Sequence[str], references: Sequence[tuple[str, ...]]) -> float:
    """Percentage of translations equal to one of their references, 0–100.

    Raises:
        ValueError: as `check_scorable`.
    """
    found = matches(translations, references)
    return 100.0 * found.count(True) / len(found)
