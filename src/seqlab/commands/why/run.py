"""A run and the recipe that it is made from: from the journal of this project, or from the MLflow server."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqlab.core.errors import SeqlabError
from seqlab.tracking.foreign import files, limited_bytes, recipe
from seqlab.tracking.home import Home
from seqlab.tracking.journal.record import RunRecord, recipe_params
from seqlab.tracking.objects import Objects
from seqlab.tracking.publishing.artifacts import RECIPE
from seqlab.tracking.publishing.find import find_record, find_run, server_of
from seqlab.tracking.publishing.server import Server, server_errors
from seqlab.tracking.publishing.tags import FILES, RUN_FINGERPRINT

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

PARTS = ("train", "evaluate")


@dataclass(frozen=True)
class Run:
    """A run: its recipe, its tags as MLflow has them, and its files: path → content, None if it was not kept.

    Raises:
        SeqlabError: the recipe lacks what recipes of this version have.
    """

    name: str
    fingerprint: str
    recipe: dict[str, dict[str, Any]]
    tags: dict[str, str]
    file: Callable[[str], bytes | None]

    def __post_init__(self) -> None:
        try:
            recipe_params(self.recipe)
            complete = all(self.recipe[part].keys() >= {"data", "code", "versions"} for part in PARTS)
        except (KeyError, TypeError, AttributeError):
            complete = False
        if not complete:
            raise SeqlabError(f"the recipe of run {self.name} is not one that this version of seqlab can read")


def load_run(home: Home, name: str) -> Run:
    """The run with that id or name, or whose fingerprint begins so; the journal is asked first.

    Raises:
        SeqlabError: there is none, or more than one; its recipe is missing or foreign; the server does not answer.
    """
    record = find_record(home, name)
    if record is not None:
        return _journaled(record, Objects(home.objects))
    server = server_of(home, name)
    with server_errors(server.uri):
        return _published(server, find_run(server, name))


def _journaled(record: RunRecord, objects: Objects) -> Run:
    def file(path: str) -> bytes | None:
        place = objects.get(record.files[path]) if path in record.files else None
        return place.read_bytes() if place else None

    return Run(record.name, record.fingerprint, record.recipe, record.tags, file)


def _published(server: Server, run: "MlflowRun") -> Run:
    name, tags = str(run.info.run_name), dict(run.data.tags)
    if RUN_FINGERPRINT not in tags or FILES not in tags:
        raise SeqlabError(f"run {name} at {server.address} has no {RECIPE}; run `seqlab sync` where it ran")
    present = {RECIPE, *files(tags[FILES])}

    def file(path: str) -> bytes | None:
        if path not in present:
            return None
        with server_errors(server.uri), tempfile.TemporaryDirectory(prefix="seqlab-run-") as folder:
            return limited_bytes(Path(server.client.download_artifacts(run.info.run_id, path, folder)))

    try:
        found = recipe(file(RECIPE) or b"{}")
    except SeqlabError as error:
        raise SeqlabError(
            f"{RECIPE} of run {name} at {server.address} is not one that seqlab can read: {error}"
        ) from None
    return Run(name, tags[RUN_FINGERPRINT], found, tags, file)
