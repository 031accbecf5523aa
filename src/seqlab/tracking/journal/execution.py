"""An execution of a stage, as its journal tells it."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from seqlab.results.paths import BEST
from seqlab.tracking.fingerprint.canonical import canonical, digest
from seqlab.tracking.foreign import is_execution_id
from seqlab.tracking.home import Home
from seqlab.tracking.journal.journal import Journal, read_journal
from seqlab.tracking.journal.process import is_alive

Outcome = Literal["running", "finished", "failed", "interrupted", "died"]
# Stages whose executions are journaled, and the fingerprint that each is filed under.
FILED_UNDER = {"train": "train", "evaluate": "run", "report": "run"}
DIED = "its process is gone and left no word: killed, or out of memory"
ENDS = ("finished", "failed", "interrupted", "died")


@dataclass(frozen=True)
class Execution:
    """One execution of stage `stage`.

    `header` is what was known at its start: fingerprints, recipe, parameters, provenance, process, and the SHA-256 of
    files kept beside the journal. `outputs` maps the paths of a finished execution's outputs to their SHA-256.
    `events` are the training loop's. Times are in seconds since the epoch.
    """

    id: str
    stage: str
    header: dict[str, Any]
    started: float
    last_seen: float
    outcome: Outcome
    error: str = ""
    numerics: dict[str, Any] | None = None
    outputs: dict[str, str] = field(default_factory=dict)
    usage: dict[str, float] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    path: Path | None = None

    @property
    def train_fingerprint(self) -> str:
        """The model's fingerprint."""
        return str(self.header["train_fingerprint"])

    @property
    def run_fingerprint(self) -> str:
        """Fingerprint of the run for which it was executed."""
        return str(self.header["run_fingerprint"])

    @property
    def finished(self) -> bool:
        """Whether it ended well."""
        return self.outcome == "finished"

    @property
    def numerics_class(self) -> str:
        """Its numerics class as text to compare; empty if unknown."""
        try:
            return canonical(self.numerics) if self.numerics else ""
        except ValueError:  # a NaN or an infinity, which no numerics class has
            return ""

    @property
    def translated_with(self) -> str:
        """Digest of the model that an execution of evaluate found; "" of others."""
        if self.stage != "evaluate":
            return ""
        return digest({path: sha256 for path, sha256 in self.header["inputs"].items() if path.startswith(f"{BEST}/")})

    def events_of(self, *names: str) -> Iterator[dict[str, Any]]:
        """Its events of these classes of seqlab.training.events, in their order."""
        return (event for event in self.events if event["event"] in names)

    def is_alive(self) -> bool:
        """Whether it has not ended, and its process lives."""
        return self.outcome == "running" and is_alive(self.header["process"], self.last_seen)


def new_execution_id() -> str:
    """Time and a random part: sorts by time, and is unique across machines."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}"


def journal_path(home: Home, stage: str, fingerprint: str, execution: str) -> Path:
    """Where the journal of an execution is."""
    return home.journal / FILED_UNDER[stage] / fingerprint / f"{execution}.jsonl"


def journal_files(home: Home) -> list[Path]:
    """All journal files, oldest first."""
    return sorted(home.journal.glob("*/*/*.jsonl"), key=lambda path: path.name)


def read_executions(home: Home, skipped: list[str] | None = None) -> Iterator[Execution]:
    """All executions of the journal, oldest first; files without a readable start are passed over.

    `skipped` is told of lines that seqlab never wrote.
    """
    for path in journal_files(home):
        execution = read_execution(path, skipped)
        if execution is not None:
            yield execution


def read_execution(path: Path, skipped: list[str] | None = None) -> Execution | None:
    """The execution that a journal file tells of; None if its first entry never reached the disk.

    `skipped` is told of lines that seqlab never wrote.
    """
    if not is_execution_id(path.stem):
        if skipped is not None:
            skipped.append(f"{path}: its name is no execution's")
        return None
    header: dict[str, Any] | None = None
    end: dict[str, Any] = {}
    numerics: dict[str, Any] | None = None
    events = []
    last_seen = 0.0
    for entry in read_journal(path, skipped):
        last_seen = max(last_seen, entry["time"])
        match entry["event"]:
            case "started":
                header = entry
            case "numerics":
                numerics = entry["numerics"]
            case "died":
                # Somebody's conclusion: the execution's own word counts more.
                end = end or entry
            case event if event in ENDS:
                end = entry
            case _:
                events.append(entry)
    if header is None:
        return None
    return Execution(
        id=path.stem,
        stage=header["stage"],
        header=header,
        started=header["time"],
        last_seen=last_seen,
        outcome=end.get("event", "running"),
        error=end.get("error", ""),
        numerics=numerics,
        outputs=end.get("outputs", {}),
        usage=end.get("usage", {}),
        events=events,
        path=path,
    )


def mark_died(execution: Execution) -> Execution:
    """Note in the journal that an execution without an end has no process any more; return it as it is then.

    Its last words may have come between reading it and finding it dead; then it ended otherwise, and stays so.
    """
    again = read_execution(execution.path) if execution.path else None
    if execution.path is None or again is None or again.outcome != "running":
        return again or execution
    journal = Journal(execution.path)
    journal.append("died", error=DIED)
    journal.close()
    return replace(again, outcome="died", error=DIED)
