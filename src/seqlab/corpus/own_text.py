"""The user's own parallel text as rows: two line-aligned files, a .tsv or a .jsonl."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from seqlab.corpus.lines import decode_lines
from seqlab.errors import SeqlabError

# DVC's cache names a file by its MD5, the first two digits as a folder.
_CACHED = re.compile(r"/[0-9a-f]{2}/[0-9a-f]{30}\Z")
# Later files of ManyThings end their lines with a column of it.
_ATTRIBUTION = "Attribution: tatoeba.org"


class Row(NamedTuple):
    """A source text and its targets, any of which may still be empty, with the line it stands on."""

    file: str
    line: int
    source: str
    targets: tuple[str, ...]


def resolve(names: list[str], own: Path) -> list[Path]:
    """Paths of the named files below `own`.

    Raises:
        SeqlabError: a name leads out of `own`, or there is no such file, or it is empty; or the names are neither two
            files nor one .tsv or .jsonl.
    """
    if len(names) == 1 and not names[0].endswith((".tsv", ".jsonl")):
        raise SeqlabError(f"corpus.files: {names[0]} alone must end in .tsv or .jsonl; or name two line-aligned files")
    return [_resolve(name, own) for name in names]


def _resolve(name: str, own: Path) -> Path:
    path = own / name
    if not _is_below(path, own):
        raise SeqlabError(f"corpus.files: {name} is outside data/own/; put the file there")
    if not path.is_file():
        raise SeqlabError(f"corpus.files: no file {name} in data/own/; put it there, or correct its name")
    if path.stat().st_size == 0:
        raise SeqlabError(f"corpus.files: {name} is empty")
    return path


def _is_below(path: Path, own: Path) -> bool:
    """Whether the file is in `own`, or put there by `dvc add` as a link to DVC's cache (`cache.type symlink`)."""
    real = path.resolve()
    if real.is_relative_to(own.resolve()):
        return True
    return Path(os.path.normpath(path)).is_relative_to(own) and _CACHED.search(real.as_posix()) is not None


def read_rows(paths: list[Path]) -> Iterator[Row]:
    """Stream the rows of what `resolve` gave.

    Raises:
        SeqlabError: a line is not valid UTF-8 or not a row of its format; or the two files have unequal line counts.
    """
    if len(paths) == 2:
        return _aligned(*paths)
    return _tsv(paths[0]) if paths[0].suffix == ".tsv" else _jsonl(paths[0])


def _aligned(source: Path, target: Path) -> Iterator[Row]:
    with ExitStack() as stack:
        files = [stack.enter_context(open(path, "rb")) for path in (source, target)]
        lines = [decode_lines(file, path.name) for file, path in zip(files, (source, target), strict=True)]
        names = f"{source.name} and {target.name}"
        for number, (one, other) in enumerate(zip_longest(*lines), start=1):
            if one is None or other is None:
                raise _unequal(source, target)
            yield Row(names, number, one, (other,))


def _unequal(source: Path, target: Path) -> SeqlabError:
    counts = []
    for path in (source, target):
        with open(path, "rb") as file:
            counts.append(f"{path.name} has {sum(1 for _ in file)} lines")
    return SeqlabError(f"{counts[0]}, but {counts[1]}; line n of one must translate line n of the other")


def _tsv(path: Path) -> Iterator[Row]:
    """Source TAB target, then any further references; quotes are text."""
    name = path.name
    with open(path, "rb") as file:
        for number, line in enumerate(decode_lines(file, name), start=1):
            source, *targets = line.split("\t")
            if not targets and line.strip():
                raise SeqlabError(f"{name}, line {number}: expected source TAB target; found no TAB in {line!r:.80}")
            if len(targets) > 1 and _ATTRIBUTION in targets[-1]:
                raise SeqlabError(f"{name}, line {number}: the last column names its authors; remove it (`cut -f1,2`)")
            yield Row(name, number, source, tuple(targets))


def _jsonl(path: Path) -> Iterator[Row]:
    """Objects with `source`, and `target` or a list of `references`; other keys are left alone."""
    name = path.name
    with open(path, "rb") as file:
        for number, line in enumerate(decode_lines(file, name), start=1):
            try:
                yield Row(name, number, *_parsed(line)) if line.strip() else Row(name, number, "", ())
            except ValueError as error:
                raise SeqlabError(f"{name}, line {number}: {error}") from None


def _parsed(line: str) -> tuple[str, tuple[str, ...]]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({error})") from None
    if not isinstance(record, dict) or ("target" in record) == ("references" in record):
        raise ValueError('expected an object with "source" and either "target" or "references"')
    source: Any = record.get("source")
    targets: Any = record["references"] if "references" in record else [record["target"]]
    if not isinstance(targets, list) or not all(isinstance(text, str) for text in [source, *targets]):
        raise ValueError('"source" and "target" must be strings, "references" a list of strings')
    try:
        "".join([source, *targets]).encode()
    except UnicodeEncodeError:
        raise ValueError("not valid Unicode text (half of a surrogate pair)") from None
    return source, tuple(targets)
