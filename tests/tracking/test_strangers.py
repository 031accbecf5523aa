"""A server where other people wrote runs, and one that lies: a bad run becomes a note, and the rest goes on."""

import json
import math
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput, Run

from seqlab.commands.compare.runs import find_runs
from seqlab.commands.promote import promote
from seqlab.commands.verify.claim import load_claim
from seqlab.commands.why.run_pair import explain_runs
from seqlab.core.atomic import write_text
from seqlab.core.errors import SeqlabError
from seqlab.tracking.publishing import model as model_module
from seqlab.tracking.publishing import sync as sync_module
from seqlab.tracking.publishing.downloads import download_checkpoint
from seqlab.tracking.publishing.server import connect
from seqlab.tracking.publishing.sync import sync
from tests.tracking.conftest import Project
from tests.tracking.mlflow_server import MlflowServer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("server")]

DEEP = "[" * 100_000
MODEL = f"m-{'0' * 32}"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_module, "stale_stages", lambda _: {})
    monkeypatch.setattr(model_module, "_save", lambda folder, *_: write_text(folder / "MLmodel", "flavors: {}\n"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, template_database: Path) -> Iterator[MlflowServer]:
    """For all tests, each of which has an experiment of its own."""
    made = MlflowServer(tmp_path_factory.mktemp("server"), template_database)
    made.start()
    yield made
    made.kill()


@pytest.fixture
def client(server: MlflowServer, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> MlflowClient:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", request.node.name)
    found = MlflowClient(server.uri)
    for model in found.search_registered_models():
        found.delete_registered_model(model.name)
    return found


def runs(client: MlflowClient) -> list[Run]:
    experiment = client.get_experiment_by_name(os.environ["MLFLOW_EXPERIMENT_NAME"])
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], order_by=["attribute.start_time"]))


def upload(client: MlflowClient, run: Run, path: str, content: str, folder: Path) -> None:
    write_text(folder / Path(path).name, content)
    client.log_artifact(run.info.run_id, str(folder / Path(path).name), str(Path(path).parent).strip("."))


Deed = Callable[[MlflowClient, Run, Path], object]
# What a stranger writes over our run, or does to it.
DEEDS: dict[str, Deed] = {
    "files deep": lambda client, run, _: client.set_tag(run.info.run_id, "seqlab.files", "[" * 4000),
    "files paths": lambda client, run, _: client.set_tag(
        run.info.run_id, "seqlab.files", json.dumps({"../../x": "0" * 12, "/etc/passwd": "0" * 12})
    ),
    "ledger deep": lambda client, run, folder: upload(client, run, "ledger.json", DEEP, folder),
    "ledger types": lambda client, run, folder: upload(client, run, "ledger.json", '{"executions": [[1]]}', folder),
    "recipe deep": lambda client, run, folder: upload(client, run, "recipe.json", DEEP, folder),
    "translations deep": lambda client, run, folder: upload(client, run, "reports/translations.jsonl", DEEP, folder),
    "model elsewhere": lambda client, run, _: client.log_outputs(run.info.run_id, [LoggedModelOutput("../x", 1)]),
    "score not a number": lambda client, run, _: client.log_metric(run.info.run_id, "test/bleu", math.nan, step=99),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_a_run_that_somebody_spoilt_stops_nobody(
    client: MlflowClient, project: Project, tmp_path: Path, deed: str
) -> None:
    """In sync, promote, verify, why and compare: a result, or an error for people, never a traceback."""
    project.run()
    sync(project.root)
    (run,) = runs(client)
    DEEDS[deed](client, run, tmp_path)
    # News of the first run, and a second one.
    project.train()
    project.set("train", teacher_forcing_ratio=0.25)
    project.run()
    summary = sync(project.root)
    # What cannot be published of the spoilt one is said, and the other is published.
    spoilt = "failed" if deed == "model elsewhere" else "updated"
    assert [outcome.action for outcome in summary.outcomes] == [spoilt, "created"], str(summary)
    second = next(each for each in runs(client) if each.data.params["train.teacher_forcing_ratio"] == "0.25")
    assert second.info.status == "FINISHED"
    assert "challenge" in second.data.tags
    for compared in find_runs(connect(project.home), [], ""):
        assert math.isfinite(compared.metrics.get("test/bleu", 0.0))
    project.home.journal.rename(tmp_path / "journal")
    for question in (
        lambda: promote(project.root, run.info.run_id, lambda _: True),
        lambda: load_claim(project.home, run.info.run_id),
        lambda: explain_runs(project.root, run.info.run_id, second.info.run_id),
    ):
        assert len(said(question)) < 1000


def said(question: Callable[[], object]) -> str:
    """What people are told if the answer is no."""
    try:
        question()
    except SeqlabError as error:
        return str(error)
    return ""


def test_somebody_elses_runs_are_let_alone(client: MlflowClient, project: Project) -> None:
    """One carries our fingerprint and nothing else: it becomes ours. Another's task leads out of a folder."""
    project.run()
    sync(project.root)
    (run,) = runs(client)
    name = run.data.tags["seqlab.run_fingerprint"]
    strange = client.create_run(run.info.experiment_id, start_time=1, tags={"seqlab.run_fingerprint": name})
    other = client.create_run(run.info.experiment_id, run_name="other")
    for key, value in (("name", "files"), ("source", "../../.."), ("target", "x")):
        client.log_param(other.info.run_id, f"corpus.{key}", value)
    client.log_metric(other.info.run_id, "test/bleu", 99.0)
    assert sync(project.root).count("failed") == 0
    assert client.get_run(strange.info.run_id).data.metrics["test/bleu"] == 30.0
    with pytest.raises(SeqlabError, match="is none of seqlab's"):
        promote(project.root, other.info.run_id, lambda _: True)
    with pytest.raises(SeqlabError, match="is running"):
        load_claim(project.home, other.info.run_id)
    with pytest.raises(SeqlabError, match="has no model"):
        download_checkpoint(other.info.run_id, project.root)
    assert not [path for path in project.home.locks.rglob("*") if ".." in path.name]


LIES: dict[str, object] = {
    "no JSON": b"<html>",
    "a list": [1],
    "wrong types": {"experiment": 5, "runs": 5, "model": 5},
    "a deep one": b'{"experiment":' + b'{"a":' * 100_000,
    "nothing": {},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_server_that_lies_gets_an_error_for_people(
    project: Project, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    answer = LIES[lie]
    with liar(lambda _: answer) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        project.run()
        for question in (lambda: sync(project.root), lambda: download_checkpoint("a", project.root)):
            message = said(question)
            assert uri in message
            assert len(message) < 1000


@pytest.mark.parametrize("model_id", ["m-1?/../../../src/sitecustomize", "../../../src/x", MODEL + "/../../x", "m-0"])
def test_no_id_from_a_server_leads_out_of_the_folder(
    project: Project, monkeypatch: pytest.MonkeyPatch, model_id: str
) -> None:
    """Whatever the id, whatever files come with it, nothing is written but below the downloads."""
    before = everything(project.root)

    def answer(path: str) -> object:
        info = {
            "run_id": "a" * 32,
            "run_name": "a",
            "experiment_id": "1",
            "status": "FINISHED",
            "lifecycle_stage": "active",
        }
        if "experiments" in path:
            return {"experiment": {"experiment_id": "1", "name": "seqlab", "lifecycle_stage": "active"}}
        if "runs/search" in path:
            outputs = {"model_outputs": [{"model_id": model_id, "step": 1}]}
            return {"runs": [{"info": info, "data": {}, "outputs": outputs}]}
        return {
            "model": {"info": {"model_id": model_id, "name": "best"}},
            "files": [{"path": "../../x", "is_dir": False}],
        }

    with liar(answer) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        with pytest.raises(SeqlabError, match="is no id of a model in MLflow"):
            download_checkpoint("a" * 32, project.root)
    # Which experiment it is, noted by a name of ours.
    noted = {str(project.home.folder), str(project.home.experiment)}
    assert everything(project.root) - noted == before


def everything(root: Path) -> set[str]:
    return {str(path) for path in root.rglob("*")} | {str(path) for path in root.parent.iterdir()}


class liar:  # noqa: N801 (used as a function)
    """A server that answers each path with what `answer` says, as JSON unless it is bytes."""

    def __init__(self, answer: Callable[[str], object]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                found = answer(self.path)
                body = found if isinstance(found, bytes) else json.dumps(found).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 (the library's names)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
