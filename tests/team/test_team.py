"""A team: one MLflow server on PostgreSQL and S3, one DVC remote in S3, and several working copies that share them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
import requests
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run

from tests.pipeline import conftest as pipeline
from tests.team.servers import SECRETS, Team, missing, team
from tests.tracking import conftest as played
from tests.tracking.test_server_faults import assert_complete_run, end_publishers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=f"not installed here: {missing()}; see docs/team.md"),
]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with team(tmp_path_factory.mktemp("servers")) as made:
        yield made


def runs(client: MlflowClient, experiment: str) -> list[Run]:
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    return list(client.search_runs([found.experiment_id]))


def everything(client: MlflowClient, experiment: str) -> object:
    """All runs of an experiment, with every point."""
    found = []
    for run in runs(client, experiment):
        points = {key: client.get_metric_history(run.info.run_id, key) for key in run.data.metrics}
        found.append((run.to_dictionary(), {key: [p.to_proto() for p in each] for key, each in points.items()}))
    return found


def test_a_result_reaches_a_colleague(servers: Team, tmp_path: Path) -> None:
    """Published, pushed, cloned, pulled: nothing runs again, and there is one run."""
    ours = pipeline.make_project(tmp_path / "ours", tmp_path / "home")
    ours.environment["MLFLOW_TRACKING_URI"] = servers.tracking_uri
    ours.set(pipeline.TINY)
    ours.dvc("remote", "add", "--default", "store", "s3://dvc/seqlab")
    ours.dvc("remote", "modify", "store", "endpointurl", servers.store_url)
    give_key(ours)
    ours.run("git", "commit", "--quiet", "--all", "--message=Ours")
    ours.repro()
    client = MlflowClient(servers.tracking_uri)

    # The run is complete, its files are in the bucket, its model is registered.
    ours.run("seqlab", "sync")
    (run,) = runs(client, "seqlab")
    assert_complete_run(client, run, ours.root)
    assert_same_files(client, run, ours.root, tmp_path / "artifacts")
    assert any(name.endswith("/model.safetensors") for name in servers.objects("mlflow"))
    assert servers.query("SELECT count(*) FROM runs") == (1,)
    before = everything(client, "seqlab")
    assert "1 unchanged" in ours.run("seqlab", "sync").stdout
    assert everything(client, "seqlab") == before

    # The results are in DVC's bucket.
    ours.dvc("push", "--run-cache")
    assert all(name.startswith("seqlab/") for name in servers.objects("dvc"))
    ours.run("git", "add", "--all")
    ours.run("git", "commit", "--quiet", "--message=Results")

    # A colleague's clone runs nothing, finds the same run, and translates with its model.
    theirs = pipeline.Project(tmp_path / "theirs", ours.environment)
    ours.run("git", "clone", "--quiet", str(ours.root), str(theirs.root))
    give_key(theirs)
    theirs.dvc("pull", "--run-cache")
    assert theirs.repro() == []
    assert theirs.run("git", "status", "--porcelain").stdout == ""
    assert "1 unchanged" in theirs.run("seqlab", "sync").stdout
    assert everything(client, "seqlab") == before
    example = json.loads(ours.read("reports/translations.jsonl").splitlines()[0])
    translated = theirs.run("seqlab", "translate", "--run", run.info.run_name, example["source"]).stdout
    assert translated.strip() == example["translation"]

    # Nor would it run anything had nobody committed dvc.lock: the run-cache knows what came of the recipe.
    (theirs.root / "dvc.lock").unlink()
    theirs.run("dvc", "checkout", "--force", check=False)
    assert theirs.repro() == []
    assert theirs.read("dvc.lock") == ours.read("dvc.lock")


def give_key(project: pipeline.Project) -> None:
    """In .dvc/config.local, which git does not see."""
    for name, value in {"access_key_id": "dvc", "secret_access_key": SECRETS["STORE_DVC_SECRET"]}.items():
        project.dvc("remote", "modify", "--local", "store", name, value)


def assert_same_files(client: MlflowClient, run: Run, root: Path, folder: Path) -> None:
    """The server gives out, from its bucket, what stands in the working copy."""
    assert (run.info.artifact_uri or "").startswith("mlflow-artifacts:/")
    folder.mkdir()
    got = Path(client.download_artifacts(run.info.run_id, "", str(folder)))
    for name in ("reports/report.html", "reports/scores.json", "reports/translations.jsonl", "params.yaml"):
        assert (got / name).read_bytes() == (root / name).read_bytes()
    (version,) = client.search_model_versions(f"run_id = '{run.info.run_id}'")
    mlflow.set_tracking_uri(client.tracking_uri)
    model = Path(download_artifacts(version.source, dst_path=str(folder / "model")))
    weights = "model.safetensors"
    assert (model / "artifacts/checkpoint" / weights).read_bytes() == (root / "models/best" / weights).read_bytes()


def test_two_working_copies_publish_at_once(servers: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into an experiment and a registered model that neither finds there at first."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", servers.tracking_uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "at-once")
    monkeypatch.delenv("SEQLAB_PUBLISHER", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    copies = {}
    for seed in (1, 2):
        copies[seed] = played.make_project(tmp_path / str(seed))
        copies[seed].params = copies[seed].params.model_copy(update={"seed": seed})
    roots = [copy.root for copy in copies.values()]
    try:
        for copy in copies.values():
            copy.run()
        # Two publishers are at work by now; two people think that they should help.
        assert [status for status, _ in sync_at_once(roots)] == [0, 0]
    finally:
        for root in roots:
            end_publishers(root)
    client = MlflowClient(servers.tracking_uri)
    found = {int(run.data.params["seed"]): run for run in runs(client, "at-once")}
    assert len(runs(client, "at-once")) == len(found) == len(copies)
    for seed, copy in copies.items():
        assert_complete_run(client, found[seed], copy.root)
    before = everything(client, "at-once")
    assert all("1 unchanged" in output for _, output in sync_at_once(roots))
    assert everything(client, "at-once") == before


def test_the_store_hangs(servers: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While PostgreSQL and MLflow answer: `seqlab sync` says so, and completes the run afterwards."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", servers.tracking_uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "hanging")
    monkeypatch.setenv("SEQLAB_PUBLISHER", "off")
    monkeypatch.delenv("DVC_ROOT", raising=False)
    project = played.make_project(tmp_path / "project")
    project.run()
    with servers.frozen_store(), monkeypatch.context() as hurried:
        hurried.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
        ((status, output),) = sync_at_once([project.root])
    assert status == 1
    assert "nothing is lost" in output
    ((status, output),) = sync_at_once([project.root])
    assert status == 0, output
    client = MlflowClient(servers.tracking_uri)
    (run,) = runs(client, "hanging")
    assert_complete_run(client, run, project.root)


def sync_at_once(roots: list[Path]) -> list[tuple[int, str]]:
    """Run `seqlab sync` in all the folders; exit status and output of each."""
    command = [sys.executable, "-c", "from seqlab.cli import main; main()", "sync"]
    processes = [
        subprocess.Popen(command, cwd=root, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for root in roots
    ]
    outputs = [process.communicate()[0] for process in processes]
    return [(process.returncode, output) for process, output in zip(processes, outputs, strict=True)]


def test_the_server_answers_to_its_own_names_alone(servers: Team) -> None:
    """A page that somebody's browser shows can't reach it under another name."""
    address = f"{servers.tracking_uri}/api/2.0/mlflow/experiments/search"
    for host, status in {"localhost:5000": 200, "evil.example.org": 403}.items():
        answer = requests.post(address, json={"max_results": 1}, headers={"Host": host}, timeout=60)
        assert answer.status_code == status
