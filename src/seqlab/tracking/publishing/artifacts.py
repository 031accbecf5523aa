"""A run's files in MLflow, at the paths that they have in the working copy, and its ledger."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from seqlab.core.errors import SeqlabError
from seqlab.results.paths import REPORTS
from seqlab.tracking.foreign import files, limited_bytes
from seqlab.tracking.journal.ledger import Ledger
from seqlab.tracking.journal.record import RunRecord
from seqlab.tracking.objects import Objects
from seqlab.tracking.publishing.failures import RefusedError, failure
from seqlab.tracking.publishing.tags import EXECUTION_IDS, FILES, ledger_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

LEDGER = "ledger.json"
RECIPE = "recipe.json"
NAME_LENGTH = 12


def publish_files(client: "MlflowClient", run: "Run", record: RunRecord, objects: Objects) -> bool:
    """Upload the files that the run lacks, and the report if it changed; return whether there were any."""
    present = files(run.data.tags.get(FILES, "{}"))
    wanted = {path: name for path, name in record.files.items() if path not in present}
    wanted |= {path: name for path, name in record.reports.items() if present.get(path) != name[:NAME_LENGTH]}
    found = {path: place for path, name in wanted.items() if (place := objects.get(name)) is not None}
    if not found:
        return False
    with tempfile.TemporaryDirectory(prefix="seqlab-files-") as folder:
        for path, place in found.items():
            target = Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place, target)
        if not present:
            Path(folder, RECIPE).write_text(json.dumps(record.recipe, indent=2) + "\n", "utf-8")
        client.log_artifacts(run.info.run_id, folder)
    present |= {path: wanted[path][:NAME_LENGTH] for path in found}
    client.set_tag(run.info.run_id, FILES, json.dumps(present))
    return True


def differing_outputs(run: "Run", record: RunRecord) -> list[str]:
    """The record's outputs that the run has otherwise."""
    present = files(run.data.tags.get(FILES, "{}"))
    outputs = {path: name for path, name in record.files.items() if path.startswith(REPORTS)}
    return sorted(path for path, name in outputs.items() if present.get(path, name[:NAME_LENGTH]) != name[:NAME_LENGTH])


def publish_ledger(client: "MlflowClient", run: "Run", record: RunRecord) -> bool:
    """Add the executions that the run does not know of to those that it knows; return whether there were any."""
    from mlflow.entities import RunTag

    if knows_executions(run, record):
        return False
    # Files and models took their time, in which another machine may have added its own.
    run = client.get_run(run.info.run_id)
    known = run.data.tags.get(EXECUTION_IDS, "")
    ledger = Ledger(
        [*_published_ledger(client, run).entries, *record.ledger.entries] if known else record.ledger.entries
    )
    with tempfile.TemporaryDirectory(prefix="seqlab-ledger-") as folder:
        Path(folder, LEDGER).write_text(ledger.to_json(), "utf-8")
        client.log_artifacts(run.info.run_id, folder)
    client.log_batch(run.info.run_id, tags=[RunTag(name, value) for name, value in ledger_tags(ledger).items()])
    return True


def knows_executions(run: "Run", record: RunRecord) -> bool:
    """Whether the run's tag has all executions of the record."""
    known = run.data.tags.get(EXECUTION_IDS, "").split()
    return all(entry.short_id in known for entry in record.ledger.entries)


def _published_ledger(client: "MlflowClient", run: "Run") -> Ledger:
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory(prefix="seqlab-ledger-") as folder:
        try:
            path = Path(client.download_artifacts(run.info.run_id, LEDGER, folder))
        except (OSError, MlflowException) as error:
            if isinstance(failure(error, ""), RefusedError):
                # Somebody deleted it: ours is what there is.
                return Ledger([])
            raise
        try:
            return Ledger.from_json(limited_bytes(path).decode("utf-8"))
        except (SeqlabError, UnicodeDecodeError):
            # Somebody else's file: ours is the better one.
            return Ledger([])
