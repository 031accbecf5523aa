"""The checkpoints of a run in MLflow: a model each, and the best one's version in the registry."""

from typing import TYPE_CHECKING

from seqlab.results.paths import MODELS
from seqlab.tracking.foreign import task
from seqlab.tracking.journal.record import RunRecord
from seqlab.tracking.objects import Objects
from seqlab.tracking.publishing.model import link_points, log_checkpoint, logged_models, register
from seqlab.tracking.publishing.server import Server
from seqlab.tracking.publishing.tags import PUBLISHED, REGISTERED

if TYPE_CHECKING:
    from mlflow.entities import Run

UNREGISTERED = (
    "its model's version in the registry was deleted in MLflow, and stays so; to have one again, delete the run's tags "
    f"{REGISTERED} and {PUBLISHED}, then `seqlab sync`"
)


class Checkpoints:
    """Publishes checkpoints to one server; what somebody deleted there stays so."""

    def __init__(self, server: Server, objects: Objects) -> None:
        self._server = server
        self._client = server.client
        self._objects = objects
        # The runs that have a version of a registered model, for the models that were asked for.
        self._registered: dict[str, set[str]] = {}

    def publish(self, run: "Run", record: RunRecord, notes: list[str]) -> bool:
        """Log the checkpoints that the run lacks, with their scores, and register the best; whether anything changed.

        `notes` is told of what somebody deleted, or is not here to be logged.
        """
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
                    notes.append(f"its model {MODELS}/{checkpoint.name} was deleted in MLflow, and stays so")
                    continue
                model_id = log_checkpoint(self._server, run_id, record, checkpoint, self._objects)
                if model_id is None:
                    notes.append(f"{MODELS}/{checkpoint.name} is not here any more; `dvc repro` brings it back")
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

    def unregistered(self, run: "Run", record: RunRecord) -> list[str]:
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
