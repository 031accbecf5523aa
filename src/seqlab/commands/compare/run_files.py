"""Where the files of runs lie on this machine: in the artifact store itself, or downloaded once."""

import os
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlparse

from seqlab.commands.compare.comparable import counted
from seqlab.commands.compare.runs import ComparedRun
from seqlab.results.paths import BLEU_BY_LENGTH, CURVES, EXPOSURE, TRANSLATIONS
from seqlab.tracking.fingerprint.content import sha256 as content_digest
from seqlab.tracking.home import Home
from seqlab.tracking.publishing.failures import described
from seqlab.tracking.publishing.moved import ARTIFACTS
from seqlab.tracking.publishing.server import Server, server_errors
from seqlab.tracking.publishing.uri import is_server

WANTED = (TRANSLATIONS, CURVES, BLEU_BY_LENGTH, EXPOSURE)
# A download waits for the server, not for this machine.
THREADS = 8

Files = dict[str, Path]


def locate(server: Server, home: Home, runs: Sequence[ComparedRun]) -> tuple[dict[str, Files], list[str]]:
    """Run id → artifact path → place, of the files that a comparison shows and that the run has.

    Files that the run should have and that are nowhere are in the notes.

    Raises:
        SeqlabError: the server does not answer.
    """
    places: dict[str, Files] = {run.id: {} for run in runs}
    stores = _stores_here(server, home)
    wanted: list[tuple[ComparedRun, str, Path]] = []
    lost: dict[tuple[str, str], list[str]] = defaultdict(list)
    for run in runs:
        folder = _local_folder(run, stores)
        for path in WANTED:
            place = folder / path if folder else home.downloads / "files" / _key(run, path)
            if place.is_file():
                places[run.id][path] = place
            elif path in run.files and folder:
                lost[path, "not in the artifact store, which may have been moved"].append(run.name)
            elif path in run.files:
                wanted.append((run, path, place))
    with server_errors(server.uri), ThreadPoolExecutor(THREADS) as pool:
        failures = list(pool.map(lambda each: _download(server, *each), wanted))
    for (run, path, place), failure in zip(wanted, failures, strict=True):
        if failure:
            lost[path, failure].append(run.name)
        else:
            places[run.id][path] = place
    return places, [f"{path} of {counted(names)}: {reason}" for (path, reason), names in lost.items()]


def _stores_here(server: Server, home: Home) -> list[Path]:
    """The artifact stores that files are read from in place: those of a database, none of a server's."""
    if is_server(server.uri):
        return []
    with server_errors(server.uri):
        location = server.client.get_experiment(server.experiment_id).artifact_location
    return [home.root / ARTIFACTS, *filter(None, [_path(location)])]


def _local_folder(run: ComparedRun, stores: Sequence[Path]) -> Path | None:
    """The run's artifact folder, if it lies in one of the stores; None of one that MLflow has to be asked for."""
    folder = _path(run.artifact_uri)
    if folder and any(folder.resolve().is_relative_to(store.resolve()) for store in stores):
        return folder
    return None


def _path(address: str) -> Path | None:
    """The place of an address on this machine."""
    parts = urlparse(address)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(address) if address.startswith("/") else None


def _key(run: ComparedRun, path: str) -> str:
    """Name of a downloaded file: whatever a server says, it leads nowhere else."""
    return sha256("\n".join([run.id, path, run.files.get(path, "")]).encode()).hexdigest()[:32]


def _download(server: Server, run: ComparedRun, path: str, place: Path) -> str:
    """Download a file; return why that failed, "" if it did not."""
    from mlflow.exceptions import MlflowException

    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download.", dir=place.parent) as folder:
        try:
            downloaded = server.client.download_artifacts(run.id, path, folder)
        except MlflowException as error:
            return f"could not be downloaded: {described(error)}"
        if not content_digest(Path(downloaded)).startswith(run.files[path]):
            return "not the file that was published: somebody changed it, or its upload broke off"
        os.replace(downloaded, place)
    return ""
