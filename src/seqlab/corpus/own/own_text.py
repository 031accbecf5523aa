"""The user's own parallel text as rows: two line-aligned files, a .tsv, a .csv or a .jsonl, each perhaps gzipped."""

import csv
import io
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from seqlab.core.errors import SeqlabError
from seqlab.corpus.lines import decode_lines
from seqlab.corpus.own.columns import Columns, find_columns
from seqlab.corpus.own.recognition import open_text, refuse_double_encoding

TABLES = (".tsv", ".csv")
FORMS = (*TABLES, ".jsonl")
# DVC's cache names a file by its MD5, the first two digits as a folder.
_CACHED = re.compile(r"/[0-9a-f]{2}/[0-9a-f]{30}\Z")
# What .dvcignore leaves out of data/own: a change of it would rerun nothing.
_LEFT_OUT = re.compile(
    r"\.DS_Store|\._.*|Thumbs\.db|desktop\.ini|.*~|~\$.*|\..*\.sw.|#.*#|\.#.*|\.~lock\..*#|.*\.(bak|orig)"
    r"|\..*\.kate-swp|\.goutputstream-.*|\.nfs.*"
)
# Later files of ManyThings end their lines with a column of it.
_ATTRIBUTION = "Attribution: tatoeba.org"
_SAMPLE_ROWS = 1000
_DELIMITERS = ",;\t"


class Row(NamedTuple):
    """A source text and its targets, any of which may still be empty, with the line it stands on."""

    file: str
    line: int
    source: str
    targets: tuple[str, ...]


@dataclass(frozen=True)
class OwnText:
    """Files of parallel text, and how they are to be read; `delimiter` is between the cells of a table."""

    paths: tuple[Path, ...]
    columns: Columns = field(default_factory=Columns)
    delimiter: str = "\t"

    @property
    def name(self) -> str:
        """The files' names, for messages."""
        return " and ".join(path.name for path in self.paths)

    @property
    def form(self) -> str:
        """.tsv, .csv or .jsonl; empty for two line-aligned files."""
        return _form(self.paths[0].name) if len(self.paths) == 1 else ""

    def rows(self) -> Iterator[Row]:
        """Stream the rows.

        Raises:
            SeqlabError: a line is not valid UTF-8 or not a row of its form; the two files have unequal line counts; a
                gzipped file is damaged.
        """
        if self.form == ".jsonl":
            return _jsonl(self.paths[0])
        return self._rows(islice(self.cells(), int(self.columns.header), None))

    def cells(self) -> Iterator[tuple[int, list[str]]]:
        """Stream the cells of each row of lines or of a table, header and all, with the row's last line.

        Raises:
            SeqlabError: as `rows`.
        """
        return _table(self.paths[0], self.delimiter) if self.form else _aligned(*self.paths)

    def _rows(self, rows: Iterator[tuple[int, list[str]]]) -> Iterator[Row]:
        for line, cells in rows:
            if self.form and len(cells) == 1 and cells[0].strip():
                raise _no_table(self.paths[0].name, line, cells[0], self.delimiter)
            if self.form and len(cells) > 2 and _ATTRIBUTION in cells[-1]:
                raise SeqlabError(
                    f"{self.name}, line {line}: the last column names its authors; remove it (`cut -f1,2`)"
                )
            yield Row(self.name, line, *self.columns.pick(cells))


def resolve(names: list[str], own: Path) -> tuple[Path, ...]:
    """Paths of the named files below `own`.

    Raises:
        SeqlabError: a name leads out of `own`, is one that DVC leaves out, or there is no such file, or it is empty; or
            the names are neither two files of lines nor one .tsv, .csv or .jsonl.
    """
    if len(names) == 1 and _form(names[0]) not in FORMS:
        raise SeqlabError(
            f"corpus.files: {names[0]} alone must end in .tsv, .csv or .jsonl (or that and .gz); "
            "or name two line-aligned files"
        )
    if len(names) == 2 and any(_form(name) in FORMS for name in names):
        raise SeqlabError(
            f"corpus.files: {' and '.join(names)} would be two line-aligned files of plain text; name one .tsv, .csv "
            "or .jsonl alone, which holds both sides"
        )
    return tuple(_resolve(name, own) for name in names)


def understand(paths: tuple[Path, ...], sides: tuple[str, str]) -> OwnText:
    """How the files are to be read, from their first rows; `sides` are corpus.source and corpus.target.

    Raises:
        SeqlabError: they are no UTF-8 text, or hold columns that are no text.
    """
    text = OwnText(paths, delimiter=_delimiter(paths[0]) if _form(paths[0].name) == ".csv" else "\t")
    if not text.form:
        _refuse_tables(paths)
    if text.form != ".jsonl":
        rows = [cells for _, cells in islice(text.cells(), _SAMPLE_ROWS)]
        text = replace(text, columns=find_columns(rows, sides, text.name))
    sample = islice(text.rows(), _SAMPLE_ROWS)
    refuse_double_encoding((each for row in sample for each in (row.source, *row.targets)), text.name)
    return text


def _form(name: str) -> str:
    return Path(name.casefold().removesuffix(".gz")).suffix


def _resolve(name: str, own: Path) -> Path:
    path = own / name
    if not _is_below(path, own):
        raise SeqlabError(f"corpus.files: {name} is outside data/own/; put the file there")
    if _LEFT_OUT.fullmatch(path.name):
        raise SeqlabError(f"corpus.files: {name} is a backup or a system's file by its name; rename it")
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


def _aligned(source: Path, target: Path) -> Iterator[tuple[int, list[str]]]:
    with ExitStack() as stack:
        files = [stack.enter_context(open_text(path)) for path in (source, target)]
        lines = [decode_lines(file, path.name) for file, path in zip(files, (source, target), strict=True)]
        for number, (one, other) in enumerate(zip_longest(*lines), start=1):
            if one is None or other is None:
                raise _unequal(source, target)
            yield number, [one, other]


def _unequal(source: Path, target: Path) -> SeqlabError:
    counts = []
    for path in (source, target):
        with open_text(path) as file:
            counts.append(f"{path.name} has {sum(1 for _ in file)} lines")
    return SeqlabError(f"{counts[0]}, but {counts[1]}; line n of one must translate line n of the other")


def _refuse_tables(paths: tuple[Path, ...]) -> None:
    """Of two line-aligned files none may have a TAB in every line: that is a table, whose first column may be ids."""
    for path in paths:
        with open_text(path) as file:
            lines = list(islice(decode_lines(file, path.name), _SAMPLE_ROWS))
        if len(lines) > 2 and all("\t" in line for line in lines):
            raise SeqlabError(
                f"{path.name} has a TAB in every line, such as {lines[0]!r:.60}: in two line-aligned files a line is a "
                "text; keep the column of text alone (`cut -f2`), or name one .tsv with both sides"
            )


def _table(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row, with its last line; quotes are text in a .tsv, and enclose cells in a .csv."""
    if _form(path.name) == ".csv":
        yield from _csv(path, delimiter)
        return
    with open_text(path) as file:
        for number, line in enumerate(decode_lines(file, path.name), start=1):
            yield number, line.split(delimiter)


def _csv(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    with open_text(path) as file:
        reader = csv.reader(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""), delimiter=delimiter, strict=True)
        try:
            for cells in reader:
                yield reader.line_num, cells
        except csv.Error as error:
            raise SeqlabError(f"{path.name}, line {reader.line_num}: not comma-separated values ({error})") from None
        except UnicodeDecodeError as error:
            raise SeqlabError(
                f"{path.name}, after line {reader.line_num}: not valid UTF-8 ({error.reason}); save the file as UTF-8"
            ) from None


def _delimiter(path: Path) -> str:
    """The one that cuts most of the first rows into as many cells each, and at least two."""

    def even_rows(delimiter: str) -> int:
        widths: Counter[int] = Counter()
        # By another delimiter than the file's, a quoted cell ends where none may.
        with suppress(SeqlabError):
            widths.update(len(cells) for _, cells in islice(_csv(path, delimiter), _SAMPLE_ROWS) if len(cells) > 1)
        return max(widths.values(), default=0)

    return max(_DELIMITERS, key=even_rows)


def _no_table(name: str, line: int, cell: str, delimiter: str) -> SeqlabError:
    between = {"\t": "TAB", ",": "comma", ";": "semicolon"}[delimiter]
    return SeqlabError(f"{name}, line {line}: expected source {between} target; found no {between} in {cell!r:.80}")


def _jsonl(path: Path) -> Iterator[Row]:
    """Objects with `source`, and `target` or a list of `references`; other keys are left alone."""
    name = path.name
    with open_text(path) as file:
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
