"""Makes an MLflow run say what its record says: creates it, adds what is missing, touches nothing that is there.

MLflow keeps every point that it is sent: points are told apart by metric and step before they are sent, and each has
one fixed time, so that even two publishers at once send the same point.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeVar

from filelock import FileLock

from seqlab.tracking.foreign import task
from seqlab.tracking.home import Home
from seqlab.tracking.journal.points import FINAL, Key
from seqlab.tracking.journal.record import Dataset, RunRecord
from seqlab.tracking.journal.run_name import identity_in
from seqlab.tracking.objects import Objects
from seqlab.tracking.publishing.artifacts import differing_outputs, publish_files, publish_ledger
from seqlab.tracking.publishing.champion import NOT_COMPARED, challenge
from seqlab.tracking.publishing.decisions import read_decisions
from seqlab.tracking.publishing.description import note
from seqlab.tracking.publishing.failures import RefusedError
from seqlab.tracking.publishing.model import link_points, log_checkpoint, logged_models, register
from seqlab.tracking.publishing.server import Server, server_errors
from seqlab.tracking.publishing.tags import (
    CHALLENGE,
    ERROR,
    EXECUTION_IDS,
    NOTE,
    OUR_NOTE,
    PUBLISHED,
    REGISTERED,
    RUN_FINGERPRINT,
    shortened,
    sweep_tags,
)

if TYPE_CHECKING:
    from mlflow.entities import Dataset as MlflowDataset
    from mlflow.entities import Run

T = TypeVar("T")
BATCH_POINTS = 1000
BATCH_PARAMS = 100
Action = Literal["created", "updated", "unchanged", "deleted", "failed"]
# The ledger's tags are in the note; the status comes last, so that a finished run is a complete one.
ORDER = ("parameters", "data", "points", "files", "models", "tags", "name", "challenge", "ledger", "note", "status")
CURE = "put that right in MLflow, or delete the run there: what is deleted is left alone"

UNREGISTERED = (
    "its model's version in the registry was deleted in MLflow, and stays so; to have one again, delete the run's tags "
    f"{REGISTERED} and {PUBLISHED}, then `seqlab sync`"
)


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
        # The points that a run has, for the runs that this object brought up to date.
        self._published: dict[str, set[Key]] = {}
        # The runs that have a version of a registered model, for the models that were asked for.
        self._registered: dict[str, set[str]] = {}

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
                return Publication("unchanged", record, run.info.run_id, [*notes, *self._unregistered(run, record)])
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
            start_time=_milliseconds(record.started),
            tags=record.tags,
            run_name=record.name,
        )

    def _update(self, run: "Run", record: RunRecord, notes: list[str], *, created: bool) -> Publication:
        steps: dict[str, Callable[[], bool]] = {}
        if not notes:
            steps |= {
                "parameters": lambda: self._params(run, record),
                "data": lambda: self._datasets(run, record),
                "points": lambda: self._points(run, record, created=created),
                "files": lambda: publish_files(self._client, run, record, self._objects),
                "models": lambda: self._checkpoints(run, record, notes),
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
            self._published.pop(run.info.run_id, None)
            return Publication("failed", record, run.info.run_id, [*notes, *refused])
        ended = record.status != "RUNNING"
        # Last: a run whose publishing was cut off is looked at again.
        if ended and (changed or PUBLISHED not in run.data.tags):
            self._client.set_tag(run.info.run_id, PUBLISHED, record.digest)
        return Publication(
            "created" if created else "updated" if changed else "unchanged", record, run.info.run_id, notes
        )

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
        for batch in _batches(missing, BATCH_PARAMS):
            self._client.log_batch(run.info.run_id, params=batch)
        return bool(missing)

    def _datasets(self, run: "Run", record: RunRecord) -> bool:
        from mlflow.entities import DatasetInput, InputTag

        present = {each.dataset.digest for each in run.inputs.dataset_inputs} if run.inputs else set()
        missing = [
            DatasetInput(_mlflow_dataset(dataset), [InputTag("mlflow.data.context", dataset.context)])
            for dataset in record.datasets
            if dataset.digest not in present
        ]
        if missing:
            self._client.log_inputs(run.info.run_id, missing)
        return bool(missing)

    def _points(self, run: "Run", record: RunRecord, *, created: bool) -> bool:
        from mlflow.entities import Metric

        run_id = run.info.run_id
        if created:
            self._published[run_id] = set()
        elif run_id not in self._published:
            self._published[run_id] = self._history(run, record)
        present = self._published[run_id]
        # A final figure has one point, even if an earlier version put it at another step.
        keys = {key for key, _ in present}
        missing = [
            point
            for point in record.points
            if (point.key, point.step) not in present and not (point.step == FINAL and point.key in keys)
        ]
        for batch in _batches(missing, BATCH_POINTS):
            metrics = [Metric(each.key, each.value, _milliseconds(each.time), each.step) for each in batch]
            self._client.log_batch(run_id, metrics=metrics)
            present |= {(each.key, each.step) for each in batch}
        return bool(missing)

    def _history(self, run: "Run", record: RunRecord) -> set[Key]:
        keys = sorted({point.key for point in record.points} & set(run.data.metrics))
        return {(key, each.step) for key in keys for each in self._client.get_metric_history(run.info.run_id, key)}

    def _checkpoints(self, run: "Run", record: RunRecord, notes: list[str]) -> bool:
        run_id = run.info.run_id
        models: dict[str, str] = {}
        deleted: set[int] = set()
        for step, model in logged_models(self._client, run):
            if model is None:
                deleted.add(step)
            else:
                models[model.name] = model.model_id
        changed = False
        for checkpoint in record.checkpoints:
            if checkpoint.name not in models:
                if checkpoint.step in deleted:
                    notes.append(f"its model models/{checkpoint.name} was deleted in MLflow, and stays so")
                    continue
                model_id = log_checkpoint(self._server, run_id, record, checkpoint, self._objects)
                if model_id is None:
                    notes.append(f"models/{checkpoint.name} is not here any more; `dvc repro` brings it back")
                    continue
                models[checkpoint.name] = model_id
                changed = True
            if checkpoint.name == "best":
                changed |= self._register(run, record, models[checkpoint.name], notes)
            changed |= link_points(self._client, run_id, models[checkpoint.name], checkpoint, record)
        return changed

    def _register(self, run: "Run", record: RunRecord, model_id: str, notes: list[str]) -> bool:
        run_id = run.info.run_id
        if task(record.recipe["evaluate"]["corpus"]) is None:
            name = record.registered_model
            notes.append(f"its model has no place in the registry: MLflow gives no model the name {name!r:.80}")
            return False
        if REGISTERED in run.data.tags:
            if not self._client.search_model_versions(f"run_id = '{run_id}'"):
                notes.append(UNREGISTERED)
                self._client.set_tag(run_id, REGISTERED, "deleted")
            return False
        register(self._server, run_id, record, model_id)
        self._client.set_tag(run_id, REGISTERED, "yes")
        return True

    def _unregistered(self, run: "Run", record: RunRecord) -> list[str]:
        """A word on a complete run whose version in the registry is gone; once, which the run's tag remembers."""
        run_id, name = run.info.run_id, record.registered_model
        if run.data.tags.get(REGISTERED) != "yes":
            return []
        if name not in self._registered:
            versions = self._client.search_model_versions(f"name = '{name}'")
            self._registered[name] = {str(version.run_id) for version in versions}
        # Somebody may have given the registered model another name.
        if run_id in self._registered[name] or self._client.search_model_versions(f"run_id = '{run_id}'"):
            return []
        self._client.set_tag(run_id, REGISTERED, "deleted")
        return [f"{record.name}: {UNREGISTERED}"]

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
            self._client.set_terminated(run.info.run_id, record.status, _milliseconds(record.ended))
        return True


def _differences(run: "Run", record: RunRecord) -> list[str]:
    """A run keeps the outputs that it had first; other ones, as from another machine, are worth a word, no more."""
    paths = differing_outputs(run, record)
    return [f"not the outputs that this run has: {', '.join(paths)} differ(s)"] if paths else []


def _is_news(record: RunRecord, run: "Run") -> bool:
    known = run.data.tags.get(EXECUTION_IDS, "").split()
    return any(entry.short_id not in known for entry in record.ledger.entries)


def _mlflow_dataset(dataset: Dataset) -> "MlflowDataset":
    from mlflow.entities import Dataset as MlflowDataset
    from mlflow.types.schema import Array, ColSpec, DataType, Schema

    schema = Schema([ColSpec(DataType.string, "source"), ColSpec(Array(DataType.string), "references")])
    source = {"url": dataset.url} if dataset.url else {"uri": dataset.path}
    return MlflowDataset(
        name=dataset.name,
        digest=dataset.digest,
        source_type="http" if dataset.url else "local",
        source=json.dumps(source),
        schema=json.dumps({"mlflow_colspec": schema.to_dict()}),
        profile=json.dumps({**dataset.profile, "sha256": dataset.sha256}),
    )


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
