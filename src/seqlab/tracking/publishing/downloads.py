"""Checkpoints from an MLflow server, each downloaded once: complete and checked before it has its name."""

from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from seqlab.core.atomic import atomic_directory, remove_leftovers, write_text
from seqlab.core.errors import SeqlabError
from seqlab.seq2seq.origin_note import OriginNote, is_name
from seqlab.system.terminal import say
from seqlab.tracking.fingerprint.canonical import digest
from seqlab.tracking.fingerprint.content import files_below, sha256
from seqlab.tracking.foreign import is_fingerprint
from seqlab.tracking.home import Home, find_home
from seqlab.tracking.journal.record import is_ensemble
from seqlab.tracking.journal.run_name import IDENTITY
from seqlab.tracking.publishing.find import find_run
from seqlab.tracking.publishing.model import ARTIFACT, logged_models
from seqlab.tracking.publishing.server import Server, connect, server_errors
from seqlab.tracking.publishing.tags import CHECKPOINT_DIGEST, RUN_FINGERPRINT

if TYPE_CHECKING:
    from mlflow.entities import Run

CHECKPOINT = f"artifacts/{ARTIFACT}"
# Digest of the checkpoint as it was downloaded, beside it.
DIGEST = "digest"


def download_checkpoint(run: str, start: Path | None = None) -> Path:
    """Checkpoint folder of the best model of `run` (id, name, or the beginning of its fingerprint), downloaded once.

    Raises:
        SeqlabError: the server does not answer, there is no such run, it has no model, or not the one that was logged.
    """
    folder, _ = _download_best(run, start)
    return folder


def download_model(run: str, start: Path | None = None) -> tuple[Path, OriginNote]:
    """As `download_checkpoint`, with what identifies the run.

    Raises:
        SeqlabError: as `download_checkpoint`; or it is no run of seqlab.
    """
    folder, found = _download_best(run, start)
    fingerprint = found.data.tags.get(RUN_FINGERPRINT, "")
    if not is_fingerprint(fingerprint):
        raise SeqlabError(f"run {run} has no fingerprint: it is no run of seqlab")
    name = found.info.run_name or ""
    # What people called it may be anything.
    return folder, OriginNote(name if is_name(name) else fingerprint[:IDENTITY], fingerprint)


def _download_best(run: str, start: Path | None) -> "tuple[Path, Run]":
    home = find_home(start or Path.cwd())
    server = connect(home)
    with server_errors(server.uri):
        found = find_run(server, run)
        models = [model for _, model in logged_models(server.client, found) if model is not None]
        if is_ensemble(found.data.params):
            say(f"{found.info.run_name} was scored as an ensemble of runs; this is its own model alone", err=True)
        best = next((model for model in models if model.name == "best"), None)
        if best is None:
            raise SeqlabError(
                f"run {found.info.run_name} at {server.address} has no model: its training did not finish, or somebody "
                "deleted the model"
            )
        expected = (best.tags or {}).get(CHECKPOINT_DIGEST)
        if expected is None:
            say(
                f"the model of {found.info.run_name} has no digest that it was logged under: it is of an earlier "
                "version, or somebody deleted the tag; nobody can tell whether it is the one that was logged",
                err=True,
            )
        return _downloaded(home, server, best.model_id, expected), found


def _downloaded(home: Home, server: Server, model_id: str, expected: str | None) -> Path:
    """The checkpoint's folder; `expected`: the digest it was logged under, None of one from an earlier version."""
    # The name says what it is: another server's model of that id, or another content, is another folder.
    folder = home.downloads / f"{model_id}-{digest([server.address, expected])[:12]}"
    home.locks.mkdir(parents=True, exist_ok=True)
    with FileLock(home.locks / f"{folder.name}.lock"):
        remove_leftovers(folder)
        if not _is_whole(folder, expected):
            _download(server, model_id, folder, expected)
    return folder / CHECKPOINT


def _is_whole(folder: Path, expected: str | None) -> bool:
    """Whether the folder holds what was downloaded, byte by byte."""
    try:
        noted = (folder / DIGEST).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return noted == checkpoint_digest(folder / CHECKPOINT) and expected in (None, noted)


def _download(server: Server, model_id: str, folder: Path, expected: str | None) -> None:
    import mlflow.artifacts

    with atomic_directory(folder) as temporary:
        mlflow.artifacts.download_artifacts(
            artifact_uri=f"models:/{model_id}", dst_path=str(temporary), tracking_uri=server.uri
        )
        found = checkpoint_digest(temporary / CHECKPOINT)
        if found != (expected or found):
            raise SeqlabError(
                f"model {model_id} at {server.address} is not the one that was logged: its download broke off, or "
                "somebody changed it; it is not used. Try again, or `dvc pull` where the run is"
            )
        write_text(temporary / DIGEST, found)


def checkpoint_digest(folder: Path) -> str:
    """Digest of a checkpoint's files, as the logged model's tag has it."""
    return digest({file.relative_to(folder).as_posix(): sha256(file) for file in files_below(folder)})
