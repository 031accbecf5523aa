import subprocess
import sys
from pathlib import Path

import pytest

from seqlab.tracking.fingerprint.fingerprint import load_recipe, train_fingerprint
from seqlab.tracking.journal import recorder as recorder_module
from seqlab.tracking.objects import Objects
from seqlab.training.events import BatchFinished, CheckpointSaved
from tests.tracking.conftest import Project


def test_an_execution_from_start_to_end(project: Project) -> None:
    project.train(epochs=2)
    (execution,) = project.executions()
    assert (execution.stage, execution.outcome) == ("train", "finished")
    assert execution.train_fingerprint == train_fingerprint(project.params, project.root)
    assert execution.run_fingerprint == load_recipe(project.params, project.root).run_fingerprint
    assert [event["event"] for event in execution.events].count("StepFinished") == 8
    assert execution.path is not None
    assert execution.path.parent == project.home.journal / "train" / execution.train_fingerprint
    assert execution.usage["seconds"] > 0


def test_what_must_be_shown_outlives_the_working_copy(project: Project) -> None:
    project.train(weights=b"these")
    (execution,) = project.executions()
    project.write_training(1, b"others")
    kept = Objects(project.home.objects)
    place = kept.get(execution.outputs["models/best/model.safetensors"])
    assert place is not None
    assert place.read_bytes() == b"these"
    assert all(kept.get(name) for name in execution.outputs.values())
    assert all(kept.get(name) for name in execution.header["inputs"].values())
    assert {"params.yaml", "data/raw/manifest.json", "data/statistics.json"} <= set(execution.header["inputs"])


def test_an_evaluation_knows_the_training_that_it_found(project: Project) -> None:
    project.write_training(1, b"from the cache")
    project.evaluate()
    (execution,) = project.executions()
    assert "reports/curves.csv" in execution.header["inputs"]
    assert "models/best/model.safetensors" in execution.header["inputs"]


def test_a_stage_says_whether_its_outputs_are_those_of_before(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.train()
    assert capsys.readouterr().err == ""
    project.train()
    assert capsys.readouterr().err == "train: reproduced: the same bytes as in 1 earlier execution(s)\n"
    project.train(weights=b"others")
    assert capsys.readouterr().err.startswith("train: NOT REPRODUCED: models/best/model.safetensors, ")


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_failure_is_noted(project: Project, interrupted: bool) -> None:
    recorder = project.recorder("train")
    recorder.start()
    recorder.fail("no memory", interrupted=interrupted)
    (execution,) = project.executions()
    assert (execution.outcome, execution.error) == ("interrupted" if interrupted else "failed", "no memory")


def test_single_batches_are_not_worth_a_line(project: Project) -> None:
    recorder = project.recorder("train")
    recorder.start()
    recorder.listener(BatchFinished(1, 1, 0.5, 10, 0.1))
    recorder.listener(CheckpointSaved("best", Path("models/best"), 1, 4))
    (execution,) = project.executions()
    assert [event["event"] for event in execution.events] == ["CheckpointSaved"]
    assert execution.events[0]["folder"] == "models/best"


@pytest.mark.parametrize("stage", ["download", "tokenize"])
def test_stages_before_the_fingerprint_are_not_recorded(project: Project, stage: str) -> None:
    recorder = project.recorder(stage)
    recorder.start()
    recorder.finish([Path("data/raw")])
    assert not project.home.folder.exists()


def test_temporary_working_copies_write_to_the_main_one(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "main"))
    project.train()
    assert not project.home.folder.exists()
    assert list((tmp_path / "main/.seqlab/journal/train").glob("*/*.jsonl"))


def play(project: Project) -> None:
    recorder = project.recorder("train")
    recorder.start()
    project.play_epochs(recorder, range(1, 3))
    project.write_training(2, b"weights")
    recorder.finish([Path("models/best")])


def test_a_store_that_cannot_be_written_is_one_warning(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.home.folder.write_text("in the way")
    play(project)
    assert capsys.readouterr().err.count("warning: this execution is not (fully) recorded") == 1


@pytest.mark.parametrize(
    "name", ["load_recipe", "find_home", "provenance", "launch_publisher", "sha256", "files_below"]
)
def test_no_failure_reaches_the_stage(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(recorder_module, name, fail)
    play(project)
    assert capsys.readouterr().err == "train: warning: this execution is not (fully) recorded: broken\n"


def test_a_full_disk_in_the_middle_costs_only_its_entries(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder = project.recorder("train")
    recorder.start()
    with monkeypatch.context() as patch:
        patch.setattr("os.write", lambda *_: 1)
        project.play_epochs(recorder, range(1, 2))
    project.play_epochs(recorder, range(2, 3))
    recorder.fail("stopped")
    (execution,) = project.executions()
    assert [event["point"]["epoch"] for event in execution.events] == [2] * 5
    assert execution.outcome == "failed"
    assert "written in part" in capsys.readouterr().err


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interruption_goes_through(
    project: Project, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def interrupt(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(recorder_module, "load_recipe", interrupt)
    with pytest.raises(error):
        project.recorder("train").start()


def test_stages_do_not_pay_for_mlflow_or_torch() -> None:
    script = (
        "import sys; import seqlab.tracking.journal.recorder, seqlab.tracking.fingerprint.fingerprint;"
        "print([name for name in ('mlflow', 'torch', 'pandas', 'dvc') if name in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert output.strip() == "[]"
