"""The ledger: how often a recipe was executed, and whether its outputs came out the same, byte by byte.

Executions are held to the same bytes within a numerics class only, and evaluations only with the same model, which may
have been trained in another class.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from seqlab.tracking.foreign import ledger_entries
from seqlab.tracking.journal.execution import Execution, read_execution

# A report has no fingerprint of its own, so another report is no failed repetition.
COMPARED = ("train", "evaluate")


@dataclass(frozen=True)
class LedgerEntry:
    """A finished execution of a stage; `outputs` maps paths to their SHA-256; `model` is as `translated_with`."""

    id: str
    stage: str
    numerics_class: str
    started: float
    seconds: float
    commit: str
    outputs: dict[str, str]
    model: str = ""

    @property
    def short_id(self) -> str:
        """The random part of the id."""
        return self.id.rpartition("-")[2]


class Ledger:
    """The finished executions behind one run, from any number of machines."""

    def __init__(self, entries: Iterable[LedgerEntry]) -> None:
        self.entries = sorted({entry.id: entry for entry in entries}.values(), key=lambda entry: entry.id)

    @classmethod
    def of(cls, executions: Iterable[Execution]) -> "Ledger":
        """The ledger of those executions that finished."""
        return cls(_entry(each) for each in executions if each.finished and each.id and each.stage in COMPARED)

    @classmethod
    def from_json(cls, text: str) -> "Ledger":
        """Read what `to_json` wrote.

        Raises:
            SeqlabError: `text` is something else.
        """
        return cls(LedgerEntry(**entry) for entry in ledger_entries(text))

    def to_json(self) -> str:
        """The ledger as text, for people and for `from_json`."""
        content: dict[str, Any] = {"executions": [asdict(entry) for entry in self.entries]}
        return json.dumps(content, indent=2) + "\n"

    @property
    def executions(self) -> int:
        """How often the run was executed: the executions of its most often executed stage."""
        return max(Counter(entry.stage for entry in self.entries).values(), default=0)

    @property
    def short_ids(self) -> str:
        """The short ids of all executions, to tell whether a server knows them."""
        return " ".join(entry.short_id for entry in self.entries)

    def reproduced(self) -> bool | None:
        """Whether repetitions gave the same bytes; None as long as nothing was repeated in the same numerics class."""
        groups = [group for group in self._groups() if len(group) > 1]
        return not self.differences() if groups else None

    def differences(self) -> list[str]:
        """Which outputs of which execution differ from those of the first of its stage and class, in words."""
        found = []
        for first, *repetitions in self._groups():
            for other in repetitions:
                if paths := differing(first.outputs, other.outputs):
                    found.append(f"{other.stage} {other.short_id} against {first.short_id}: {', '.join(paths)}")
        return found

    def _groups(self) -> list[list[LedgerEntry]]:
        groups = defaultdict(list)
        for entry in self.entries:
            groups[entry.stage, entry.numerics_class, entry.model].append(entry)
        return list(groups.values())


def differing(first: dict[str, str], second: dict[str, str]) -> list[str]:
    """Paths that the two sets of outputs do not share byte by byte."""
    return sorted(path for path in {*first, *second} if first.get(path) != second.get(path))


def compare_with_earlier(execution: Execution) -> str | None:
    """What to tell people about a finished execution: reproduced, or not and what differs; None for a first one."""
    if execution.path is None or execution.stage not in COMPARED:
        return None
    siblings = [read_execution(path) for path in execution.path.parent.glob("*.jsonl")]
    earlier = sorted(
        (each for each in siblings if each is not None and _repeats(execution, each)), key=lambda each: each.id
    )
    if not earlier:
        return None
    paths = differing(earlier[0].outputs, execution.outputs)
    if not paths:
        return f"reproduced: the same bytes as in {len(earlier)} earlier execution(s)"
    return (
        f"NOT REPRODUCED: {', '.join(paths)} differ(s) from execution {earlier[0].id} of the same recipe "
        f"in the same numerics class ({execution.path.parent})"
    )


def _repeats(execution: Execution, other: Execution) -> bool:
    return (
        other.finished
        and other.stage == execution.stage
        and other.id < execution.id
        and other.numerics_class == execution.numerics_class
        and other.translated_with == execution.translated_with
    )


def _entry(execution: Execution) -> LedgerEntry:
    return LedgerEntry(
        id=execution.id,
        stage=execution.stage,
        numerics_class=execution.numerics_class,
        started=execution.started,
        seconds=execution.usage.get("seconds", 0.0),
        commit=execution.header.get("provenance", {}).get("commit", ""),
        outputs=execution.outputs,
        model=execution.translated_with,
    )
