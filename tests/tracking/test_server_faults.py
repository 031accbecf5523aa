"""A tracking server that is dead, dies, hangs, breaks or fills its disk; and once it is back, nothing is missing."""

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import psutil
import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run

from seqlab.core.atomic import write_text
from seqlab.core.errors import SeqlabError
from seqlab.tracking.publishing import model as model_module
from seqlab.tracking.publishing.sync import sync
from tests.disks import fill, give_back, small_disk
from tests.pipeline import conftest as pipeline
from tests.tracking.conftest import Project
from tests.tracking.mlflow_server import LossyWay, MlflowServer, wait_for

# In one process: they share what takes long to set up.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("server")]

STEP_METRICS = ("loss", "learning_rate", "gradient_norm", "teacher_forcing_ratio")


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory, template_database: Path) -> Iterator[MlflowServer]:
    made = MlflowServer(tmp_path_factory.mktemp("server"), template_database)
    yield made
    made.kill()


@pytest.fixture
def server(
    shared_server: MlflowServer, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> MlflowServer:
    """A running server; each test has an experiment of its own."""
    shared_server.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", shared_server.uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", request.node.name)
    return shared_server


@pytest.fixture(autouse=True)
def _small_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model is one small file, for what this process publishes."""
    monkeypatch.setattr(model_module, "_save", lambda folder, *_: write_text(folder / "MLmodel", "flavors: {}\n"))


def all_runs(client: MlflowClient) -> list[Run]:
    experiment = client.get_experiment_by_name(os.environ["MLFLOW_EXPERIMENT_NAME"])
    return list(client.search_runs([experiment.experiment_id])) if experiment else []


def only_run(client: MlflowClient) -> Run:
    (run,) = all_runs(client)
    return run


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def assert_complete(client: MlflowClient, root: Path) -> None:
    """The experiment has one run, and that is complete."""
    assert_complete_run(client, only_run(client), root)


def assert_complete_run(client: MlflowClient, run: Run, root: Path) -> None:
    """The run has every point of the curves once, and the models, each once."""
    assert run.info.status == "FINISHED"
    points = {key: client.get_metric_history(run.info.run_id, key) for key in run.data.metrics}
    for key, history in points.items():
        assert len({point.step for point in history}) == len(history), f"{key} has doubled points"
    for name in STEP_METRICS:
        expected = {int(row["step"]): float(row[name]) for row in rows(root / "reports/steps.csv")}
        assert {point.step: point.value for point in points[f"train/{name}"]} == expected
    expected = {int(row["step"]): float(row["valid_bleu"]) for row in rows(root / "reports/curves.csv")}
    assert {point.step: point.value for point in points["valid/bleu"]} == expected
    assert run.outputs is not None
    linked = [client.get_logged_model(each.model_id) for each in run.outputs.model_outputs]
    assert "best" in {model.name for model in linked}
    assert {model.status.name for model in linked} == {"READY"}
    models = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
    assert sorted(model.model_id for model in models) == sorted(model.model_id for model in linked)
    assert len({model.name for model in linked}) == len(linked)
    best = next(model for model in linked if model.name == "best")
    (version,) = client.search_model_versions(f"run_id = '{run.info.run_id}'")
    assert version.source == f"models:/{best.model_id}"
    alias = f"run-{run.info.run_name[-6:]}"
    assert client.get_model_version_by_alias(version.name, alias).version == version.version


def assert_a_second_sync_changes_nothing(client: MlflowClient, project: Project) -> None:
    before = everything(client)
    assert sync(project.root).count("unchanged") == 1
    assert everything(client) == before


def everything(client: MlflowClient) -> object:
    run = only_run(client)
    points = {key: client.get_metric_history(run.info.run_id, key) for key in run.data.metrics}
    return run.to_dictionary(), {key: [(p.step, p.value, p.timestamp) for p in each] for key, each in points.items()}


def failed_syncs(project: Project, remedy: Callable[[], object] = lambda: None) -> int:
    """Sync until it succeeds; return how often it failed, each time with a message, and then `remedy` was called."""
    failures = 0
    while True:
        try:
            sync(project.root)
        except SeqlabError as error:
            message = str(error)
        else:
            return failures
        assert "nothing is lost" in message
        failures += 1
        remedy()


def test_the_answer_to_each_change_gets_lost(
    server: MlflowServer, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server did as it was told, and died before it could say so; and so for every request after that."""
    project.run()
    way = LossyWay(server)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", way.uri)
    failures = failed_syncs(project)
    way.close()
    # An experiment and a registered model are looked for again at once.
    assert failures == len(way.lost) - 2 > 20
    client = MlflowClient(server.uri)
    assert_complete(client, project.root)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    assert_a_second_sync_changes_nothing(client, project)


@pytest.fixture
def publishing(monkeypatch: pytest.MonkeyPatch, project: Project) -> Iterator[Project]:
    """A project whose publisher is a process of its own, and waits a second for an answer."""
    monkeypatch.delenv("SEQLAB_PUBLISHER")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    yield project
    end_publishers(project.root)


def publishers(root: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if {"seqlab.tracking.publishing.publisher", str(root)} <= set(process.info["cmdline"] or ())
    ]


def end_publishers(root: Path) -> None:
    for process in publishers(root):
        process.kill()


@pytest.mark.parametrize("death", ["killed", "frozen"])
def test_the_server_dies_in_mid_training_and_comes_back(death: str, server: MlflowServer, publishing: Project) -> None:
    recorder = publishing.recorder("train")
    recorder.start()
    publishing.play_epochs(recorder, range(1, 3))
    client = MlflowClient(server.uri)
    wait_for(lambda: has_points(client))

    def go_on() -> None:
        publishing.play_epochs(recorder, range(3, 6))
        publishing.write_training(5, b"weights")
        names = ("models/best", "models/last", "reports/curves.csv", "reports/steps.csv", "reports/training.json")
        recorder.finish([Path(name) for name in names])
        wait_for(lambda: "gave up" in publishing.home.publisher_log.read_text("utf-8"))
        with pytest.raises(SeqlabError, match="seqlab sync"):
            sync(publishing.root)

    with server.frozen() if death == "frozen" else server.dead():
        go_on()
    sync(publishing.root)
    assert_complete(client, publishing.root)
    assert_a_second_sync_changes_nothing(client, publishing)


def has_points(client: MlflowClient) -> bool:
    return any("valid/bleu" in run.data.metrics for run in all_runs(client))


def test_the_disk_under_the_store_fills_up(
    project: Project, template_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room comes back little by little, so that it runs out in the database and among the artifacts."""
    project.run()
    disk = tmp_path / "disk"
    disk.mkdir()
    (project.root / "mlartifacts").symlink_to(disk)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{disk}/mlflow.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "full")
    with small_disk(disk, megabytes=8):
        shutil.copyfile(template_database, disk / "mlflow.db")
        filler = disk / "filler"
        fill(filler)
        assert failed_syncs(project, remedy=lambda: give_back(filler, blocks=4)) > 1
        client = MlflowClient(f"sqlite:///{disk}/mlflow.db")
        assert_complete(client, project.root)
        assert_a_second_sync_changes_nothing(client, project)


ran_once = pipeline.ran_once


@pytest.fixture(scope="module")
def finished(ran_once: pipeline.Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[pipeline.Project]:
    """A working copy in which the whole pipeline ran once, without a publisher."""
    made = pipeline.copy_of(ran_once, tmp_path_factory.mktemp("finished"))
    yield made
    end_publishers(made.root)


def test_a_real_training_does_not_notice(server: MlflowServer, finished: pipeline.Project, tmp_path: Path) -> None:
    """Not in its result; nor does it wait: the publisher is more patient than this test."""
    lock = finished.read("dvc.lock")
    address = {name: os.environ[name] for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME")}
    patient = {"SEQLAB_PUBLISHER": "on", "MLFLOW_HTTP_REQUEST_TIMEOUT": "3600"}
    project = pipeline.Project(finished.root, finished.environment | address)
    training = pipeline.Project(finished.root, project.environment | patient)
    for fault in (server.dead, server.frozen):
        with fault():
            training.repro("--force", "--single-item", "train")
            end_publishers(project.root)
            assert project.read("dvc.lock") == lock
    project.run("seqlab", "sync")
    client = MlflowClient(server.uri)
    assert_complete(client, project.root)
    before = everything(client)
    assert "1 unchanged" in project.run("seqlab", "sync").stdout
    assert everything(client) == before
    assert_every_file(client, finished.root, tmp_path)


def assert_every_file(client: MlflowClient, root: Path, folder: Path) -> None:
    """The server gives out, through its proxy, what stands in the working copy."""
    run = only_run(client)
    assert (run.info.artifact_uri or "").startswith("mlflow-artifacts:/")
    got = Path(client.download_artifacts(run.info.run_id, "", str(folder)))
    results = [path for path in (root / "reports").iterdir() if path.suffix in (".csv", ".json", ".jsonl")]
    assert len(results) > 6
    for path in (*results, root / "params.yaml", root / "data/raw/manifest.json", root / "reports/report.html"):
        assert (got / path.relative_to(root)).read_bytes() == path.read_bytes()
    assert run.inputs is not None
    assert {each.tags[0].value for each in run.inputs.dataset_inputs} == {"train", "valid", "test"}
    (version,) = client.search_model_versions(f"run_id = '{run.info.run_id}'")
    mlflow.set_tracking_uri(client.tracking_uri)
    model = Path(download_artifacts(version.source, dst_path=str(folder / "model")))
    for path in (each for each in (root / "models/best").rglob("*") if each.is_file()):
        kept = model / "artifacts/checkpoint" / path.relative_to(root / "models/best")
        assert kept.read_bytes() == path.read_bytes()


def test_two_trainings_at_once_in_one_database(
    finished: pipeline.Project, template_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "mlflow.db"
    shutil.copyfile(template_database, database)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "shared")
    address = {"MLFLOW_TRACKING_URI": f"sqlite:///{database}", "MLFLOW_EXPERIMENT_NAME": "shared"}
    copies = {}
    for seed in ("2", "3"):
        copy = pipeline.Project(tmp_path / seed, finished.environment | {"PYTHONPATH": "src"} | address)
        shutil.copytree(finished.root, copy.root, symlinks=True)
        copy.set({"seed": int(seed)})
        copies[seed] = copy
    command = [sys.executable, "-m", "pipeline.train"]
    trainings = [
        subprocess.Popen(command, cwd=copy.root, env=copy.environment | {"SEQLAB_PUBLISHER": "on"})
        for copy in copies.values()
    ]
    assert [training.wait() for training in trainings] == [0, 0]
    for copy in copies.values():
        copy.run("seqlab", "sync")
    wait_for(lambda: not any(publishers(copy.root) for copy in copies.values()))
    client = MlflowClient(address["MLFLOW_TRACKING_URI"])
    found = {run.data.params["seed"]: run for run in all_runs(client)}
    for seed, copy in copies.items():
        assert_complete_run(client, found[seed], copy.root)
