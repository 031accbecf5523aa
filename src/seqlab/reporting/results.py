"""What the earlier stages wrote, read and checked: the report's only input."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeVar

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from seqlab.errors import SeqlabError
from seqlab.reporting.record import Record
from seqlab.reporting.scores import Scores

T = TypeVar("T")

MANIFEST = Path("data/raw/manifest.json")
STATISTICS = Path("data/statistics.json")
CURVES = Path("reports/curves.csv")
STEPS = Path("reports/steps.csv")
TRAINING = Path("reports/training.json")
SCORES = Path("reports/scores.json")
TRANSLATIONS = Path("reports/translations.jsonl")
BLEU_BY_LENGTH = Path("reports/bleu_by_length.csv")
EXPOSURE = Path("reports/exposure.csv")
ATTENTION = Path("reports/attention.json")


def _empty_as_none(value: Any) -> Any:
    return None if value == "" else value


# An empty cell of a CSV file.
Number = Annotated[float | None, BeforeValidator(_empty_as_none)]
Bound = Annotated[int | None, BeforeValidator(_empty_as_none)]


class Origin(Record):
    """A file of the corpus as it was downloaded."""

    url: str
    sha256: str
    bytes: int


class SplitCounts(Record):
    """Size of a split, how many of its examples have a source text of train, and the sha256 of its file."""

    examples: int
    references: int
    sha256: str
    # Not of train, nor in the results of earlier versions.
    also_in_train: int | None = None


class Manifest(Record):
    """Where the corpus comes from, and under which terms."""

    corpus: str
    source: str
    target: str
    task: str
    licence: str
    citation: str | None = None
    origin: list[Origin]
    notes: list[str] = Field(default_factory=list)
    splits: dict[str, SplitCounts]


class Checkpoint(Record):
    """The best checkpoint."""

    epoch: int
    step: int


class Training(Record):
    """How training went; `parameters` counts the model's weights, gradient norms are before clipping.

    `kept` are the epochs whose parameters are kept, best first, where they are several.
    """

    best: Checkpoint
    kept: list[int] = Field(default_factory=list)
    epochs: int
    steps: int
    stopped_early: bool
    parameters: int
    clipped_steps: int
    largest_gradient_norm: Number


class Epoch(Record):
    """A row of the learning curves."""

    epoch: int
    step: int
    train_nll: Number
    valid_loss: Number
    valid_perplexity: Number
    valid_bleu: Number
    learning_rate: Number
    teacher_forcing_ratio: Number
    gradient_norm: Number


class Step(Record):
    """A row of the step curves."""

    step: int
    loss: Number
    learning_rate: Number
    teacher_forcing_ratio: Number
    gradient_norm: Number


class LengthBucket(Record):
    """BLEU of the test sentences whose source has `low` to `high` of `unit`; `bleu` is None where there are none."""

    bucket: str
    low: int
    high: Bound
    examples: int
    bleu: Number
    bleu_low: Number
    bleu_high: Number
    # Results of earlier versions count words, without a word about it.
    unit: str = "words"


class Exposure(Record):
    """Losses of the true token at a target position: after the true prefix, and after the model's own."""

    position: int
    tokens: int
    gold_nll: Number
    own_nll: Number


class NBest(Record):
    """One of several translations of a source."""

    translation: str
    score: float


class Translation(Record):
    """A test sentence, its references, and its translation: `score` is its log probability, `bleu` sentence BLEU."""

    source: str
    references: list[str] = Field(min_length=1)
    translation: str
    score: float
    bleu: float
    n_best: list[NBest] = Field(default_factory=list)


class AttentionMap(Record):
    """Attention weights, (translation tokens, source tokens); each row sums to 1."""

    source_tokens: list[str]
    translation_tokens: list[str]
    weights: list[list[float]]


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
        scores=_read_json(root, SCORES, TypeAdapter(Scores)),
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


def read_translations(root: Path) -> Iterator[Translation]:
    """Stream the translations of the test set, in its order.

    Raises:
        SeqlabError: the file is missing or damaged.
    """
    adapter = TypeAdapter(Translation)
    with _open(root, TRANSLATIONS) as file:
        for number, line in enumerate(file, start=1):
            yield _validated(TRANSLATIONS, adapter.validate_json, line, f"line {number}")


def _checked(maps: list[AttentionMap]) -> list[AttentionMap]:
    for number, attention in enumerate(maps, start=1):
        widths = {len(row) for row in attention.weights}
        if len(attention.weights) != len(attention.translation_tokens) or widths - {len(attention.source_tokens)}:
            raise _damaged(ATTENTION, f"map {number}: the weights do not fit the tokens")
    return maps


def _read_json(root: Path, path: Path, adapter: TypeAdapter[T]) -> T:
    with _open(root, path) as file:
        return _validated(path, adapter.validate_json, file.read(), "")


def _read_csv(root: Path, path: Path, adapter: TypeAdapter[T]) -> list[T]:
    with _open(root, path) as file:
        try:
            rows = list(csv.DictReader(io.StringIO(file.read().decode("utf-8"), newline=""), strict=True))
        except (csv.Error, UnicodeDecodeError) as error:
            raise _damaged(path, str(error)) from None
    return [_validated(path, adapter.validate_python, row, f"row {number}") for number, row in enumerate(rows, 1)]


def _open(root: Path, path: Path) -> BinaryIO:
    try:
        return open(root / path, "rb")
    except FileNotFoundError:
        raise SeqlabError(f"{path} is missing; run `dvc repro` to make it") from None


def _validated(path: Path, validate: Callable[[Any], T], content: Any, place: str) -> T:
    try:
        return validate(content)
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in details["loc"])
        problem = f"{details['msg'][0].lower()}{details['msg'][1:]}"
        raise _damaged(path, ": ".join(part for part in (place, name, problem) if part)) from None


def _damaged(path: Path, problem: str) -> SeqlabError:
    return SeqlabError(f"{path} is damaged ({problem}); delete it and run `dvc repro`, which makes it again")
