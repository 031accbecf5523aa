"""What the charts draw: each run's curves, as the run wrote them."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from seqlab.commands.compare.reading import LARGEST_FIGURE, read_table
from seqlab.commands.compare.run_files import Files
from seqlab.core.errors import SeqlabError
from seqlab.results import records
from seqlab.results.exposure import common_positions, mean_losses
from seqlab.results.paths import BLEU_BY_LENGTH, CURVES, EXPOSURE
from seqlab.results.records import Epoch, LengthBucket

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
        Curve(run, thinned(_finite([row.step, getattr(row, column)] for row in read_table(found[CURVES], Epoch))))
        for run, found in enumerate(files)
        if CURVES in found
    ]
    return [curve for curve in curves if curve.points]


def length_curves(files: Sequence[Files]) -> tuple[list[str], list[Curve]]:
    """Names of the source-length buckets, and each run's BLEU by bucket (its place, BLEU); others' buckets left out.

    Raises:
        SeqlabError: a file is damaged.
    """
    tables = {
        run: read_table(found[BLEU_BY_LENGTH], LengthBucket)
        for run, found in enumerate(files)
        if BLEU_BY_LENGTH in found
    }
    named = {run: tuple(bucket.bucket for bucket in buckets) for run, buckets in tables.items()}
    # Those of most runs, so that none chooses for the others.
    names = max(Counter(named.values()).items(), key=itemgetter(1), default=((), 0))[0]
    if len(names) > MAX_POINTS:
        raise SeqlabError(f"{len(names)} source-length buckets, at most {MAX_POINTS} are drawn")
    curves = [
        Curve(run, _finite([place, bucket.bleu] for place, bucket in enumerate(tables[run])))
        for run, own in named.items()
        if own == names
    ]
    return list(names), curves


def length_unit(files: Sequence[Files]) -> str:
    """What the runs' source lengths are counted in: words, or characters.

    Raises:
        SeqlabError: a file is damaged.
    """
    tables = [found[BLEU_BY_LENGTH] for found in files if BLEU_BY_LENGTH in found]
    return next((bucket.unit for place in tables for bucket in read_table(place, LengthBucket)), "words")


def exposures(files: Sequence[Files]) -> list[Exposure]:
    """Of the runs that measured it.

    Raises:
        SeqlabError: a file is damaged.
    """
    found = []
    for run, places in enumerate(files):
        rows = (
            [row for row in read_table(places[EXPOSURE], records.Exposure) if _known(row)] if EXPOSURE in places else []
        )
        means = mean_losses(rows)
        if means is None:
            continue
        common = common_positions(rows)
        gold, own = (
            thinned(_finite([row.position, getattr(row, side)] for row in common)) for side in ("gold_nll", "own_nll")
        )
        found.append(Exposure(run, gold, own, means[1] - means[0]))
    return found


def without_damaged(files: Files) -> tuple[Files, list[str]]:
    """The files of a run but for those that nothing can be drawn of, and why not of each."""
    readers: dict[str, Callable[[], object]] = {
        CURVES: lambda: learning_curves([files], "valid_loss"),
        BLEU_BY_LENGTH: lambda: length_curves([files]),
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


def _finite(points: Iterable[Sequence[float | None]]) -> list[list[float]]:
    """The points of which each part is a number below `LARGEST_FIGURE`: a training that diverged has others."""
    known = ([part for part in point if part is not None and abs(part) < LARGEST_FIGURE] for point in points)
    return [point for point in known if len(point) == 2]


def _known(row: records.Exposure) -> bool:
    return row.tokens > 0 and len(_finite([[row.gold_nll, row.own_nll], [row.position, row.tokens]])) == 2
