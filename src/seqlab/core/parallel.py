"""The record of parallel text that all corpora share."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlab.core.atomic import atomic_file
from seqlab.core.errors import SeqlabError

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class Example:
    """One source text and at least one reference; each may hold any Unicode text, line breaks included."""

    source: str
    references: tuple[str, ...]


def write(path: Path, examples: Iterable[Example]) -> int:
    """Write JSON Lines, one example a line (`source`, `references`), atomically; return how many.

    Raises:
        SeqlabError: a text is not valid Unicode (it holds a lone surrogate).
    """
    count = 0
    with atomic_file(path) as file:
        for example in examples:
            record = {"source": example.source, "references": list(example.references)}
            try:
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
            except UnicodeEncodeError as error:
                raise SeqlabError(f"example {count + 1} of {path} is not valid Unicode text: {error}") from None
            count += 1
    return count


def read(path: Path) -> Iterator[Example]:
    """Stream the examples of a file made by `write`.

    Raises:
        SeqlabError: the file is missing, or a line is not such a record.
    """
    if not path.is_file():
        raise SeqlabError(f"{path} is missing; run `dvc repro` to make it")
    # As bytes, a line ends at a line feed alone: U+2028 and its like stay inside their record.
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield _parse(json.loads(line.decode("utf-8")))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise SeqlabError(f"{path}, line {number}: not a record of parallel text ({error})") from None


def _parse(record: Any) -> Example:
    source, references = record["source"], record["references"]
    if not isinstance(source, str) or not isinstance(references, list):
        raise TypeError("source must be a string, references a list")
    if not all(isinstance(reference, str) for reference in references):
        raise TypeError("references must be strings")
    return Example(source, tuple(references))
