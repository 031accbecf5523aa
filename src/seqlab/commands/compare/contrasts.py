"""Translations of several runs side by side, where they differ most."""

from collections.abc import Sequence
from dataclasses import dataclass

from seqlab.results.records import Translation

SENTENCES = 20


@dataclass(frozen=True)
class Contrast:
    """A sentence of the test set, counted from 1, and each run's translation of it with its sentence BLEU."""

    number: int
    source: str
    references: list[str]
    translations: list[tuple[str, float]]
    spread: float


def contrasts(runs: Sequence[Sequence[Translation]], count: int = SENTENCES) -> list[Contrast]:
    """The sentences whose sentence BLEU differs most between the runs, most first; of ties, the longest sources.

    Args:
        runs: Each run's sentences of the same test set.
        count: How many to show at most; sentences that all runs translate equally well are never shown.
    """
    found = []
    for number, versions in enumerate(zip(*runs, strict=True), start=1):
        scores = [version.bleu for version in versions]
        spread = max(scores) - min(scores)
        if spread > 0:
            translations = [(version.translation, version.bleu) for version in versions]
            found.append(Contrast(number, versions[0].source, versions[0].references, translations, spread))
    found.sort(key=lambda each: (-each.spread, -len(each.source.split()), each.number))
    return found[:count]
