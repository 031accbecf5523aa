"""What the earlier stages wrote, read and checked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from seqlab.core.errors import SeqlabError
from seqlab.results.parsing import DamagedError, parse_json, parse_lines, parse_table
from seqlab.results.paths import (
    ATTENTION,
    BLEU_BY_LENGTH,
    CURVES,
    EXPOSURE,
    MANIFEST,
    SCORES,
    STATISTICS,
    STEPS,
    TRAINING,
    TRANSLATIONS,
)
from seqlab.results.records import AttentionMap, Epoch, Exposure, LengthBucket, Manifest, Step, Training, Translation
from seqlab.results.scores import Scores

T = TypeVar("T")


@dataclass(frozen=True)
class Results:
    """Everything that a report shows but parameters and translations, which are streamed."""

    manifest: Manifest
    statistics: dict[str, Any]
    epochs: list[Epoch]
    steps: list[Step]
    training: Training
    scores: Scores
    buckets: list[LengthBucket]
    exposure: list[Exposure]
    attention: list[AttentionMap]


def read_results(root: Path) -> Results:
    """Read the results below `root`.

    Raises:
        SeqlabError: a file is missing or damaged; the message names it.
    """
    return Results(
        manifest=read_manifest(root),
        statistics=_read(root, STATISTICS, lambda content: parse_json(content, dict[str, Any])),
        epochs=_read(root, CURVES, lambda content: parse_table(content, Epoch)),
        steps=_read(root, STEPS, lambda content: parse_table(content, Step)),
        training=_read(root, TRAINING, lambda content: parse_json(content, Training)),
        scores=read_scores(root),
        buckets=_read(root, BLEU_BY_LENGTH, lambda content: parse_table(content, LengthBucket)),
        exposure=_read(root, EXPOSURE, lambda content: parse_table(content, Exposure)),
        attention=_read(root, ATTENTION, _maps),
    )


def read_manifest(root: Path) -> Manifest:
    """Read data/raw/manifest.json below `root`.

    Raises:
        SeqlabError: it is missing or damaged.
    """
    return _read(root, MANIFEST, lambda content: parse_json(content, Manifest))


def read_scores(root: Path) -> Scores:
    """Read reports/scores.json below `root`.

    Raises:
        SeqlabError: it is missing or damaged.
    """
    return _read(root, SCORES, lambda content: parse_json(content, Scores))


def read_translations(root: Path) -> Iterator[Translation]:
    """Stream the translations of the test set, in its order.

    Raises:
        SeqlabError: the file is missing or damaged.
    """
    with _open(root, TRANSLATIONS) as file:
        try:
            yield from parse_lines(file, Translation)
        except DamagedError as error:
            raise _damaged(TRANSLATIONS, error) from None


def _maps(content: bytes) -> list[AttentionMap]:
    maps = parse_json(content, list[AttentionMap])
    for number, attention in enumerate(maps, start=1):
        widths = {len(row) for row in attention.weights}
        if len(attention.weights) != len(attention.translation_tokens) or widths - {len(attention.source_tokens)}:
            raise DamagedError(f"map {number}: the weights do not fit the tokens")
    return maps


def _read(root: Path, path: str, parse: Callable[[bytes], T]) -> T:
    with _open(root, path) as file:
        try:
            return parse(file.read())
        except DamagedError as error:
            raise _damaged(path, error) from None


def _open(root: Path, path: str) -> BinaryIO:
    try:
        return open(root / path, "rb")
    except FileNotFoundError:
        raise SeqlabError(f"{path} is missing; run `dvc repro` to make it") from None


def _damaged(path: str, problem: DamagedError) -> SeqlabError:
    return SeqlabError(f"{path} is damaged ({problem}); delete it and run `dvc repro`, which makes it again")
