"""What a pipeline came to, as far as a comparison shows it."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from seqlab.core.errors import SeqlabError
from seqlab.results.paths import BLEU_BY_LENGTH, CURVES, SCORES, TRANSLATIONS
from seqlab.results.reading import rows
from seqlab.results.records import Epoch, LengthBucket, Translation
from seqlab.results.scores import Scores

T = TypeVar("T")


@dataclass(frozen=True)
class Result:
    """Scores and translations of the test set, learning curves, BLEU by source length."""

    scores: Scores
    epochs: Sequence[Epoch]
    buckets: Sequence[LengthBucket]
    translations: Sequence[Translation]


def read_result(read: Callable[[str], str]) -> Result:
    """Read a result; `read` gives the text of an output by its path.

    Raises:
        SeqlabError: an output is missing or damaged.
    """
    return Result(
        scores=_parsed(read, SCORES, Scores.model_validate_json),
        epochs=_parsed(read, CURVES, _epochs),
        buckets=_parsed(read, BLEU_BY_LENGTH, _buckets),
        translations=_parsed(read, TRANSLATIONS, _translations),
    )


def present_output(root: Path, path: str) -> str:
    """The text of an output in working copy `root`.

    Raises:
        SeqlabError: it is missing, or is no text.
    """
    try:
        return (root / path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SeqlabError(f"{path}: {type(error).__name__}; `dvc repro` makes it") from None


def _parsed(read: Callable[[str], str], path: str, parse: Callable[[str], T]) -> T:
    text = read(path)
    try:
        return parse(text)
    except (ValidationError, csv.Error):
        # Without what is wrong with it: that would show text of a corpus.
        raise SeqlabError(f"{path} is damaged, or of another version of this project") from None


def _epochs(text: str) -> list[Epoch]:
    return [Epoch.model_validate(row) for row in rows(text)]


def _buckets(text: str) -> list[LengthBucket]:
    return [LengthBucket.model_validate(row) for row in rows(text)]


def _translations(text: str) -> list[Translation]:
    # Not splitlines: a text may hold other line ends, which JSON does not escape.
    return [Translation.model_validate_json(line) for line in text.split("\n") if line]
