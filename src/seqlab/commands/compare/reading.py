"""Reads what runs wrote."""

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlab.core.errors import SeqlabError
from seqlab.results.metrics import BLEU, Metric
from seqlab.significance.bleu_counts import Counts
from seqlab.significance.measures import Counter, counter
from seqlab.tracking.foreign import limited_bytes

# What comes of reading files that somebody else may have written.
DAMAGE = (OSError, ValueError, TypeError, KeyError, RecursionError, csv.Error, SeqlabError)


@dataclass(frozen=True)
class Sentence:
    """A line of reports/translations.jsonl."""

    source: str
    references: tuple[str, ...]
    translation: str
    bleu: float


def read_translations(path: Path) -> list[Sentence]:
    """The sentences of a translations.jsonl, in test-set order.

    Raises:
        SeqlabError: the file is damaged, or empty.
    """
    return [
        Sentence(each["source"], tuple(each["references"]), each["translation"], float(each["bleu"]))
        for each in _records(path)
    ]


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
            records = _records(path)
        except SeqlabError as error:
            found.append(str(error))
            continue
        sentences = [(each["source"], each["references"]) for each in records]
        if counting is None:
            counting, test_set = counter(measure, signature, [references for _, references in sentences]), sentences
        if sentences == test_set:
            found.append(counting.count([each["translation"] for each in records]))
        else:
            found.append(f"the sentences of {path} are not those of {paths[0]}")
    return found


def read_columns(path: Path, names: Sequence[str]) -> list[list[float]]:
    """Columns of a CSV file, row by row; rows in which one is empty or no finite number are left out.

    Raises:
        SeqlabError: the file lacks a column, or holds what is no number.
    """
    try:
        text = io.StringIO(limited_bytes(path).decode("utf-8"), newline="")
        rows = [[float(row[name] or "nan") for name in names] for row in csv.DictReader(text)]
    except DAMAGE as error:
        raise SeqlabError(f"{path} is damaged ({type(error).__name__}: {error})") from None
    return [row for row in rows if all(math.isfinite(value) for value in row)]


def read_texts(path: Path, name: str) -> list[str]:
    """A column of a CSV file as text, "" where there is none.

    Raises:
        SeqlabError: the file is damaged.
    """
    try:
        text = io.StringIO(limited_bytes(path).decode("utf-8"), newline="")
        return [row.get(name) or "" for row in csv.DictReader(text)]
    except DAMAGE as error:
        raise SeqlabError(f"{path} is damaged ({type(error).__name__}: {error})") from None


def _records(path: Path) -> list[dict[str, Any]]:
    try:
        records = json.loads(b"[" + b",".join(limited_bytes(path).splitlines()) + b"]")
        whole = _types(records, "source", "translation") <= {str} and _types(records, "bleu") <= {int, float}
        references = [each["references"] for each in records]
        whole &= all(references) and _types(records, "references") <= {list}
        whole &= {type(text) for texts in references for text in texts} <= {str}
    except DAMAGE as error:
        raise SeqlabError(f"{path} is damaged ({type(error).__name__}: {error})") from None
    if not records or not whole:
        raise SeqlabError(f"{path} is damaged (no sentences, or one without a source, a reference or a translation)")
    return records  # type: ignore[no-any-return]


def _types(records: list[dict[str, Any]], *names: str) -> set[type]:
    return {type(record[name]) for record in records for name in names}
