"""The publisher: follows the journal as stages write it, and keeps MLflow up to date.

    python -m seqlab.tracking.publishing.publisher <root>

One is at work for a working copy at a time. It ends when all is published and no stage runs any more; with a server
that is dead or does not answer it gives up soon after the last stage, and `seqlab sync` does the rest.
"""

import os
import sys
import time
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from seqlab.core.errors import SeqlabError
from seqlab.system.terminal import say
from seqlab.tracking.home import Home
from seqlab.tracking.journal.execution import FILED_UNDER, Execution, journal_files, mark_died, read_execution
from seqlab.tracking.journal.record import RunRecord
from seqlab.tracking.objects import Objects
from seqlab.tracking.publishing.assembly import assemble
from seqlab.tracking.publishing.projection import Projection, Publication
from seqlab.tracking.publishing.server import connect

POLL_SECONDS = 1.0
# One batch an epoch; where epochs are long, one a minute.
PATIENCE_SECONDS = 60.0
# The next stage of a pipeline starts within a second or two: the publisher that is there takes it on.
LINGER_SECONDS = 5.0
# Seconds between attempts to reach a server; once no stage runs any more, as many attempts as these, then no more.
BACKOFF_SECONDS = (2.0, 5.0, 10.0)
NICENESS = 10


@dataclass(frozen=True)
class _Mark:
    """How far an execution is published."""

    size: int
    epochs: int
    time: float


class Publisher:
    """Follows the journal of one working copy."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._marks: dict[Path, _Mark] = {}
        self._running: dict[Path, Execution] = {}
        self._projection: Projection | None = None
        self._scanned = 0.0

    def follow(self) -> bool:
        """Publish until all is published and nothing runs; False if the server could not be reached."""
        failures, quiet_since = 0, time.monotonic()
        while True:
            due = [each for each in self._scan() if self._is_due(each)]
            if due and not self._publish(due):
                if not self._running and failures + 1 >= len(BACKOFF_SECONDS):
                    return False
                time.sleep(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])
                failures += 1
                continue
            failures = 0
            if due or self._running:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > LINGER_SECONDS:
                self._note_all_published()
                return True
            time.sleep(POLL_SECONDS)

    def has_news(self) -> bool:
        """Whether the journal grew since it was last looked at."""
        return bool(self._changed())

    def _changed(self) -> list[Path]:
        since = self._home.published.stat().st_mtime if self._home.published.exists() else 0.0
        changed = []
        for path in journal_files(self._home):
            status, mark = path.stat(), self._marks.get(path)
            if status.st_size != mark.size if mark else status.st_mtime >= since:
                changed.append(path)
        return changed

    def _scan(self) -> list[Execution]:
        """Executions with something to publish; those whose process is gone are noted as dead."""
        self._scanned = time.time()
        news = {path: each for path in self._changed() if (each := read_execution(path)) is not None}
        self._running |= news
        self._running = {path: each for path, each in self._running.items() if each.outcome == "running"}
        for path in [path for path, each in self._running.items() if not each.is_alive()]:
            news[path] = mark_died(self._running.pop(path))
        return list(news.values())

    def _is_due(self, execution: Execution) -> bool:
        mark = self._marks.get(execution.path) if execution.path else None
        if mark is None or execution.outcome != "running":
            return True
        return _epochs(execution) > mark.epochs or time.monotonic() - mark.time > PATIENCE_SECONDS

    def _publish(self, due: list[Execution]) -> bool:
        """Publish the runs of the executions; False if the server does not answer."""
        try:
            projection = self._projection = self._projection or Projection(self._home, connect(self._home))
            for execution in due:
                self._publish_run(projection, execution)
        except SeqlabError as error:
            _log(str(error))
            self._projection = None
            return False
        return True

    def _publish_run(self, projection: Projection, execution: Execution) -> None:
        if execution.path is None:
            return
        mark = _Mark(execution.path.stat().st_size, _epochs(execution), time.monotonic())
        try:
            record = self._record(execution)
            if record is not None:
                _tell(execution, projection.publish(record))
        except SeqlabError:
            raise
        except Exception:
            _log(f"{execution.path} cannot be published:\n{traceback.format_exc()}")
        self._marks[execution.path] = mark

    def _record(self, execution: Execution) -> RunRecord | None:
        """The record of the execution's run; None of one whose files are damaged, which the log says."""
        folders = [
            self._home.journal / FILED_UNDER["train"] / execution.train_fingerprint,
            self._home.journal / FILED_UNDER["evaluate"] / execution.run_fingerprint,
        ]
        paths = [path for folder in folders for path in folder.glob("*.jsonl")]
        members = [each for path in paths if (each := read_execution(path)) is not None]
        damaged: list[str] = []
        records = assemble(members, Objects(self._home.objects), damaged)
        found = next((record for record in records if record.fingerprint == execution.run_fingerprint), None)
        if found is None:
            _log("\n".join([f"{execution.path} cannot be published", *damaged]))
        return found

    def _note_all_published(self) -> None:
        self._home.published.touch()
        os.utime(self._home.published, (self._scanned, self._scanned))


def main(root: Path) -> int:
    """Follow the journal of working copy `root`, unless another publisher does; return the exit status."""
    home = Home(root)
    if not home.folder.is_dir():
        return 0
    os.nice(NICENESS)
    home.locks.mkdir(exist_ok=True)
    publisher = Publisher(home)
    while True:
        try:
            with FileLock(home.locks / "publisher.lock", timeout=0):
                if not publisher.follow():
                    _log("gave up; `seqlab sync` publishes what is missing")
                    return 1
        except Timeout:
            return 0
        # A stage that ended just now may have found the lock taken.
        if not publisher.has_news():
            return 0


def _tell(execution: Execution, outcome: Publication) -> None:
    if outcome.action == "created" or execution.outcome != "running":
        _log(f"{outcome.record.name} {outcome.action}: {execution.stage} {execution.outcome}")
    if outcome.action == "failed":
        _log("\n".join(f"{outcome.record.name}: {note}" for note in outcome.notes))


def _epochs(execution: Execution) -> int:
    return sum(event["event"] == "EpochFinished" for event in execution.events)


def _log(message: str) -> None:
    say(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {message}")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
