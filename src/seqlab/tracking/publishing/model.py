"""Checkpoints in MLflow: logged as models that take texts and return translations, linked to their step, registered."""

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from seqlab.core.errors import SeqlabError
from seqlab.tracking.fingerprint.canonical import digest
from seqlab.tracking.foreign import model_id
from seqlab.tracking.journal.points import Point
from seqlab.tracking.journal.record import Checkpoint, RunRecord, run_alias
from seqlab.tracking.objects import Objects
from seqlab.tracking.publishing.failures import RefusedError
from seqlab.tracking.publishing.server import Server
from seqlab.tracking.publishing.shared_view import model_note
from seqlab.tracking.publishing.tags import CHECKPOINT_DIGEST, RUN_FINGERPRINT

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run

# The registered version that was published last; `latest` is MLflow's own word, for the highest number.
NEWEST = "newest"
ARTIFACT = "checkpoint"
VALID, TEST = "valid/", "test/"
SEARCH = ("beam_size", "length_penalty", "max_length", "batch_size")
EXAMPLE = {"en": "The small cat sleeps.", "fr": "Le petit chat dort.", "de": "Die kleine Katze schläft."}
ANY_EXAMPLE = "Hello!"


def log_checkpoint(
    server: Server, run_id: str, record: RunRecord, checkpoint: Checkpoint, objects: Objects
) -> str | None:
    """Log a checkpoint as a model of run `run_id` at its step; return its id, None if its files are not here.

    A model whose logging was cut off, by the end of this process or of the server, is completed.
    """
    from mlflow.entities import LoggedModelOutput

    places = {path: place for path, name in checkpoint.files.items() if (place := objects.get(name))}
    if len(places) < len(checkpoint.files):
        return None
    model = _unlinked(server, run_id, checkpoint) or server.client.create_logged_model(
        server.experiment_id,
        name=checkpoint.name,
        source_run_id=run_id,
        params=record.params,
        tags={
            "step": str(checkpoint.step),
            RUN_FINGERPRINT: record.fingerprint,
            CHECKPOINT_DIGEST: digest(checkpoint.files),
        },
        model_type="translation",
    )
    with tempfile.TemporaryDirectory(prefix="seqlab-model-") as folder:
        for path, place in places.items():
            target = Path(folder, ARTIFACT, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place, target)
        _save(Path(folder, "model"), Path(folder, ARTIFACT), record, checkpoint.name, run_id, model.model_id)
        server.client.log_model_artifacts(model.model_id, str(Path(folder, "model")))
    server.client.finalize_logged_model(model.model_id, "READY")
    server.client.log_outputs(run_id, [LoggedModelOutput(model.model_id, checkpoint.step)])
    return str(model.model_id)


def _unlinked(server: Server, run_id: str, checkpoint: Checkpoint) -> "LoggedModel | None":
    """A model of this checkpoint that the run does not know of yet."""
    models = server.client.search_logged_models([server.experiment_id], f"source_run_id = '{run_id}'")
    return next((model for model in models if model.name == checkpoint.name), None)


def register(server: Server, run_id: str, record: RunRecord, model_id: str) -> None:
    """Make the model a version of its task's registered model, under the aliases `newest` and `run-<fingerprint>`."""
    from mlflow.exceptions import MlflowException

    client, name, alias = server.client, record.registered_model, run_alias(record.fingerprint)
    source = f"models:/{model_id}"
    registered = client.search_registered_models(f"name = '{name}'")
    description = model_note(record.recipe["evaluate"]["corpus"], server.experiment_id)
    if not registered:
        # Another publisher may be quicker; whatever else it is, the next request fails too.
        with suppress(MlflowException):
            client.create_registered_model(name, description=description)
    elif not registered[0].description:
        client.update_registered_model(name, description)
    versions = client.search_model_versions(f"name = '{name}' AND run_id = '{run_id}'")
    version = next((each for each in versions if each.source == source), None)
    # The alias comes last: with it, all is done.
    if version is not None and registered and str(registered[0].aliases.get(alias)) == str(version.version):
        return
    if version is None:
        version = client.create_model_version(
            name,
            source=source,
            run_id=run_id,
            model_id=model_id,
            tags={"run": record.name, RUN_FINGERPRINT: record.fingerprint},
        )
    for each in (NEWEST, alias):
        client.set_registered_model_alias(name, each, version.version)


def logged_models(client: "MlflowClient", run: "Run") -> list[tuple[int, "LoggedModel | None"]]:
    """The models that the run has, each with its step; None for one that somebody deleted."""
    outputs = run.outputs.model_outputs if run.outputs else []
    return [(output.step, _logged_model(client, output.model_id)) for output in outputs]


def _logged_model(client: "MlflowClient", name: str) -> "LoggedModel | None":
    from mlflow.exceptions import MlflowException

    try:
        return client.get_logged_model(model_id(name))
    except SeqlabError as error:
        # Somebody's link to what is no model: this run's trouble alone.
        raise RefusedError(str(error)) from None
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def link_points(client: "MlflowClient", run_id: str, model_id: str, checkpoint: Checkpoint, record: RunRecord) -> bool:
    """Tell the model its scores: on which data, and the very points that the run has.

    Validation is that of the checkpoint's step; the test set was scored with the best checkpoint, in an ensemble of
    runs together with others: then its scores are not the model's.
    """
    from mlflow.entities import Metric

    model = client.get_logged_model(model_id)
    wanted = {point.key for point in record.points if _is_of(point, checkpoint, record)}
    linked = {metric.key for metric in model.metrics or []}
    datasets = {dataset.context: dataset for dataset in record.datasets}
    metrics = []
    for key in sorted(wanted - linked):
        dataset = datasets.get(key.split("/")[0])
        metrics += [
            Metric(
                key,
                point.value,
                point.timestamp,
                point.step,
                model_id=model_id,
                dataset_name=dataset.name if dataset else None,
                dataset_digest=dataset.digest if dataset else None,
            )
            for point in client.get_metric_history(run_id, key)
            if point.step == checkpoint.step or key.startswith(TEST)
        ]
    if metrics:
        client.log_batch(run_id, metrics=metrics)
    return bool(metrics)


def _is_of(point: Point, checkpoint: Checkpoint, record: RunRecord) -> bool:
    if point.key.startswith(TEST):
        return checkpoint.name == "best" and not record.is_ensemble
    return point.key.startswith(VALID) and point.step == checkpoint.step


def _save(folder: Path, checkpoint: Path, record: RunRecord, name: str, run_id: str, model_id: str) -> None:
    import mlflow.pyfunc
    from mlflow.models import Model

    evaluate = record.recipe["evaluate"]
    versions = record.recipe["train"]["versions"] | evaluate["versions"]
    # Of the last epoch, one set of parameters alone is kept; runs of old recipes have no more of the best either.
    parameters = evaluate["evaluate"].get("parameters", "best") if name == "best" else "best"
    mlflow.pyfunc.save_model(
        str(folder),
        python_model=str(Path(__file__).with_name("pyfunc.py")),
        artifacts={ARTIFACT: str(checkpoint)},
        model_config={key: evaluate["evaluate"][key] for key in SEARCH} | {"parameters": parameters},
        input_example=[EXAMPLE.get(evaluate["corpus"]["source"], ANY_EXAMPLE)],
        pip_requirements=[f"{package}=={version}" for package, version in sorted(versions.items())],
        mlflow_model=Model(run_id=run_id, model_uuid=model_id, model_id=model_id),
    )
