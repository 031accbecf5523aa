"""Makes an MLflow run say what its record says: creates it, adds what is missing, touches nothing that is there."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from filelock import FileLock

from seqlab.tracking.home import Home
from seqlab.tracking.journal.record import RunRecord
from seqlab.tracking.journal.run_name import identity_in
from seqlab.tracking.objects import Objects
from seqlab.tracking.publishing.artifacts import differing_outputs, knows_executions, publish_files, publish_ledger
from seqlab.tracking.publishing.champion import NOT_COMPARED, challenge
from seqlab.tracking.publishing.checkpoints import Checkpoints
from seqlab.tracking.publishing.datasets import publish_datasets
from seqlab.tracking.publishing.decisions import read_decisions
from seqlab.tracking.publishing.description import note
from seqlab.tracking.publishing.failures import RefusedError
from seqlab.tracking.publishing.points import Points, milliseconds
from seqlab.tracking.publishing.server import Server, server_errors
from seqlab.tracking.publishing.tags import (
    CHALLENGE,
    ERROR,
    EXECUTION_IDS,
    NOTE,
    OUR_NOTE,
    PUBLISHED,
    RUN_FINGERPRINT,
    shortened,
    sweep_tags,
)

if TYPE_CHECKING:
    from mlflow.entities import Run

BATCH_PARAMS = 100
Action = Literal["created", "updated", "unchanged", "deleted", "failed"]
# The ledger's tags are in the note; the status comes last, so that a finished run is a complete one.
ORDER = ("parameters", "data", "points", "files", "models", "tags", "name", "challenge", "ledger", "note", "status")
CURE = "put that right in MLflow, or delete the run there: what is deleted is left alone"


@dataclass(frozen=True)
class Publication:
    """What publishing a record did, and to which run; `notes` are worth a word.

    `deleted`: somebody deleted it, and it was left so. `failed`: MLflow refused a part of it, which the notes name with
    the cure; all else is published.
    """

    action: Action
    record: RunRecord
    run_id: str
    notes: list[str]


class Projection:
    """Publishes records to one server."""

    def __init__(self, home: Home, server: Server) -> None:
        self._home = home
        self._server = server
        self._client = server.client
        self._objects = Objects(home.objects)
        self._points = Points(self._client)
        self._checkpoints = Checkpoints(server, self._objects)

    def publish(self, record: RunRecord) -> Publication:
        """Bring the record's run up to date; what MLflow refuses of it is in the outcome, and the rest is done.

        Raises:
            SeqlabError: the server does not answer in time.
        """
        try:
            return self._publish(replace(record, sweeps=read_decisions(self._home, record.fingerprint).sweeps))
        except RefusedError as error:
            return Publication("failed", record, "", [f"{error}: {CURE}"])

    def _publish(self, record: RunRecord) -> Publication:
        with self._alone(record), server_errors(self._server.uri):
            run = self._find(record)
            if run is not None and run.info.lifecycle_stage == "deleted":
                if record.status != "RUNNING" and not _is_news(record, run):
                    return Publication("deleted", record, run.info.run_id, [])
                self._client.restore_run(run.info.run_id)
            notes = _differences(run, record) if run else []
            if run is not None and run.data.tags.get(PUBLISHED) == record.digest:
                return Publication(
                    "unchanged", record, run.info.run_id, [*notes, *self._checkpoints.unregistered(run, record)]
                )
            return self._update(run or self._create(record), record, notes, created=run is None)

    @contextmanager
    def _alone(self, record: RunRecord) -> Iterator[None]:
        path = self._home.locks / f"{record.fingerprint}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path):
            yield

    def _find(self, record: RunRecord) -> "Run | None":
        from mlflow.entities import ViewType

        condition = f"tags.`{RUN_FINGERPRINT}` = '{record.fingerprint}'"
        runs = self._client.search_runs([self._server.experiment_id], condition, ViewType.ALL)
        # The oldest of those that are not deleted, should machines that know nothing of each other have made two.
        return min(runs, key=lambda run: (run.info.lifecycle_stage == "deleted", run.info.start_time), default=None)

    def _create(self, record: RunRecord) -> "Run":
        return self._client.create_run(
            self._server.experiment_id,
            start_time=milliseconds(record.started),
            tags=record.tags,
            run_name=record.name,
        )

    def _update(self, run: "Run", record: RunRecord, notes: list[str], *, created: bool) -> Publication:
        steps: dict[str, Callable[[], bool]] = {}
        if not notes:
            steps |= {
                "parameters": lambda: self._params(run, record),
                "data": lambda: publish_datasets(self._client, run, record),
                "points": lambda: self._points.publish(run, record, created=created),
                "files": lambda: publish_files(self._client, run, record, self._objects),
                "models": lambda: self._checkpoints.publish(run, record, notes),
                "tags": lambda: self._tags(run, record),
                "name": lambda: self._name(run, record),
                "challenge": lambda: self._challenge(run, record, notes),
                "note": lambda: self._note(run, record),
            }
        steps |= {
            "ledger": lambda: publish_ledger(self._client, run, record),
            "status": lambda: self._status(run, record),
        }
        changed, refused = self._take(steps, [name for name in ORDER if name in steps])
        if refused:
            # What got there is looked at before anything is sent again.
            self._points.forget(run)
            return Publication("failed", record, run.info.run_id, [*notes, *refused])
        ended = record.status != "RUNNING"
        # Last: a run whose publishing was cut off is looked at again, and one whose ledger another machine wrote over.
        if ended and (changed or PUBLISHED not in run.data.tags) and self._has_ledger(run, record):
            self._client.set_tag(run.info.run_id, PUBLISHED, record.digest)
        return Publication(
            "created" if created else "updated" if changed else "unchanged", record, run.info.run_id, notes
        )

    def _has_ledger(self, run: "Run", record: RunRecord) -> bool:
        return knows_executions(self._client.get_run(run.info.run_id), record)

    def _take(self, steps: dict[str, Callable[[], bool]], order: Sequence[str]) -> tuple[bool, list[str]]:
        """Whether a step changed anything, and what MLflow refused: a refused step does not stop the others."""
        changed, refused = False, []
        for name in order:
            try:
                with server_errors(self._server.uri):
                    changed |= steps[name]()
            except RefusedError as error:
                refused.append(f"its {name} cannot be published: {error}: {CURE}")
        return changed, refused

    def _params(self, run: "Run", record: RunRecord) -> bool:
        from mlflow.entities import Param

        missing = [Param(name, value) for name, value in record.params.items() if name not in run.data.params]
        for start in range(0, len(missing), BATCH_PARAMS):
            self._client.log_batch(run.info.run_id, params=missing[start : start + BATCH_PARAMS])
        return bool(missing)

    def _challenge(self, run: "Run", record: RunRecord, notes: list[str]) -> bool:
        if record.status != "FINISHED" or CHALLENGE in run.data.tags:
            return False
        verdict = challenge(self._home, self._server, run.info.run_id)
        if verdict.startswith(NOT_COMPARED):
            notes.append(f"champion: {verdict}; `seqlab promote` decides by hand")
        return bool(verdict)

    def _tags(self, run: "Run", record: RunRecord) -> bool:
        from mlflow.entities import RunTag

        present = run.data.tags
        wanted = {name: value for name, value in record.tags.items() if name not in present}
        wanted |= sweep_tags(present, record.sweeps)
        if record.error and present.get(ERROR) != shortened(record.error):
            wanted[ERROR] = shortened(record.error)
        if wanted:
            self._client.log_batch(run.info.run_id, tags=[RunTag(name, value) for name, value in wanted.items()])
        healed = ERROR in present and record.status == "FINISHED"
        if healed:
            self._client.delete_tag(run.info.run_id, ERROR)
        return bool(wanted) or healed

    def _name(self, run: "Run", record: RunRecord) -> bool:
        # A name that somebody gave stays.
        name = run.info.run_name or ""
        if name == record.name or identity_in(name) != identity_in(record.name):
            return False
        self._client.update_run(run.info.run_id, name=record.name)
        return True

    def _note(self, run: "Run", record: RunRecord) -> bool:
        from mlflow.entities import RunTag

        present = self._client.get_run(run.info.run_id).data.tags
        text = shortened(note(record, present))
        # What somebody wrote into the note stays.
        if present.get(NOTE, "") != present.get(OUR_NOTE, "") or present.get(NOTE) == text:
            return False
        self._client.log_batch(run.info.run_id, tags=[RunTag(NOTE, text), RunTag(OUR_NOTE, text)])
        return True

    def _status(self, run: "Run", record: RunRecord) -> bool:
        # Scores once reached stay reached, whatever a repetition elsewhere came to.
        scored = run.info.status == "FINISHED" and any(name.startswith("test/") for name in run.data.metrics)
        if scored or run.info.status == record.status:
            return False
        if record.status == "RUNNING":
            self._client.update_run(run.info.run_id, status="RUNNING")
        else:
            self._client.set_terminated(run.info.run_id, record.status, milliseconds(record.ended))
        return True


def _differences(run: "Run", record: RunRecord) -> list[str]:
    """A run keeps the outputs that it had first; other ones, as from another machine, are worth a word, no more."""
    paths = differing_outputs(run, record)
    return [f"not the outputs that this run has: {', '.join(paths)} differ(s)"] if paths else []


def _is_news(record: RunRecord, run: "Run") -> bool:
    known = run.data.tags.get(EXECUTION_IDS, "").split()
    return any(entry.short_id not in known for entry in record.ledger.entries)
