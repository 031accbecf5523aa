"""Reads what runs wrote, which may be files of somebody else's."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from seqlab.core.errors import SeqlabError
from seqlab.results.metrics import BLEU, Metric
from seqlab.results.parsing import DamagedError, parse_lines, parse_table
from seqlab.results.records import Translation
from seqlab.significance.bleu_counts import Counts
from seqlab.significance.measures import Counter, counter
from seqlab.tracking.foreign import limited_bytes

R = TypeVar("R", bound=BaseModel)


def read_translations(path: Path) -> list[Translation]:
    """The sentences of a translations.jsonl, in test-set order.

    Raises:
        SeqlabError: the file is damaged, or empty.
    """
    try:
        found = list(parse_lines(BytesIO(limited_bytes(path)), Translation))
    except (OSError, DamagedError, SeqlabError) as error:
        raise _damaged(path, error) from None
    if not found:
        raise SeqlabError(f"{path} is damaged (no sentences)")
    return found


def read_counts(paths: Sequence[Path], signature: str, measure: Metric = BLEU) -> list[Counts | str]:
    """What the measure counts in each file's translations; a text that says why not of a file that is damaged, or has
    other sentences.

    The test set is that of the first file that is not damaged.

    Raises:
        SeqlabError: BLEU of this signature is not computed here.
    """
    found: list[Counts | str] = []
    counting: Counter | None = None
    test_set: list[tuple[str, list[str]]] = []
    for path in paths:
        try:
            translations = read_translations(path)
        except SeqlabError as error:
            found.append(str(error))
            continue
        sentences = [(each.source, each.references) for each in translations]
        if counting is None:
            counting, test_set = counter(measure, signature, [references for _, references in sentences]), sentences
        if sentences == test_set:
            found.append(counting.count([each.translation for each in translations]))
        else:
            found.append(f"the sentences of {path} are not those of {paths[0]}")
    return found


def read_table(path: Path, kind: type[R]) -> list[R]:
    """The rows of a table.

    Raises:
        SeqlabError: the file is damaged, or lacks a column.
    """
    try:
        return parse_table(limited_bytes(path), kind)
    except (OSError, DamagedError, SeqlabError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> SeqlabError:
    return SeqlabError(f"{path} is damaged ({error})")
