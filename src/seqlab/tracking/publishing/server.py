"""The MLflow server, or the SQLite database that stands in for one.

Importing MLflow takes a second: here and in its neighbours, the functions that need it do so when they are called.
"""

import json
import os
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from seqlab.core.atomic import write_text
from seqlab.core.errors import SeqlabError
from seqlab.params.params import load_params
from seqlab.results.paths import PARAMS
from seqlab.system.addresses import check_address, stripped
from seqlab.tracking.fingerprint.canonical import digest
from seqlab.tracking.foreign import json_object, limited_bytes, task
from seqlab.tracking.home import Home
from seqlab.tracking.publishing.failures import failure
from seqlab.tracking.publishing.moved import follow_move
from seqlab.tracking.publishing.shared_view import experiment_note, view_tags, view_url
from seqlab.tracking.publishing.stores import check_stores
from seqlab.tracking.publishing.tags import NOTE
from seqlab.tracking.publishing.uri import SQLITE, is_server, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

EXPERIMENT_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
# Where `mlflow ui` serves a database.
LOCAL = "http://127.0.0.1:5000"
# Of an experiment, MLflow shows every tag beside its name but its own.
OUR_EXPERIMENT_NOTE = "mlflow.seqlab.note"
# Two processes on a database that does not exist yet: one crashes. So one at a time.
LOCK_SECONDS = 120
# A server that does not answer costs at most the time limit, once. MLflow's own retries would ask again for what the
# server may have done already, and so make a second run: we look what is there before we try again.
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
# Set by whatever started us for a run of its own.
INHERITED = ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID")


@dataclass(frozen=True)
class Server:
    """A client of a tracking server, and the experiment that all runs go to; `notes`: what connecting had to mend.

    `task` is the registered model of the working copy's own task, None where its parameters are refused. `uri` is for
    MLflow alone: it may hold a password. People are shown `address`.
    """

    client: "MlflowClient"
    uri: str
    experiment_id: str
    notes: tuple[str, ...] = ()
    task: str | None = None

    @property
    def address(self) -> str:
        """`uri` without a name or a password."""
        return stripped(self.uri)

    @property
    def view(self) -> str:
        """Address of the view that shows ratio, hidden size and BLEU; of a database, what `make ui` serves."""
        return _view(self.uri, self.experiment_id)

    def place(self, run_id: str) -> str:
        """Address of the run's page; of a run in a database, its id."""
        if not is_server(self.uri):
            return f"run {run_id}"
        return f"{self.address.rstrip('/')}/#/experiments/{self.experiment_id}/runs/{run_id}"


def experiment_name() -> str:
    """MLFLOW_EXPERIMENT_NAME, or seqlab."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME") or "seqlab"


def connect(home: Home) -> Server:
    """Connect to the server; create database and experiment where there is none.

    Raises:
        SeqlabError: the server does not answer in time, refuses, or holds the experiment deleted; the address is
            misread by everybody; a package is missing.
    """
    for name in INHERITED:
        os.environ.pop(name, None)
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    uri = tracking_uri(home.root)
    check_address(uri, "MLFLOW_TRACKING_URI")
    with _alone(uri), server_errors(uri):
        import mlflow

        check_stores()
        notes = follow_move(Path(uri.removeprefix(SQLITE)), home.root) if uri.startswith(SQLITE) else []

        # Registering a model asks the process-wide address, whatever the client's is.
        mlflow.set_tracking_uri(uri)
        client = mlflow.MlflowClient(tracking_uri=uri)
        server = Server(client, uri, _experiment(client, home, uri), tuple(notes), _own_task(home))
        _remember(home, uri, server.experiment_id)
        return server


def _own_task(home: Home) -> str | None:
    try:
        return task(load_params(home.root / PARAMS).corpus.model_dump())
    except SeqlabError:
        return None


@contextmanager
def server_errors(uri: str) -> Iterator[None]:
    """Turn what MLflow, its database and its connection raise into one message, without the password in `uri`.

    Raises:
        RefusedError: the server refused what concerns one run.
        SeqlabError: all else.
    """
    import sqlite3

    import requests
    import sqlalchemy.exc
    from google.protobuf.json_format import ParseError
    from mlflow.exceptions import MlflowException

    raised = (MlflowException, requests.RequestException, sqlalchemy.exc.SQLAlchemyError, sqlite3.Error)
    try:
        yield
    except (*raised, OSError, ImportError, ParseError) as error:
        raise failure(error, stripped(uri)) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        if not _raised_by_mlflow(error):
            raise
        # A server that lies: its answer is none that MLflow's own client can read.
        raise failure(MlflowException(f"its answer is none of MLflow's ({error!r})"), stripped(uri)) from error


def _raised_by_mlflow(error: BaseException) -> bool:
    """Whether it was raised by other code than ours, called by MLflow's."""
    frames = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = max((place for place, name in enumerate(frames) if name.startswith("seqlab.")), default=-1)
    return any(name.startswith("mlflow.") for name in frames[ours + 1 :])


def _experiment(client: "MlflowClient", home: Home, uri: str) -> str:
    from mlflow.exceptions import MlflowException

    name = experiment_name()
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        # Only where the database is ours do we say where its artifacts go.
        location = (home.root.resolve() / "mlartifacts").as_uri() if uri.startswith(SQLITE) else None
        try:
            experiment = client.get_experiment(client.create_experiment(name, location, view_tags()))
        except MlflowException:
            # Somebody on another machine was quicker.
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    if experiment.lifecycle_stage != "active":
        raise SeqlabError(
            f"MLflow at {stripped(uri)}: experiment {name} is deleted; restore it with "
            f"`mlflow experiments restore -x {experiment.experiment_id}`, or choose another by MLFLOW_EXPERIMENT_NAME"
        )
    for tag, value in _wanted_tags(experiment).items():
        if experiment.tags.get(tag) != value:
            client.set_experiment_tag(experiment.experiment_id, tag, value)
    return str(experiment.experiment_id)


def _wanted_tags(experiment: "Experiment") -> dict[str, str]:
    # What somebody wrote into the description stays.
    is_ours = experiment.tags.get(NOTE, "") == experiment.tags.get(OUR_EXPERIMENT_NOTE, "")
    note = experiment_note(experiment.experiment_id)
    return view_tags() | ({NOTE: note, OUR_EXPERIMENT_NOTE: note} if is_ours else {})


def known_view(home: Home) -> str | None:
    """Address of the view, without asking the server; None before anything was published to it."""
    try:
        known = json_object(limited_bytes(home.experiment))
        if known["server"] == _server_key(tracking_uri(home.root)) and EXPERIMENT_ID.fullmatch(known["experiment_id"]):
            return _view(tracking_uri(home.root), known["experiment_id"])
    except (OSError, ValueError, KeyError, TypeError, SeqlabError):
        pass
    return None


def _remember(home: Home, uri: str, experiment_id: str) -> None:
    text = json.dumps({"server": _server_key(uri), "experiment_id": experiment_id})
    # Only an address is lost.
    with suppress(OSError):
        if not home.experiment.exists() or home.experiment.read_bytes() != text.encode():
            write_text(home.experiment, text)


def _server_key(uri: str) -> str:
    """Tells servers and experiments apart; an address may hold a password, and is not written down."""
    return digest([uri, experiment_name()])


def _view(uri: str, experiment_id: str) -> str:
    return view_url(stripped(uri) if is_server(uri) else LOCAL, experiment_id)


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    if not uri.startswith(SQLITE):
        with nullcontext():
            yield
        return
    path = Path(uri.removeprefix(SQLITE) + ".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path, timeout=LOCK_SECONDS):
            yield
    except Timeout:
        raise SeqlabError(f"{path} is held by another process for {LOCK_SECONDS} s; end it and try again") from None
