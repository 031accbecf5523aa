"""A downloaded checkpoint is complete and the one that was logged, or it is not there."""

import shutil
from pathlib import Path
from typing import Any

import mlflow.artifacts
import pytest
from mlflow import MlflowClient

from seqlab.core.errors import SeqlabError
from seqlab.tracking.fingerprint.canonical import digest
from seqlab.tracking.publishing import model as model_module
from seqlab.tracking.publishing import sync as sync_module
from seqlab.tracking.publishing.downloads import checkpoint_digest, download_checkpoint, download_model
from seqlab.tracking.publishing.sync import sync
from tests.tracking.conftest import Project


@pytest.fixture
def published(tracked: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A published run whose models are their checkpoints and nothing else."""

    def save(folder: Path, checkpoint: Path, *_: object) -> None:
        shutil.copytree(checkpoint, folder / "artifacts/checkpoint")

    monkeypatch.setattr(sync_module, "stale_stages", lambda _: {})
    monkeypatch.setattr(model_module, "_save", save)
    tracked.run()
    sync(tracked.root)
    return tracked


def name(project: Project) -> str:
    (run,) = MlflowClient(f"sqlite:///{project.root}/mlflow.db").search_runs(["1"])
    return str(run.info.run_id)


def downloads(project: Project) -> list[Path]:
    folder = project.home.folder / "downloads"
    return sorted(folder.iterdir()) if folder.exists() else []


def assert_whole(project: Project) -> None:
    folder = download_checkpoint(name(project), project.root)
    assert (folder / "model.safetensors").read_bytes() == b"weights"
    assert (folder / "tokenizer/config.json").is_file()
    assert len(downloads(project)) == 1


def test_the_digest_stands_where_earlier_versions_put_it(published: Project) -> None:
    """In a tag that models on servers have: under another name they would count as models without a digest."""
    client = MlflowClient(f"sqlite:///{published.root}/mlflow.db")
    [best] = [model for model in client.search_logged_models(["1"]) if model.name == "best"]
    assert best.tags["seqlab.checkpoint"] == checkpoint_digest(download_checkpoint(name(published), published.root))


def test_a_model_without_a_digest_is_said_to_be_unchecked(
    published: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of earlier versions have none; and whoever may write to the server may delete it."""
    client = MlflowClient(f"sqlite:///{published.root}/mlflow.db")
    download_checkpoint(name(published), published.root)
    assert capsys.readouterr().err == ""
    [best] = [model for model in client.search_logged_models(["1"]) if model.name == "best"]
    client.delete_logged_model_tag(best.model_id, "seqlab.checkpoint")
    folder = download_checkpoint(name(published), published.root)
    assert (folder / "model.safetensors").read_bytes() == b"weights"
    assert "has no digest that it was logged under: it is of an earlier version, or" in capsys.readouterr().err


def test_a_model_comes_with_what_identifies_its_run(published: Project) -> None:
    client = MlflowClient(f"sqlite:///{published.root}/mlflow.db")
    run = client.get_run(name(published))
    fingerprint = run.data.tags["seqlab.run_fingerprint"]
    folder, note = download_model(name(published), published.root)
    assert folder == download_checkpoint(name(published), published.root)
    assert (note.run, note.fingerprint) == (run.info.run_name, fingerprint)
    # A name that somebody gave it stands in no report.
    client.set_tag(run.info.run_id, "mlflow.runName", "<b>\nmine")
    assert download_model(name(published), published.root)[1].run == fingerprint[: len(note.run.rpartition("-")[2])]
    client.set_tag(run.info.run_id, "seqlab.run_fingerprint", "../x")
    with pytest.raises(SeqlabError, match="it is no run of seqlab"):
        download_model(name(published), published.root)


@pytest.mark.parametrize("how", ["cut", "file missing", "file added", "stopped"])
def test_what_broke_off_does_not_stay(published: Project, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    original = mlflow.artifacts.download_artifacts

    def broken(dst_path: str, **rest: Any) -> None:
        original(dst_path=dst_path, **rest)
        folder = Path(dst_path, "artifacts/checkpoint")
        match how:
            case "cut":
                (folder / "model.safetensors").write_bytes(b"weig")
            case "file missing":
                (folder / "tokenizer/config.json").unlink()
            case "file added":
                (folder / "sitecustomize.py").write_bytes(b"")
            case "stopped":
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(mlflow.artifacts, "download_artifacts", broken)
        with pytest.raises(KeyboardInterrupt if how == "stopped" else SeqlabError) as caught:
            download_checkpoint(name(published), published.root)
    assert how == "stopped" or "is not the one that was logged: its download broke off" in str(caught.value)
    assert downloads(published) == []
    assert_whole(published)


def test_a_folder_that_is_there_is_used_only_as_it_was_downloaded(published: Project) -> None:
    assert_whole(published)
    folder = download_checkpoint(name(published), published.root)
    (folder / "model.safetensors").write_bytes(b"another's")
    assert_whole(published)
    # Neither what a killed process left, nor somebody's folder of that name.
    shutil.rmtree(downloads(published)[0])
    (folder.parents[2] / f".{folder.parents[1].name}.x").mkdir()
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"another's")
    assert_whole(published)


def test_the_digest_is_the_one_that_the_model_was_logged_under(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/c").write_bytes(b"1")
    sha = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
    assert checkpoint_digest(tmp_path / "a") == digest({"b/c": sha})
