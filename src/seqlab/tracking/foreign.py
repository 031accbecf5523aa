"""The one place where foreign data become ours: what a journal, a tag, an artifact or a server's answer must look like.

A journal may come from somebody else, and everybody may write to a team's server. Whatever is used as a path, a name or
a number has passed a schema here: digests are 64 hexadecimal digits, paths are relative and below an output, numbers
are finite, and nothing is deeper, longer or larger than what seqlab writes can be.
"""

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from seqlab.core.errors import SeqlabError
from seqlab.results.parsing import DamagedError, parse_lines
from seqlab.tracking.foreign_schema import (
    EXECUTION_ID,
    FEW,
    KINDS,
    LONGEST_TEXT,
    MOST,
    Entry,
    ForeignLedger,
    ForeignRecipe,
    OutputPath,
    ShortDigest,
    Started,
    Table,
    Translated,
)

T = TypeVar("T", bound=BaseModel)
# A line of a journal, whose longest names every file that went into a run.
LONGEST_LINE = 1 << 22
LARGEST_TEXT = 1 << 26
LARGEST_RECIPE = 1 << 20
LARGEST_LEDGER = 1 << 22
# Signs that a value stands behind, [ { and commas, in texts too: an empty list of two bytes takes 64 once it is parsed.
MOST_VALUES = 1_000_000
# Where they are held to a schema, too: five errors for each that is wrong.
MOST_RECIPE_VALUES = 20_000
MOST_ENTRY_VALUES = 100_000
# No clock is a day ahead.
SECONDS_AHEAD = 86400.0
MOST_ERRORS = 1000
MODEL_ID = re.compile(r"m-[0-9a-f]{32}")
FINGERPRINT = re.compile("[0-9a-f]{64}")
EXECUTION = re.compile(EXECUTION_ID)
LONGEST_TASK = 200
TASK = re.compile(r"seqlab-[\w.+-]+(?: [\w.+-]+)*")


_FILES = TypeAdapter(Annotated[dict[OutputPath, ShortDigest], FEW])
_NUMERICS = TypeAdapter(Table)


def journal_entry(line: bytes) -> dict[str, Any]:
    """The entry in a line of a journal.

    Raises:
        ValueError: the line is torn.
        SeqlabError: it is whole, and none that seqlab writes; the message says which part.
    """
    if len(line) > LONGEST_LINE:
        raise SeqlabError(f"is longer than {LONGEST_LINE} bytes")
    entry = _object(line)
    event = entry.get("event")
    kind = KINDS.get(event, Entry) if isinstance(event, str) else Entry
    if kind is Started:
        _few_values(line, MOST_ENTRY_VALUES)
    found = _checked(kind, entry)
    if found["time"] > time.time() + SECONDS_AHEAD:
        raise SeqlabError("'time': is in the future")
    return found


def ledger_entries(text: str) -> list[dict[str, Any]]:
    """The entries of a ledger.json.

    Raises:
        SeqlabError: `text` is something else.
    """
    content = _limited(text.encode("utf-8", "replace"), LARGEST_LEDGER)
    found = _parsed(ForeignLedger, _few_values(content, MOST_ENTRY_VALUES))
    for entry in found.executions:
        if entry.numerics_class:
            numerics(entry.numerics_class)
    return [entry.model_dump() for entry in found.executions]


def recipe(text: bytes) -> dict[str, dict[str, Any]]:
    """The recipe in a recipe.json, as it stands there.

    Raises:
        SeqlabError: `text` is something else.
    """
    _parsed(ForeignRecipe, _few_values(_limited(text, LARGEST_RECIPE), MOST_RECIPE_VALUES))
    return dict(json.loads(text))


def translations(text: bytes) -> list[Translated]:
    """The lines of a translations.jsonl.

    Raises:
        SeqlabError: a line is something else, or there is none.
    """
    lines = _limited(text).split(b"\n")
    if len(lines) > MOST + 1:
        raise SeqlabError(f"has more than {MOST} lines")
    try:
        found = list(parse_lines((_limited(line, LONGEST_LINE) for line in lines if line), Translated))
    except DamagedError as error:
        raise SeqlabError(str(error)) from None
    if not found:
        raise SeqlabError("has no translations")
    return found


def files(tag: str) -> dict[str, str]:
    """Artifact path → beginning of its SHA-256, from the tag that says what a run has; {} if it is none of ours."""
    try:
        return _FILES.validate_json(_limited(tag.encode("utf-8", "replace"), LONGEST_TEXT), strict=True)
    except (ValidationError, SeqlabError):
        return {}


def numerics(text: str) -> dict[str, Any]:
    """The parts of a numerics class.

    Raises:
        SeqlabError: `text` is no such class.
    """
    try:
        return _NUMERICS.validate_json(_limited(text.encode("utf-8", "replace"), LONGEST_TEXT), strict=True)
    except ValidationError as error:
        raise SeqlabError(f"the numerics class {_reason(error)}") from None


def task_name(corpus: Mapping[str, Any]) -> str:
    """One for each corpus and direction, whether MLflow takes it for a name or not."""
    return "-".join(["seqlab", *(str(corpus.get(part, "")) for part in ("name", "source", "target"))])


def task(corpus: Mapping[str, Any]) -> str | None:
    """Name in the model registry of the task that corpus parameters set; None where they make no name.

    It is a file's name too.
    """
    name = task_name(corpus)
    return name if TASK.fullmatch(name) and len(name) < LONGEST_TASK else None


def is_execution_id(text: str) -> bool:
    """Whether `text` has the form of an execution's id, which ledgers and tags name."""
    return EXECUTION.fullmatch(text) is not None


def is_fingerprint(text: str) -> bool:
    """Whether `text` has the form of a run's fingerprint, which names files."""
    return FINGERPRINT.fullmatch(text) is not None


def model_id(text: str) -> str:
    """`text`, which names a folder afterwards.

    Raises:
        SeqlabError: it is no id that MLflow gives a model.
    """
    if not MODEL_ID.fullmatch(text):
        raise SeqlabError(f"{text!r:.80} is no id of a model in MLflow")
    return text


def json_object(content: bytes) -> dict[str, Any]:
    """A JSON object of somebody else's, to be looked at with care.

    Raises:
        SeqlabError: `content` is none, or too large.
    """
    try:
        return _object(_limited(content))
    except ValueError as error:
        raise SeqlabError(f"is no JSON object ({error})") from None


def limited_bytes(path: Path) -> bytes:
    """The content of a file that came from elsewhere.

    Raises:
        SeqlabError: it is larger than any of ours.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        return _limited(file.read(LARGEST_TEXT + 1))


def _limited(content: bytes, limit: int | None = None) -> bytes:
    largest = LARGEST_TEXT if limit is None else limit
    if len(content) > largest:
        raise SeqlabError(f"is larger than {largest} bytes")
    return content


def _few_values(content: bytes, most: int) -> bytes:
    if content.count(b"[") + content.count(b"{") + content.count(b",") > most:
        raise SeqlabError(f"has more than {most} values")
    return content


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(_few_values(content, MOST_VALUES))
    except RecursionError:
        raise SeqlabError("is nested too deeply") from None
    if not isinstance(found, dict):
        raise SeqlabError("is no JSON object")
    return found


def _checked(kind: type[Entry], entry: dict[str, Any]) -> dict[str, Any]:
    try:
        kind.model_validate(entry)
    except ValidationError as error:
        raise SeqlabError(_reason(error)) from None
    return entry


def _parsed(kind: type[T], text: bytes) -> T:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise SeqlabError(_reason(error)) from None


def _reason(error: ValidationError) -> str:
    if error.error_count() > MOST_ERRORS:
        # The first would come with all others.
        return f"{error.error_count()} values are none that seqlab writes"
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place[:80]!r}: {first['msg']}" if place else str(first["msg"])
