"""What a pipeline came to, as far as a comparison shows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TypeVar

from seqlab.core.errors import SeqlabError
from seqlab.results.parsing import DamagedError, parse_json, parse_lines, parse_table
from seqlab.results.paths import BLEU_BY_LENGTH, CURVES, SCORES, TRANSLATIONS
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
        scores=_parsed(read, SCORES, lambda content: parse_json(content, Scores)),
        epochs=_parsed(read, CURVES, lambda content: parse_table(content, Epoch)),
        buckets=_parsed(read, BLEU_BY_LENGTH, lambda content: parse_table(content, LengthBucket)),
        translations=_parsed(read, TRANSLATIONS, lambda content: list(parse_lines(BytesIO(content), Translation))),
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


def _parsed(read: Callable[[str], str], path: str, parse: Callable[[bytes], T]) -> T:
    content = read(path).encode("utf-8")
    try:
        return parse(content)
    except DamagedError:
        # Without what is wrong with it: that would show text of a corpus.
        raise SeqlabError(f"{path} is damaged, or of another version of this project") from None
