"""The formats of what the stages wrote, each parsed here alone: bytes in, records out.

Whoever calls this reads the bytes, from the working copy, from git or from somebody else's server, with the limit on
their number that fits, and says of which file they are.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

T = TypeVar("T")
R = TypeVar("R", bound=BaseModel)


class DamagedError(ValueError):
    """What is wrong with the content of a file, and where in it."""


def parse_json(content: bytes, kind: type[T]) -> T:
    """The content of a JSON file.

    Raises:
        DamagedError: it is no `kind`.
    """
    try:
        return TypeAdapter(kind).validate_json(content)
    except ValidationError as error:
        raise _damaged("", error) from None


def parse_lines(lines: Iterable[bytes], kind: type[R]) -> Iterator[R]:
    """The records of a file that has a JSON object a line.

    Raises:
        DamagedError: a line is no `kind`.
    """
    for number, line in enumerate(lines, start=1):
        try:
            yield kind.model_validate_json(line)
        except ValidationError as error:
            raise _damaged(f"line {number}", error) from None


def parse_table(content: bytes, kind: type[R]) -> list[R]:
    """The rows of a CSV file, whose first line names the columns.

    Raises:
        DamagedError: it is no table, or a row is no `kind`.
    """
    found = []
    for number, row in enumerate(rows(content), start=1):
        try:
            found.append(kind.model_validate(row))
        except ValidationError as error:
            raise _damaged(f"row {number}", error) from None
    return found


def rows(content: bytes) -> list[dict[str, str]]:
    """The rows of a CSV file as texts, by the names of its columns.

    Raises:
        DamagedError: it is no table.
    """
    try:
        return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""), strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise DamagedError(str(error)) from None


def _damaged(place: str, error: ValidationError) -> DamagedError:
    details: dict[str, Any] = dict(error.errors(include_url=False)[0])
    name = ".".join(str(part) for part in details["loc"])
    problem = f"{details['msg'][0].lower()}{details['msg'][1:]}"
    return DamagedError(": ".join(part for part in (place, name, problem) if part))
