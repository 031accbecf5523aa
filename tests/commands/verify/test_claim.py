import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from seqlab.commands.verify import claim as claim_module
from seqlab.commands.verify.claim import Claim, claim_of, load_claim
from seqlab.core.atomic import write_bytes, write_json
from seqlab.core.errors import SeqlabError
from seqlab.tracking.fingerprint.content import sha256
from seqlab.tracking.journal.execution import read_executions
from seqlab.tracking.journal.ledger import Ledger
from seqlab.tracking.journal.source import SOURCE, read_source, source_archive
from seqlab.tracking.publishing.find import find_record
from seqlab.tracking.publishing.run import published
from seqlab.tracking.publishing.sync import sync
from tests.tracking.conftest import Project, git, make_project

OUTPUTS = {
    "models/best/model.safetensors",
    "models/last/model.safetensors",
    "reports/curves.csv",
    "reports/scores.json",
    "reports/translations.jsonl",
}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DVC_ROOT", "DVC_EXP_NAME", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.setenv("SEQLAB_PUBLISHER", "off")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose stages ran, and were recorded."""
    made = make_project(tmp_path / "project")
    made.train()
    made.evaluate()
    return made


def check(found: Claim, project: Project) -> None:
    """It is the run that the project's files are of."""
    assert found.name.startswith("tf0.50-h128-gru-")
    assert set(found.outputs) >= OUTPUTS
    for path in OUTPUTS:
        assert sha256(project.root / path).startswith(found.outputs[path])
    assert set(found.data) >= {"data/tokenized/train", "data/raw/test.jsonl"}
    assert read_source(found.source()) == read_source(source_archive(project.root))
    assert found.content("reports/scores.json") == (project.root / "reports/scores.json").read_bytes()
    assert found.content("models/digests.safetensors") is None


def test_a_run_of_the_journal_by_name_and_fingerprint(project: Project) -> None:
    fingerprint = next(read_executions(project.home)).run_fingerprint
    record = find_record(project.home, fingerprint)
    assert record is not None
    for name in (fingerprint, fingerprint[:8], record.name):
        check(load_claim(project.home, name), project)


def test_the_first_execution_is_the_runs(project: Project) -> None:
    first = sha256(project.root / "models/best/model.safetensors")
    project.train(weights=b"others")
    found = load_claim(project.home, next(read_executions(project.home)).run_fingerprint)
    assert found.outputs["models/best/model.safetensors"] == first


def test_checkpoints_that_no_execution_of_the_journal_made_are_the_runs(project: Project) -> None:
    """Its training was restored, and its last epoch is its best: that is one model in MLflow, and two folders."""
    path = project.root / "reports/training.json"
    training = json.loads(path.read_text())
    write_json(path, training | {"steps": training["best"]["step"]})
    for execution in project.executions():
        assert execution.path is not None
        execution.path.unlink()
    project.evaluate()
    found = load_claim(project.home, next(read_executions(project.home)).run_fingerprint)
    check(found, project)


def test_the_run_of_the_working_copy(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim_module, "stale_stages", lambda _: {"report": "never ran"})
    check(load_claim(project.home, None), project)


def test_a_working_copy_of_which_no_copy_has_all_is_no_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim_module, "stale_stages", lambda _: {})
    git(project.root, "init", "--quiet")
    git(project.root, "add", "--all")
    check(load_claim(project.home, None), project)
    (project.root / "pipeline/new.py").write_text("added by nobody")
    with pytest.raises(SeqlabError, match=r"git does not track pipeline/new\.py"):
        load_claim(project.home, None)


def test_a_stale_working_copy_is_no_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim_module, "stale_stages", lambda _: {"train": "modified: pipeline/train.py"})
    with pytest.raises(SeqlabError, match=r"not up to date: train \(modified: pipeline/train.py\)"):
        load_claim(project.home, None)


def test_a_run_without_its_code_cannot_be_made_anew(project: Project) -> None:
    for execution in read_executions(project.home):
        assert execution.path is not None
        text = execution.path.read_text().replace("source.zip", "data/another.zip")
        execution.path.write_text(text)
    found = load_claim(project.home, next(read_executions(project.home)).run_fingerprint)
    with pytest.raises(SeqlabError, match=r"has no source\.zip"):
        found.source()


def test_unknown_and_unfinished_runs(project: Project) -> None:
    with pytest.raises(SeqlabError, match="no run abc in"):
        load_claim(project.home, "abc")
    project.set("train", learning_rate=0.5)
    recorder = project.recorder("train")
    recorder.start()
    recorder.fail("no memory")
    failed = list(read_executions(project.home))[-1].run_fingerprint
    with pytest.raises(SeqlabError, match="is failed: there is no result to verify"):
        load_claim(project.home, failed)


class Published:
    """A finished run on a server, whose artifacts lie in `folder`."""

    uri = address = "http://server"

    def __init__(self, project: Project, folder: Path, outputs: tuple[str, ...] = (*OUTPUTS, "reports/steps.csv")):
        (training, evaluation) = read_executions(project.home)
        self.folder = folder
        self.files = {path: (project.root / path).read_bytes() for path in outputs}
        self.files[SOURCE] = source_archive(project.root)
        self.executions = Ledger.of([training, evaluation]).entries
        self.recipe = training.header["recipe"]
        self.client = self
        self.metrics: dict[str, float] = {}

    def download_artifacts(self, _: str, path: str, folder: str) -> str:
        place = Path(folder, "file")
        place.write_bytes((self.folder / path).read_bytes())
        return str(place)

    def load(self, change: Callable[[dict[str, str]], object] = lambda _: None) -> Claim:
        """As it is read from the server, once `change` was made to the tag that lists its files."""
        present = {path: hashlib.sha256(content).hexdigest()[:12] for path, content in self.files.items()}
        change(present)
        ledger = Ledger(self.executions).to_json().encode()
        for path, content in {**self.files, "ledger.json": ledger, "recipe.json": self._recipe()}.items():
            write_bytes(self.folder / path, content)
        tags = {"seqlab.files": json.dumps(present), "seqlab.execution_ids": "x"}
        info = SimpleNamespace(run_name="tf0.50-h128-gru-theirs", run_id="1", status="FINISHED")
        run = SimpleNamespace(info=info, data=SimpleNamespace(params={}, tags=tags, metrics=self.metrics))
        return claim_of(published(cast(Any, self), cast(Any, run)))

    def _recipe(self) -> bytes:
        return json.dumps(self.recipe).encode()


def test_what_a_run_on_a_server_claims_are_whole_digests(project: Project, tmp_path: Path) -> None:
    published = Published(project, tmp_path / "server")
    published.metrics = {"test/bleu": 99.0}
    found = published.load()
    check(found, project)
    assert found.figures == {"test/bleu": 99.0}
    # Without a ledger, those of the files themselves; of the checkpoints, which are no files of a run, nothing.
    published.executions = []
    published.files = {path: content for path, content in published.files.items() if not path.startswith("models/")}
    found = published.load()
    assert found.outputs == {
        path: sha256(project.root / path) for path in published.files if path.startswith("reports/")
    }


@pytest.mark.parametrize("digest", ["", "0", 12 * "A", 64 * "0"])
def test_a_run_whose_list_of_files_has_no_digests_has_none(project: Project, tmp_path: Path, digest: str) -> None:
    with pytest.raises(SeqlabError, match="has no files"):
        Published(project, tmp_path / "server").load(lambda present: present.update({"reports/scores.json": digest}))


def test_executions_of_other_files_are_not_the_runs(project: Project, tmp_path: Path) -> None:
    published = Published(project, tmp_path / "server")
    published.executions[0].outputs["reports/curves.csv"] = 64 * "0"
    found = published.load()
    assert found.outputs["reports/curves.csv"] == sha256(project.root / "reports/curves.csv")
    assert found.numerics_class == ""


@pytest.mark.parametrize("path", ["source.zip", "reports/scores.json"])
def test_a_file_that_is_not_the_published_one_is_not_used(project: Project, tmp_path: Path, path: str) -> None:
    published = Published(project, tmp_path / "server")
    found = published.load()
    write_bytes(tmp_path / "server" / path, source_archive(project.root) + b"x")
    with pytest.raises(
        SeqlabError, match=f"{path} of run tf0.50-h128-gru-theirs at http://server is not the file that was published"
    ):
        found.content(path)


@pytest.mark.slow
def test_a_run_on_the_server_whose_journal_is_elsewhere(project: Project) -> None:
    fingerprint = next(read_executions(project.home)).run_fingerprint
    sync(project.root)
    shutil.rmtree(project.home.folder)
    check(load_claim(project.home, fingerprint[:8]), project)
