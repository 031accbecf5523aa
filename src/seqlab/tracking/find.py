"""Finds a run by what people call it: in the journal, or on the MLflow server."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from seqlab.addresses import stripped
from seqlab.errors import SeqlabError
from seqlab.tracking.assembly import assemble
from seqlab.tracking.execution import read_executions
from seqlab.tracking.home import Home
from seqlab.tracking.objects import Objects
from seqlab.tracking.record import RunRecord
from seqlab.tracking.server import SQLITE, Server, connect, tracking_uri
from seqlab.tracking.tags import RUN_FINGERPRINT

if TYPE_CHECKING:
    from mlflow.entities import Run


def find_run(server: Server, run: str) -> "Run":
    """The run of that id, of that name, or whose fingerprint begins so.

    Raises:
        SeqlabError: there is none, or more than one.
    """
    conditions = []
    if re.fullmatch(r"[\w.+-]+", run):
        conditions += [f"attributes.run_id = '{run}'", f"attributes.run_name = '{run}'"]
    if re.fullmatch(r"[0-9a-f]+", run):
        conditions += [f"tags.`{RUN_FINGERPRINT}` LIKE '{run}%'"]
    for condition in conditions:
        runs = server.client.search_runs([server.experiment_id], condition, max_results=2)
        if len(runs) > 1:
            raise SeqlabError(f"more than one run at {server.address} goes by {run}; give its id")
        if runs:
            return runs[0]
    raise SeqlabError(f"no run {run} at {server.address}; give the id, name or fingerprint that MLflow shows")


def find_record(home: Home, run: str) -> RunRecord | None:
    """The run of that name, or whose fingerprint begins so, as the journal tells it; None if it does not know it.

    Raises:
        SeqlabError: there is more than one.
    """
    records = assemble(read_executions(home), Objects(home.objects))
    found = [record for record in records if record.fingerprint.startswith(run) or record.name == run]
    if len(found) > 1:
        names = ", ".join(record.name for record in found)
        raise SeqlabError(f"more than one run in {home.journal} goes by {run}: {names}; give one of these names")
    return found[0] if found else None


def server_of(home: Home, run: str) -> Server:
    """The server that may have a run which the journal does not know; looking for it creates no database.

    Raises:
        SeqlabError: there is no database; the server does not answer.
    """
    uri = tracking_uri(home.root)
    if uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).exists():
        place = stripped(uri)
        raise SeqlabError(f"no run {run} in {home.journal}, and no MLflow at {place}; give its name or fingerprint")
    return connect(home)
