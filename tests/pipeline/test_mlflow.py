"""How many runs MLflow has, and what they say, through everything a user does."""

import re
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from tests.pipeline.conftest import Project

pytestmark = pytest.mark.slow

EPOCHS = 2


@pytest.fixture
def project(project: Project) -> Project:
    """A working copy whose stages publish while they run, as a user's do."""
    project.environment["SEQLAB_PUBLISHER"] = "on"
    return project


def runs(project: Project) -> list[Run]:
    """All runs of the project's own store, oldest first, once `seqlab sync` brought it up to date."""
    project.run("seqlab", "sync")
    client = MlflowClient(f"sqlite:///{project.root}/mlflow.db")
    experiments = client.search_experiments()
    names = {experiment.experiment_id: experiment.name for experiment in experiments}
    found: list[Run] = client.search_runs(list(names), order_by=["attribute.start_time"])
    assert [run.info.run_name for run in found if names[run.info.experiment_id] == "Default"] == []
    assert {run.info.status for run in found} <= {"FINISHED"}
    return found


def points(project: Project, run: Run, metric: str) -> list[tuple[int, float, int]]:
    client = MlflowClient(f"sqlite:///{project.root}/mlflow.db")
    return [(p.step, p.value, p.timestamp) for p in client.get_metric_history(run.info.run_id, metric)]


def test_one_recipe_is_one_run(project: Project) -> None:
    project.set({"train.teacher_forcing_ratio": 0.5})
    project.repro()
    (first,) = runs(project)
    assert first.data.params["train.teacher_forcing_ratio"] == "0.5"
    assert first.data.params["model.hidden_size"] == "8"
    assert "test/bleu" in first.data.metrics
    curve = points(project, first, "valid/bleu")
    assert len(curve) == EPOCHS

    # A run of no stage, and a second sync, change nothing.
    assert project.repro() == []
    assert [run.to_dictionary() for run in runs(project)] == [first.to_dictionary()]
    assert points(project, first, "valid/bleu") == curve

    # A forced rerun is the same run, executed twice, with the same bytes.
    project.repro("--force")
    (forced,) = runs(project)
    assert forced.info.run_id == first.info.run_id
    assert forced.data.tags["executions"] == "2"
    assert forced.data.tags["reproduced"] == "yes"
    assert points(project, first, "valid/bleu") == curve

    # Another ratio is another run; going back trains nothing and adds none.
    project.set({"train.teacher_forcing_ratio": 0})
    assert project.repro() == ["train", "evaluate", "report"]
    assert len(runs(project)) == 2
    project.set({"train.teacher_forcing_ratio": 0.5})
    assert project.repro() == []
    assert len(runs(project)) == 2

    # Another evaluation of the same training is a new run with the same curves, and leaves the old one as it was.
    before = runs(project)
    project.set({"evaluate.beam_size": 3})
    assert project.repro() == ["evaluate", "report"]
    after = runs(project)
    assert len(after) == 3
    (new,) = [run for run in after if run.data.params["evaluate.beam_size"] == "3"]
    assert [(step, value) for step, value, _ in points(project, new, "valid/bleu")] == [p[:2] for p in curve]
    assert {run.info.run_id: run.to_dictionary() for run in before} == {
        run.info.run_id: run.to_dictionary() for run in after if run.info.run_id != new.info.run_id
    }

    # A store that is gone comes back.
    for path in project.root.glob("mlflow.db*"):
        path.unlink()
    again = runs(project)
    assert sorted(run.info.run_name for run in again) == sorted(run.info.run_name for run in after)
    (same,) = [run for run in again if run.info.run_name == first.info.run_name and run.data.tags == forced.data.tags]
    assert same.data.params == first.data.params
    assert same.data.metrics == first.data.metrics
    assert points(project, same, "valid/bleu") == curve


def test_two_temporary_working_copies_at_once_and_no_store_before(project: Project) -> None:
    ratios = ["0.0", "0.25"]
    project.dvc("exp", "run", "--queue", "-S", f"train.teacher_forcing_ratio={','.join(ratios)}")
    project.dvc("queue", "start", "--jobs", "2")
    project.run("timeout", "300", "sh", "-c", "until ! dvc queue status | grep -E 'Queued|Running'; do sleep 1; done")
    status = project.dvc("queue", "status").stdout
    assert len(re.findall(r"Success", status)) == len(ratios), status
    found = runs(project)
    assert sorted(run.data.params["train.teacher_forcing_ratio"] for run in found) == ratios
    assert all("test/bleu" in run.data.metrics for run in found)
    assert "0.25" in project.dvc("exp", "show", "--csv").stdout


def test_a_clone_that_pulls_its_results_gets_its_run(project: Project, tmp_path: Path) -> None:
    project.dvc("remote", "add", "--default", "shared", str(tmp_path / "remote"))
    project.repro()
    (original,) = runs(project)
    project.dvc("push")
    project.run("git", "add", "--all")
    project.run("git", "commit", "--quiet", "--message=Results")
    clone = Project(tmp_path / "clone", project.environment)
    project.run("git", "clone", "--quiet", str(project.root), str(clone.root))
    clone.dvc("pull")
    assert clone.repro() == []
    (found,) = runs(clone)
    assert found.info.run_name == original.info.run_name
    assert found.data.params == original.data.params
    # Times and memory are no outputs: they stay with the journal of the machine that saw them.
    measured = {name for name in original.data.metrics if name.startswith(("time/", "system/"))}
    assert measured
    expected = {name: value for name, value in original.data.metrics.items() if name not in measured}
    assert found.data.metrics == expected
