"""Which translations a report shows: a plain sample, the best and the worst."""

from collections.abc import Iterable
from dataclasses import dataclass

from seqlab.results.records import Translation


@dataclass(frozen=True, slots=True)
class Sample:
    """A translation and its place in the test set, counted from 1."""

    number: int
    translation: Translation


@dataclass(frozen=True)
class Samples:
    """The translations that a report shows; a sentence may be in the plain sample and among the best or worst."""

    plain: list[Sample]
    best: list[Sample]
    worst: list[Sample]


def ranking(translations: Iterable[Translation]) -> list[tuple[float, int]]:
    """Sort key of each translation, in test-set order: sentence BLEU, then words of the source.

    Many translations tie at 0 and at 100; of these the longest sources say most.
    """
    return [(translation.bleu, len(translation.source.split())) for translation in translations]


def choose(keys: list[tuple[float, int]], count: int) -> tuple[list[int], list[int], list[int]]:
    """Return the rows of `count` evenly spaced translations, of as many of the best, and of the worst, worst first.

    Where there are fewer than twice `count` translations, none is both among the best and among the worst.
    """
    total = len(keys)
    rows = range(total)
    spaced = [index * total // min(count, total) for index in range(min(count, total))]
    best = sorted(rows, key=lambda row: (-keys[row][0], -keys[row][1], row))[: min(count, (total + 1) // 2)]
    taken = set(best)
    worst = sorted((row for row in rows if row not in taken), key=lambda row: (keys[row][0], -keys[row][1], row))
    return spaced, best, worst[:count]


def pick(translations: Iterable[Translation], chosen: tuple[list[int], list[int], list[int]]) -> Samples:
    """Collect the chosen rows in one pass over the translations."""
    wanted = set().union(*chosen)
    found = {row: Sample(row + 1, item) for row, item in enumerate(translations) if row in wanted}
    plain, best, worst = ([found[row] for row in rows] for rows in chosen)
    return Samples(plain, best, worst)
