"""Reads what runs wrote."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlab.core.errors import SeqlabError
from seqlab.results.metrics import BLEU, Metric
from seqlab.significance.bleu_counts import Counts
from seqlab.significance.measures import Counter, counter
from seqlab.tracking.fingerprint.canonical import digest
from seqlab.tracking.foreign import LONGEST_LINE, limited_bytes

# What comes of reading files that somebody else may have written.
DAMAGE = (OSError, ValueError, TypeError, KeyError, RecursionError, csv.Error, SeqlabError)
# Sums, spreads and axes of what is below are numbers, too.
LARGEST_FIGURE = 1e12
# Of all sentences, if each had as many as the one with most: counts are kept in such a table.
MOST_REFERENCES = 1 << 24
FIELDS = ("source", "references", "translation", "bleu")


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

    The test set is the one that most files have, of several the first: what one of them claims to be scored on says
    nothing of the others.

    Raises:
        SeqlabError: BLEU of this signature is not computed here.
    """
    found: list[Counts | str] = []
    # Test set → what counts in it; and the first file that has it, with how many do.
    counting: dict[str, Counter] = {}
    having: dict[str, list[int]] = defaultdict(list)
    for place, path in enumerate(paths):
        try:
            records = _records(path)
        except SeqlabError as error:
            found.append(str(error))
            continue
        test_set = digest([[each["source"], each["references"]] for each in records])
        if test_set not in counting:
            counting[test_set] = counter(measure, signature, [each["references"] for each in records])
        having[test_set].append(place)
        found.append(counting[test_set].count([each["translation"] for each in records]))
    most = max(having.values(), key=len, default=[])
    for place in {place for places in having.values() for place in places}.difference(most):
        found[place] = f"the sentences of {paths[place]} are not those of {paths[most[0]]}"
    return found


def read_columns(path: Path, names: Sequence[str]) -> list[list[float]]:
    """Columns of a CSV file, row by row; rows in which one is empty, or no number below `LARGEST_FIGURE`, are left
    out.

    Raises:
        SeqlabError: the file lacks a column, or holds what is no number.
    """
    try:
        text = io.StringIO(limited_bytes(path).decode("utf-8"), newline="")
        rows = [[float(row[name] or "nan") for name in names] for row in csv.DictReader(text)]
    except DAMAGE as error:
        raise SeqlabError(f"{path} is damaged ({type(error).__name__}: {error})") from None
    return [row for row in rows if all(abs(value) < LARGEST_FIGURE for value in row)]


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
        records = [_record(line) for line in limited_bytes(path).splitlines()]
        whole = _types(records, "source", "translation") <= {str} and _types(records, "bleu") <= {int, float}
        references = [each["references"] for each in records]
        whole &= all(references) and _types(records, "references") <= {list}
        whole &= all(abs(each["bleu"]) < LARGEST_FIGURE for each in records)
        whole &= {type(text) for texts in references for text in texts} <= {str}
        whole &= len(records) * max(map(len, references), default=0) <= MOST_REFERENCES
    except DAMAGE as error:
        raise SeqlabError(f"{path} is damaged ({type(error).__name__}: {error})") from None
    if not records or not whole:
        raise SeqlabError(f"{path} is damaged (no sentences, or one without a source, a reference or a translation)")
    return records


def _record(line: bytes) -> dict[str, Any]:
    """What is read of a line; the rest of it is let go at once."""
    if len(line) > LONGEST_LINE:
        raise SeqlabError(f"a line is longer than {LONGEST_LINE} bytes")
    record = json.loads(line)
    return {name: record[name] for name in FIELDS}


def _types(records: list[dict[str, Any]], *names: str) -> set[type]:
    return {type(record[name]) for record in records for name in names}
