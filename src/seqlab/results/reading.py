"""What the earlier stages wrote, read and checked."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from pydantic import TypeAdapter, ValidationError

from seqlab.core.errors import SeqlabError
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
        statistics=_read_json(root, STATISTICS, TypeAdapter(dict[str, Any])),
        epochs=_read_csv(root, CURVES, TypeAdapter(Epoch)),
        steps=_read_csv(root, STEPS, TypeAdapter(Step)),
        training=_read_json(root, TRAINING, TypeAdapter(Training)),
        scores=read_scores(root),
        buckets=_read_csv(root, BLEU_BY_LENGTH, TypeAdapter(LengthBucket)),
        exposure=_read_csv(root, EXPOSURE, TypeAdapter(Exposure)),
        attention=_checked(_read_json(root, ATTENTION, TypeAdapter(list[AttentionMap]))),
    )


def read_manifest(root: Path) -> Manifest:
    """Read data/raw/manifest.json below `root`.

    Raises:
        SeqlabError: it is missing or damaged.
    """
    return _read_json(root, MANIFEST, TypeAdapter(Manifest))


def read_scores(root: Path) -> Scores:
    """Read reports/scores.json below `root`.

    Raises:
        SeqlabError: it is missing or damaged.
    """
    return _read_json(root, SCORES, TypeAdapter(Scores))


def read_translations(root: Path) -> Iterator[Translation]:
    """Stream the translations of the test set, in its order.

    Raises:
        SeqlabError: the file is missing or damaged.
    """
    adapter = TypeAdapter(Translation)
    with _open(root, TRANSLATIONS) as file:
        for number, line in enumerate(file, start=1):
            yield _validated(TRANSLATIONS, adapter.validate_json, line, f"line {number}")


def rows(text: str) -> list[dict[str, str]]:
    """The rows of a table that a stage wrote, by the names of its columns.

    Raises:
        csv.Error: it is no such table.
    """
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def _checked(maps: list[AttentionMap]) -> list[AttentionMap]:
    for number, attention in enumerate(maps, start=1):
        widths = {len(row) for row in attention.weights}
        if len(attention.weights) != len(attention.translation_tokens) or widths - {len(attention.source_tokens)}:
            raise _damaged(ATTENTION, f"map {number}: the weights do not fit the tokens")
    return maps


def _read_json(root: Path, path: str, adapter: TypeAdapter[T]) -> T:
    with _open(root, path) as file:
        return _validated(path, adapter.validate_json, file.read(), "")


def _read_csv(root: Path, path: str, adapter: TypeAdapter[T]) -> list[T]:
    with _open(root, path) as file:
        try:
            found = rows(file.read().decode("utf-8"))
        except (csv.Error, UnicodeDecodeError) as error:
            raise _damaged(path, str(error)) from None
    return [_validated(path, adapter.validate_python, row, f"row {number}") for number, row in enumerate(found, 1)]


def _open(root: Path, path: str) -> BinaryIO:
    try:
        return open(root / path, "rb")
    except FileNotFoundError:
        raise SeqlabError(f"{path} is missing; run `dvc repro` to make it") from None


def _validated(path: str, validate: Callable[[Any], T], content: Any, place: str) -> T:
    try:
        return validate(content)
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in details["loc"])
        problem = f"{details['msg'][0].lower()}{details['msg'][1:]}"
        raise _damaged(path, ": ".join(part for part in (place, name, problem) if part)) from None


def _damaged(path: str, problem: str) -> SeqlabError:
    return SeqlabError(f"{path} is damaged ({problem}); delete it and run `dvc repro`, which makes it again")
