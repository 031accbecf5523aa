"""Texts to translate: lines, or JSON Lines. A line ends with a line feed and with nothing else."""

import codecs
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NoReturn

from seqlab.core.errors import SeqlabError

SOURCE = "source"


@dataclass(frozen=True)
class Text:
    """A text, and what its line of JSON says beside it."""

    source: str
    record: dict[str, Any] = field(default_factory=dict)


def from_lines(lines: Iterable[bytes], origin: str) -> Iterator[Text]:
    r"""A text from each line; what ends a line is `\n` or `\r\n`, what begins the first may be a byte order mark.

    Whatever else some programs take for a line end, such as a lone carriage return or U+2028, is a part of the text.

    Raises:
        SeqlabError: a line is not valid UTF-8; `origin` names in the message where it comes from.
    """
    for _, line in _decoded(lines, origin):
        yield Text(line)


def from_records(lines: Iterable[bytes], origin: str) -> Iterator[Text]:
    """A text from each line of JSON: a string, or an object whose "source" is one (as in data/own/*.jsonl).

    Raises:
        SeqlabError: a line is neither.
    """
    for number, line in _decoded(lines, origin):
        try:
            value = json.loads(line, parse_constant=_refuse, parse_float=_finite)
        except (ValueError, RecursionError) as error:
            raise SeqlabError(f"{origin}, line {number}: not JSON ({error})") from None
        record = value if isinstance(value, dict) else {SOURCE: value}
        if not isinstance(record.get(SOURCE), str):
            raise SeqlabError(f'{origin}, line {number}: neither a string nor an object with a string as "{SOURCE}"')
        yield Text(record[SOURCE], record)


def batches(texts: Iterable[Text], size: int) -> Iterator[list[Text]]:
    """The texts, `size` at a time."""
    iterator = iter(texts)
    while batch := list(islice(iterator, size)):
        yield batch


def _decoded(lines: Iterable[bytes], origin: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, start=1):
        content = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        if content.endswith(b"\n"):
            content = content.removesuffix(b"\n").removesuffix(b"\r")
        try:
            yield number, content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise SeqlabError(f"{origin}, line {number}: not valid UTF-8 ({error.reason})") from None


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is too large a number")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number in JSON")
