"""A reason, as one line: of which kind, and what it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from seqlab.system.terminal import one_line
from seqlab.tracking.fingerprint.canonical import flatten
from seqlab.tracking.journal.record import as_text

ABSENT = "(absent)"
# Wide enough for every kind.
KIND_WIDTH = 9


@dataclass(frozen=True)
class Reason:
    """Why something runs or differs; a `harmless` one changes no result."""

    kind: str
    text: str
    harmless: bool = False

    def __str__(self) -> str:
        return one_line(f"  {self.kind:<{KIND_WIDTH}}  {self.text}")


def value_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """The values that differ between two nested mappings, such as `train.epochs: 6 → 8`."""
    before, after = flatten(old), flatten(new)
    names = dict.fromkeys([*after, *before])
    return [
        f"{name}: {_shown(before, name)} → {_shown(after, name)}"
        for name in names
        if (name in before) != (name in after) or before.get(name) != after.get(name)
    ]


def as_lines(reasons: Iterable[Reason]) -> list[str]:
    """The reasons as lines, each said once."""
    return list(dict.fromkeys(map(str, reasons)))


def _shown(values: dict[str, Any], name: str) -> str:
    return as_text(values[name]) if name in values else ABSENT
