"""What the charts draw: each run's curves, as the run wrote them."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from seqlab.commands.compare.reading import read_columns, read_texts
from seqlab.commands.compare.run_files import Files
from seqlab.core.errors import SeqlabError
from seqlab.results.exposure import REACHED
from seqlab.results.paths import BLEU_BY_LENGTH, CURVES, EXPOSURE

# Points of a curve; a screen has no room for more.
MAX_POINTS = 100
# Runs that stand out in colour, and side by side: more can't be told apart.
HIGHLIGHTED = 8


@dataclass(frozen=True)
class Curve:
    """Points (x, y) of a run, which is `run` of all, best first."""

    run: int
    points: list[list[float]]


@dataclass(frozen=True)
class Exposure:
    """Loss by target position, where enough sentences reach it, after the gold prefix and after the run's own.

    `gap` is how much larger the second is, a mean over all tokens.
    """

    run: int
    gold: list[list[float]]
    own: list[list[float]]
    gap: float


def highlighted(number: int) -> list[int]:
    """Which of so many runs, best first, stand out: evenly spaced, the best and the worst among them."""
    if number <= HIGHLIGHTED:
        return list(range(number))
    return [round(place * (number - 1) / (HIGHLIGHTED - 1)) for place in range(HIGHLIGHTED)]


def learning_curves(files: Sequence[Files], column: str) -> list[Curve]:
    """A column of each run's curves.csv by optimizer step; runs without one are left out.

    Raises:
        SeqlabError: a file is damaged.
    """
    curves = [
        Curve(run, thinned(read_columns(found[CURVES], ["step", column])))
        for run, found in enumerate(files)
        if CURVES in found
    ]
    return [curve for curve in curves if curve.points]


def length_curves(files: Sequence[Files]) -> tuple[list[str], list[Curve]]:
    """Names of the source-length buckets, and each run's BLEU by bucket (its place, BLEU); others' buckets left out.

    Raises:
        SeqlabError: a file is damaged.
    """
    curves = []
    having = [run for run, found in enumerate(files) if BLEU_BY_LENGTH in found]
    tables = {run: read_texts(files[run][BLEU_BY_LENGTH], "bucket") for run in having}
    # Those of most runs, so that none chooses for the others.
    names = list(max(Counter(map(tuple, tables.values())).items(), key=itemgetter(1), default=((), 0))[0])
    if len(names) > MAX_POINTS:
        raise SeqlabError(f"{len(names)} source-length buckets, at most {MAX_POINTS} are drawn")
    for run, buckets in tables.items():
        found = files[run]
        if buckets == names:
            lows = {row[0]: row[1] for row in read_columns(found[BLEU_BY_LENGTH], ["low", "bleu"])}
            starts = [row[0] for row in read_columns(found[BLEU_BY_LENGTH], ["low"])]
            curves.append(Curve(run, [[place, lows[low]] for place, low in enumerate(starts) if low in lows]))
    return names, curves


def exposures(files: Sequence[Files]) -> list[Exposure]:
    """Of the runs that measured it.

    Raises:
        SeqlabError: a file is damaged.
    """
    found = []
    for run, places in enumerate(files):
        rows = (
            read_columns(places[EXPOSURE], ["position", "tokens", "gold_nll", "own_nll"]) if EXPOSURE in places else []
        )
        tokens = math.fsum(row[1] for row in rows)
        if min((row[1] for row in rows), default=0) <= 0:
            continue
        gap = math.fsum(row[1] * (row[3] - row[2]) for row in rows) / tokens
        common = [row for row in rows if row[1] >= REACHED * rows[0][1]]
        gold, own = ([[row[0], row[column]] for row in common] for column in (2, 3))
        found.append(Exposure(run, thinned(gold), thinned(own), gap))
    return found


def without_damaged(files: Files, measure: str) -> tuple[Files, list[str]]:
    """The files of a run but for those that nothing can be drawn of, and why not of each; `measure`: its key."""
    readers: dict[str, Callable[[], object]] = {
        CURVES: lambda: [learning_curves([files], column) for column in (f"valid_{measure}", "valid_loss")],
        BLEU_BY_LENGTH: lambda: (length_curves([files]), length_unit([files])),
        EXPOSURE: lambda: exposures([files]),
    }
    kept, reasons = dict(files), []
    for path, read in readers.items():
        try:
            read()
        except SeqlabError as error:
            del kept[path]
            reasons.append(f"its {path} is not drawn: {error}")
    return kept, reasons


def thinned(points: list[list[float]]) -> list[list[float]]:
    """At most `MAX_POINTS` points, evenly spaced, first and last among them."""
    if len(points) <= MAX_POINTS:
        return points
    return [points[round(place * (len(points) - 1) / (MAX_POINTS - 1))] for place in range(MAX_POINTS)]


def length_unit(files: Sequence[Files]) -> str:
    """What the runs' source lengths are counted in: words, or characters."""
    tables = [found[BLEU_BY_LENGTH] for found in files if BLEU_BY_LENGTH in found]
    units = (unit for place in tables for unit in read_texts(place, "unit") if unit)
    # Runs of earlier versions count words, without a word about it.
    return next(units, "words")
