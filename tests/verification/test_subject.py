import shutil
from pathlib import Path

import pytest

from seqlab.errors import SeqlabError
from seqlab.tracking.content import sha256
from seqlab.tracking.execution import read_executions
from seqlab.tracking.find import find_record
from seqlab.tracking.source import read_source, source_archive
from seqlab.tracking.sync import sync
from seqlab.verification import subject as subject_module
from seqlab.verification.subject import Subject, load_subject
from tests.tracking.conftest import Project, make_project

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


def check(found: Subject, project: Project) -> None:
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
        check(load_subject(project.home, name), project)


def test_the_first_execution_is_the_runs(project: Project) -> None:
    first = sha256(project.root / "models/best/model.safetensors")
    project.train(weights=b"others")
    found = load_subject(project.home, next(read_executions(project.home)).run_fingerprint)
    assert found.outputs["models/best/model.safetensors"] == first


def test_the_run_of_the_working_copy(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject_module, "stale_stages", lambda _: {"report": "never ran"})
    check(load_subject(project.home, None), project)


def test_a_stale_working_copy_is_no_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject_module, "stale_stages", lambda _: {"train": "modified: pipeline/train.py"})
    with pytest.raises(SeqlabError, match=r"not up to date: train \(modified: pipeline/train.py\)"):
        load_subject(project.home, None)


def test_a_run_without_its_code_cannot_be_made_anew(project: Project) -> None:
    for execution in read_executions(project.home):
        assert execution.path is not None
        text = execution.path.read_text().replace("source.zip", "data/another.zip")
        execution.path.write_text(text)
    found = load_subject(project.home, next(read_executions(project.home)).run_fingerprint)
    with pytest.raises(SeqlabError, match=r"has no source\.zip"):
        found.source()


def test_unknown_and_unfinished_runs(project: Project) -> None:
    with pytest.raises(SeqlabError, match="no run abc in"):
        load_subject(project.home, "abc")
    project.set("train", learning_rate=0.5)
    recorder = project.recorder("train")
    recorder.start()
    recorder.fail("no memory")
    failed = list(read_executions(project.home))[-1].run_fingerprint
    with pytest.raises(SeqlabError, match="is failed: there is no result to verify"):
        load_subject(project.home, failed)


@pytest.mark.slow
def test_a_run_on_the_server_whose_journal_is_elsewhere(project: Project) -> None:
    fingerprint = next(read_executions(project.home)).run_fingerprint
    sync(project.root)
    shutil.rmtree(project.home.folder)
    check(load_subject(project.home, fingerprint[:8]), project)
