"""The splits of a run's corpus as MLflow's datasets."""

import json
from typing import TYPE_CHECKING

from seqlab.tracking.journal.record import Dataset, RunRecord

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Dataset as MlflowDataset
    from mlflow.entities import Run


def publish_datasets(client: "MlflowClient", run: "Run", record: RunRecord) -> bool:
    """Log the splits that the run lacks; return whether there were any."""
    from mlflow.entities import DatasetInput, InputTag

    present = {each.dataset.digest for each in run.inputs.dataset_inputs} if run.inputs else set()
    missing = [
        DatasetInput(_mlflow_dataset(dataset), [InputTag("mlflow.data.context", dataset.context)])
        for dataset in record.datasets
        if dataset.digest not in present
    ]
    if missing:
        client.log_inputs(run.info.run_id, missing)
    return bool(missing)


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
