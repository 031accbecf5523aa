import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModel, Metric, Run, ViewType

from seqlab.commands.sync import run_sync
from seqlab.core.atomic import write_text
from seqlab.core.errors import SeqlabError
from seqlab.tracking.journal.execution import read_executions
from seqlab.tracking.journal.ledger import Ledger, LedgerEntry
from seqlab.tracking.journal.record import RunRecord
from seqlab.tracking.publishing import model as model_module
from seqlab.tracking.publishing import projection as projection_module
from seqlab.tracking.publishing import sync as sync_module
from seqlab.tracking.publishing.artifacts import publish_ledger
from seqlab.tracking.publishing.find import find_record, find_run
from seqlab.tracking.publishing.server import connect
from seqlab.tracking.publishing.sync import Summary, sync
from seqlab.tracking.publishing.tags import RUN_FINGERPRINT
from tests.tracking.conftest import Project, git


class Store:
    """What the database of a project says."""

    def __init__(self, project: Project, name: str = "mlflow.db") -> None:
        self.client = MlflowClient(f"sqlite:///{project.root}/{name}")

    def runs(self, view: int = ViewType.ACTIVE_ONLY) -> list[Run]:
        ids = [experiment.experiment_id for experiment in self.client.search_experiments()]
        found: list[Run] = self.client.search_runs(ids, run_view_type=view, order_by=["attribute.start_time"])
        return found

    def points(self, run: Run) -> dict[str, list[tuple[int, float, int]]]:
        histories = {key: self.client.get_metric_history(run.info.run_id, key) for key in run.data.metrics}
        return {key: [(each.step, each.value, each.timestamp) for each in points] for key, points in histories.items()}

    def everything(self) -> dict[str, object]:
        """All that a sync could touch, apart from the names that MLflow gives."""
        return {run.info.run_id: (run.to_dictionary(), self.points(run), self.files(run)) for run in self.runs()}

    def models(self, run: Run) -> list[tuple[LoggedModel, int]]:
        """The run's models, each with its step."""
        outputs = run.outputs.model_outputs if run.outputs else []
        return [(self.client.get_logged_model(each.model_id), each.step) for each in outputs]

    def files(self, run: Run, folder: str = "") -> list[tuple[str, int | None]]:
        found: list[tuple[str, int | None]] = []
        for file in self.client.list_artifacts(run.info.run_id, folder):
            found += self.files(run, file.path) if file.is_dir else [(file.path, file.file_size)]
        return found


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC finds every stage up to date, and a model is one small file, unless a test says otherwise."""

    def save(folder: Path, *_: object) -> None:
        write_text(folder / "MLmodel", "flavors: {}\n")

    monkeypatch.setattr(sync_module, "stale_stages", lambda _: {})
    monkeypatch.setattr(model_module, "_save", save)


def lock(project: Project) -> None:
    write_text(project.root / "dvc.lock", "schema: '2.0'\nstages: {}\n")


def actions(summary: Summary) -> list[str]:
    return [outcome.action for outcome in summary.outcomes]


def test_a_run_says_everything_and_a_second_sync_changes_nothing(tracked: Project) -> None:
    lock(tracked)
    tracked.run()
    assert actions(sync(tracked.root)) == ["created"]
    store = Store(tracked)
    (run,) = store.runs()
    assert run.info.status == "FINISHED"
    assert run.info.run_name.startswith("tf0.50-h128-gru-s1-")
    assert run.data.params["train.teacher_forcing_ratio"] == "0.5"
    assert run.data.tags["executions"] == "1"
    assert "reproduced" not in run.data.tags
    assert run.data.tags["signature.bleu"] == "nrefs:1|case:mixed|tok:13a"
    assert "| BLEU | 30.0 | 29.0 – 31.0 |" in run.data.tags["mlflow.note.content"]
    assert "| Perplexity | 5.50 |  |  |" in run.data.tags["mlflow.note.content"]
    points = store.points(run)
    assert [step for step, *_ in points["train/loss"]] == list(range(1, 9))
    assert [point[:2] for point in points["valid/bleu"]] == [(4, 10.0), (8, 20.0)]
    assert [point[:2] for point in points["epoch/valid_bleu"]] == [(1, 10.0), (2, 20.0)]
    assert [point[:2] for point in points["test/bleu"]] == [(0, 30.0)]
    assert [point[:2] for point in points["valid_best/bleu"]] == [(0, 10.0)]
    assert (run.data.tags["best.step"], run.data.tags["training.parameters"]) == ("4", "4012345")
    # MLflow's page of compared runs begins with the first.
    assert list(run.data.metrics)[:1] == ["test/bleu"]
    names = [name for name, _ in store.files(run)]
    assert {"params.yaml", "dvc.lock", "recipe.json", "ledger.json", "reports/report.html", "reports/curves.csv",
            "reports/translations.jsonl", "data/raw/manifest.json"} <= set(names)  # fmt: skip
    before = store.everything()
    summary = sync(tracked.root)
    assert actions(summary) == ["unchanged"]
    assert store.everything() == before
    assert run.info.run_name in str(summary)


def test_data_are_datasets_and_checkpoints_models_at_their_step(tracked: Project) -> None:
    tracked.run()
    sync(tracked.root)
    store = Store(tracked)
    (run,) = store.runs()
    assert run.inputs is not None
    datasets = {each.tags[0].value: each.dataset for each in run.inputs.dataset_inputs}
    manifest = json.loads((tracked.root / "data/raw/manifest.json").read_text("utf-8"))
    for split, counts in manifest["splits"].items():
        assert datasets[split].digest == counts["sha256"][:32]
        assert json.loads(datasets[split].profile or "")["sha256"] == counts["sha256"]
    assert json.loads(datasets["train"].profile or "")["tokens"] == 3
    models = {model.name: (model, step) for model, step in store.models(run)}
    assert {name: step for name, (_, step) in models.items()} == {"best": 4, "last": 8}
    best, _ = models["best"]
    scores = {metric.key: (metric.value, metric.dataset_name) for metric in best.metrics or []}
    assert scores["test/bleu"] == (30.0, "grammar-en-fr-test")
    assert scores["valid/bleu"] == (10.0, "grammar-en-fr-valid")
    version = store.client.get_model_version_by_alias("seqlab-grammar-en-fr", "newest")
    assert (version.run_id, version.source) == (run.info.run_id, f"models:/{best.model_id}")
    by_run = store.client.get_model_version_by_alias("seqlab-grammar-en-fr", f"run-{run.info.run_name[-6:]}")
    assert by_run.version == version.version


def test_a_forced_rerun_is_the_same_run_executed_twice(tracked: Project) -> None:
    tracked.run()
    sync(tracked.root)
    store = Store(tracked)
    (first,) = store.runs()
    curves = store.points(first)
    tracked.run()
    assert actions(sync(tracked.root)) == ["updated"]
    (again,) = store.runs()
    assert (again.data.tags["executions"], again.data.tags["reproduced"]) == ("2", "yes")
    assert store.points(again) == curves
    assert len(store.models(again)) == 2


def test_outputs_that_differ_are_reported(tracked: Project) -> None:
    tracked.run()
    sync(tracked.root)
    tracked.train(weights=b"others")
    summary = sync(tracked.root)
    (run,) = Store(tracked).runs()
    assert run.data.tags["reproduced"] == "no"
    assert "models/best/model.safetensors" in run.data.tags["differs"]
    assert "Not reproduced" in run.data.tags["mlflow.note.content"]
    assert "NOT REPRODUCED: train" in str(summary)
    assert run.info.status == "FINISHED"


def test_other_evaluation_parameters_are_a_new_run_with_the_same_curves(tracked: Project) -> None:
    tracked.run()
    sync(tracked.root)
    store = Store(tracked)
    before = store.everything()
    tracked.set("evaluate", beam_size=5)
    tracked.evaluate(bleu=31.0)
    tracked.report()
    assert actions(sync(tracked.root)) == ["unchanged", "created"]
    old, new = store.runs()
    after = store.everything()
    assert after[old.info.run_id] == before[old.info.run_id]
    assert new.data.metrics["test/bleu"] == 31.0
    assert new.data.params["evaluate.beam_size"] == "5"
    assert new.data.tags["seqlab.train_fingerprint"] == old.data.tags["seqlab.train_fingerprint"]
    for key in ("train/loss", "valid/bleu", "epoch/train_loss", "time/tokens_per_second"):
        assert store.points(new)[key] == store.points(old)[key]
    assert new.data.tags["executions"] == "1"

    # Training again for the new run is no news of the old one.
    tracked.train()
    tracked.evaluate(bleu=31.0)
    assert actions(sync(tracked.root)) == ["unchanged", "updated"]
    assert store.everything()[old.info.run_id] == before[old.info.run_id]
    assert store.runs()[1].data.tags["reproduced"] == "yes"


def test_a_server_that_knows_nothing_gets_everything(
    tracked: Project, template_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracked.run()
    sync(tracked.root)
    # As if mlflow.db had been deleted, but MLflow keeps a deleted file open within one process.
    shutil.copyfile(template_database, tracked.root / "another.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///another.db")
    assert actions(sync(tracked.root)) == ["created"]
    old, new = Store(tracked), Store(tracked, "another.db")
    (before,), (after,) = old.runs(), new.runs()
    assert after.data.to_dictionary() == before.data.to_dictionary()
    assert (new.points(after), new.files(after)) == (old.points(before), old.files(before))
    assert (after.info.start_time, after.info.end_time) == (before.info.start_time, before.info.end_time)


def test_a_result_from_the_cache_has_its_run(tracked: Project) -> None:
    """A clone with DVC's results and no journal: all from files, at times that do not change."""
    git(tracked.root, "init", "--quiet")
    git(tracked.root, "add", "--all")
    git(tracked.root, "commit", "--quiet", "--message=One")
    lock(tracked)
    tracked.run()
    shutil.rmtree(tracked.home.folder)
    assert actions(sync(tracked.root)) == ["created"]
    store = Store(tracked)
    (run,) = store.runs()
    time = int(git(tracked.root, "log", "-1", "--format=%ct")) * 1000
    points = store.points(run)
    assert points["train/loss"][:2] == [(1, 5.0, time + 1), (2, 2.5, time + 2)]
    assert points["test/bleu"] == [(0, 30.0, time)]
    assert not [key for key in points if key.startswith(("time/", "system/"))]
    assert (run.info.status, "executions" in run.data.tags) == ("FINISHED", False)
    assert len(store.models(run)) == 2
    before = store.everything()
    # The next commit has another time; the points keep theirs.
    later = {"GIT_COMMITTER_DATE": "2030-01-01T00:00:00Z"}
    git(tracked.root, "commit", "--quiet", "--allow-empty", "--message=Two", **later)
    assert actions(sync(tracked.root)) == ["unchanged"]
    assert store.everything() == before
    write_text(tracked.root / "reports/report.html", "<p>new")
    assert actions(sync(tracked.root)) == ["updated"]
    assert store.points(run) == points


def test_bleu_is_the_first_metric_while_training_goes_on_too(tracked: Project) -> None:
    """MLflow's page of compared runs begins with what was logged first."""
    recorder = tracked.recorder("train")
    recorder.start()
    tracked.play_epochs(recorder, range(1, 2))
    sync(tracked.root)
    (run,) = Store(tracked).runs()
    assert (run.info.status, next(iter(run.data.metrics))) == ("RUNNING", "valid/bleu")


def test_a_run_of_an_earlier_version_is_brought_up_to_date(tracked: Project) -> None:
    """It stood under another name, and its final figures at the step of the best checkpoint."""
    tracked.run()
    store, server = Store(tracked), connect(tracked.home)
    fingerprint = tracked.executions()[-1].run_fingerprint
    old_name = f"tf0.50-h128-gru-{fingerprint[:6]}"
    made = store.client.create_run(server.experiment_id, tags={RUN_FINGERPRINT: fingerprint}, run_name=old_name)
    for name, value in (("test/bleu", 30.0), ("best/valid_bleu", 10.0)):
        store.client.log_metric(made.info.run_id, name, value, timestamp=1, step=4)
    assert actions(sync(tracked.root)) == ["updated"]
    (run,) = store.runs()
    points = store.points(run)
    # MLflow keeps what it was sent: no second point beside the first.
    assert (points["test/bleu"], points["best/valid_bleu"]) == ([(4, 30.0, 1)], [(4, 10.0, 1)])
    assert [point[:2] for point in points["valid_best/bleu"]] == [(0, 10.0)]
    assert (run.info.run_name or "").startswith("tf0.50-h128-gru-s1-")
    best = next(model for model, _ in store.models(run) if model.name == "best")
    assert {metric.key: metric.value for metric in best.metrics or []}["test/bleu"] == 30.0
    # Who wrote the old name down finds the run by it.
    assert find_run(server, old_name).info.run_id == run.info.run_id
    record = find_record(tracked.home, old_name)
    assert record is not None
    assert record.fingerprint == fingerprint
    before = store.everything()
    assert actions(sync(tracked.root)) == ["unchanged"]
    assert store.everything() == before
    store.client.update_run(run.info.run_id, name="the good one")
    tracked.report("<p>new")
    assert actions(sync(tracked.root)) == ["updated"]
    assert store.runs()[0].info.run_name == "the good one"


def test_a_clone_leaves_a_complete_run_as_it_is(tracked: Project) -> None:
    """One server, two machines: the first has the journal, the second only the files."""
    lock(tracked)
    tracked.run()
    sync(tracked.root)
    store = Store(tracked)
    before = store.everything()
    journal = tracked.root / "journal-of-the-first"
    tracked.home.folder.rename(journal)
    assert actions(sync(tracked.root)) == ["unchanged"]
    assert store.everything() == before
    # The second machine executes it too: evidence of both, and what the first knows stays.
    tracked.run()
    assert actions(sync(tracked.root)) == ["updated"]
    (run,) = store.runs()
    assert (run.data.tags["executions"], run.data.tags["reproduced"]) == ("2", "yes")
    shutil.rmtree(tracked.home.folder)
    journal.rename(tracked.home.folder)
    after = store.everything()
    assert actions(sync(tracked.root)) == ["unchanged"]
    assert store.everything() == after


def test_two_machines_agree_on_the_note(tracked: Project) -> None:
    """One ran with edited parameters, the other found the committed result in DVC's cache."""
    git(tracked.root, "init", "-q")
    git(tracked.root, "add", "params.yaml", "dvc.yaml", "src", "pipeline", "versions.toml")
    git(tracked.root, "commit", "-qm", "Start")
    text = (tracked.root / "params.yaml").read_text("utf-8")
    write_text(tracked.root / "params.yaml", text.replace("learning_rate: 0.002", "learning_rate: 0.003"))
    tracked.set("train", learning_rate=0.003)
    lock(tracked)
    tracked.run()
    sync(tracked.root)
    (run,) = Store(tracked).runs()
    assert "train.learning_rate: 0.002 → 0.003" in run.data.tags["mlflow.note.content"]
    before = Store(tracked).everything()
    git(tracked.root, "commit", "-qam", "Edited")
    shutil.rmtree(tracked.home.folder)
    assert actions(sync(tracked.root)) == ["unchanged"]
    assert Store(tracked).everything() == before


def test_other_outputs_from_another_machine_are_worth_a_word(tracked: Project) -> None:
    lock(tracked)
    tracked.run()
    sync(tracked.root)
    store = Store(tracked)
    before = store.everything()
    shutil.rmtree(tracked.home.folder)
    tracked.write_scores(bleu=29.0)
    summary = sync(tracked.root)
    assert "reports/scores.json, reports/translations.jsonl differ(s)" in str(summary)
    assert store.everything() == before


def test_points_that_a_dead_server_missed_are_added_once(tracked: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    tracked.run()
    calls = 0
    original = MlflowClient.log_batch

    def die_at_the_second_batch(self: MlflowClient, run_id: str, metrics: Sequence[Metric] = (), **rest: Any) -> None:
        nonlocal calls
        calls += bool(metrics)
        if calls == 2:
            raise OSError("server gone")
        original(self, run_id, metrics, **rest)

    monkeypatch.setattr("seqlab.tracking.publishing.points.BATCH_POINTS", 20)
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_batch", die_at_the_second_batch)
        with pytest.raises(SeqlabError, match="server gone"):
            sync(tracked.root)
    store = Store(tracked)
    (partial,) = store.runs()
    assert sum(len(points) for points in store.points(partial).values()) == 20
    assert actions(sync(tracked.root)) == ["updated"]
    (run,) = store.runs()
    points = store.points(run)
    assert {key: len(each) for key, each in points.items()} == {
        key: len({step for step, *_ in each}) for key, each in points.items()
    }
    assert len(points["train/loss"]) == 8
    assert run.data.metrics["test/bleu"] == 30.0


@pytest.mark.parametrize(("outcome", "status"), [("failed", "FAILED"), ("interrupted", "KILLED"), ("died", "KILLED")])
def test_a_training_that_ended_badly(
    tracked: Project, monkeypatch: pytest.MonkeyPatch, outcome: str, status: str
) -> None:
    recorder = tracked.recorder("train")
    recorder.start()
    monkeypatch.setattr(recorder, "_began", time.monotonic() - 1000)
    tracked.play_epochs(recorder, range(1, 2))
    if outcome == "died":
        monkeypatch.setattr("seqlab.tracking.journal.execution.is_alive", lambda *_: False)
    else:
        recorder.fail("the loss is NaN", interrupted=outcome == "interrupted")
    sync(tracked.root)
    store = Store(tracked)
    (run,) = store.runs()
    assert run.info.status == status
    assert ("NaN" in run.data.tags["error"]) == (outcome != "died")
    assert [point[0] for point in store.points(run)["train/loss"]] == [1, 2, 3, 4]
    assert sync(tracked.root).count("unchanged") == 1

    # Run again to the end, it is the same run, and well.
    tracked.run()
    sync(tracked.root)
    (run,) = store.runs()
    assert (run.info.status, run.data.tags["executions"], "error" in run.data.tags) == ("FINISHED", "1", False)
    assert [point[0] for point in store.points(run)["train/loss"]] == list(range(1, 9))
    # The figures of the training that finished, not of the first, which took a thousand seconds more.
    (finished,) = [each for each in read_executions(tracked.home) if each.stage == "train" and each.finished]
    assert run.data.metrics.get("time/train_seconds") == finished.usage["seconds"]
    assert finished.usage["seconds"] < 1000


def test_a_training_in_progress_is_shown_and_its_failure_does_not_undo_a_result(tracked: Project) -> None:
    recorder = tracked.recorder("train")
    recorder.start()
    tracked.play_epochs(recorder, range(1, 2))
    sync(tracked.root)
    store = Store(tracked)
    assert store.runs()[0].info.status == "RUNNING"
    tracked.play_epochs(recorder, range(2, 3))
    tracked.write_training(2, b"weights")
    names = ["models/best", "models/last", "reports/curves.csv", "reports/steps.csv", "reports/training.json"]
    recorder.finish([Path(name) for name in names])
    tracked.evaluate()
    sync(tracked.root)
    before = store.everything()
    assert store.runs()[0].info.status == "FINISHED"
    tracked.recorder("evaluate").start()
    again = tracked.recorder("evaluate")
    again.start()
    again.fail("no memory")
    sync(tracked.root)
    assert store.everything() == before


def test_a_run_is_finished_once_it_is_evaluated(tracked: Project) -> None:
    store = Store(tracked)

    def status() -> str:
        sync(tracked.root)
        return str(store.runs()[0].info.status)

    tracked.train()
    assert status() == "FINISHED"
    evaluation = tracked.recorder("evaluate")
    evaluation.start()
    assert status() == "RUNNING"
    evaluation.fail("no memory")
    assert status() == "FAILED"
    tracked.evaluate()
    assert status() == "FINISHED"

    # A machine that knows nothing of all this fails to train the same.
    shutil.rmtree(tracked.home.folder)
    training = tracked.recorder("train")
    training.start()
    assert status() == "FINISHED"
    training.fail("no memory")
    assert status() == "FINISHED"


def test_a_run_that_somebody_deleted_stays_so_until_it_is_executed_again(tracked: Project) -> None:
    tracked.run()
    sync(tracked.root)
    store = Store(tracked)
    store.client.delete_run(store.runs()[0].info.run_id)
    assert actions(sync(tracked.root)) == ["deleted"]
    assert store.runs() == []
    tracked.run()
    assert actions(sync(tracked.root)) == ["updated"]
    assert len(store.runs(ViewType.ALL)) == 1
    assert store.runs()[0].data.tags["executions"] == "2"


def test_a_note_that_somebody_wrote_stays(tracked: Project) -> None:
    tracked.train()
    sync(tracked.root)
    store = Store(tracked)
    store.client.set_tag(store.runs()[0].info.run_id, "mlflow.note.content", "mine")
    tracked.evaluate()
    sync(tracked.root)
    assert store.runs()[0].data.tags["mlflow.note.content"] == "mine"


def test_a_new_report_takes_the_place_of_the_old(tracked: Project, tmp_path: Path) -> None:
    tracked.run()
    sync(tracked.root)
    tracked.report("<p>new")
    assert actions(sync(tracked.root)) == ["updated"]
    store = Store(tracked)
    (run,) = store.runs()
    path = store.client.download_artifacts(run.info.run_id, "reports/report.html", str(tmp_path))
    assert Path(path).read_text("utf-8") == "<p>new"
    assert run.data.tags["executions"] == "1"
    assert actions(sync(tracked.root)) == ["unchanged"]


def test_a_working_copy_that_is_not_up_to_date_is_not_published(
    tracked: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock(tracked)
    tracked.write_training(2, b"weights")
    tracked.write_scores()
    monkeypatch.setattr(sync_module, "stale_stages", lambda _: {"train": "deps: params.yaml"})
    summary = sync(tracked.root)
    assert summary.outcomes == []
    assert "not up to date" in str(summary)
    assert "train (deps: params.yaml)" in str(summary)


def test_a_damaged_lock_costs_no_journal_and_is_no_success(
    tracked: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    tracked.train()
    write_text(tracked.root / "dvc.lock", "schema: '2.0'\nstages: [\n")
    assert run_sync(tracked.root) == 1
    said = capsys.readouterr().out
    assert "1 created" in said
    assert f"Only the journal was published: {tracked.root}/dvc.lock" in said
    lock(tracked)
    assert run_sync(tracked.root) == 0


def test_what_dvc_cannot_tell_now_fails_no_sync(
    tracked: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def busy(_: Path) -> dict[str, str]:
        raise SeqlabError("DVC is at work")

    lock(tracked)
    tracked.train()
    monkeypatch.setattr(sync_module, "stale_stages", busy)
    assert run_sync(tracked.root) == 0
    assert "Only the journal was published: DVC is at work" in capsys.readouterr().out


def test_an_inherited_run_is_ignored(tracked: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    tracked.train()
    monkeypatch.setenv("MLFLOW_RUN_ID", "f" * 32)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "0")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "another")
    sync(tracked.root)
    store = Store(tracked)
    (run,) = store.runs()
    assert store.client.get_experiment(run.info.experiment_id).name == "another"


def test_a_deleted_experiment_is_explained(tracked: Project) -> None:
    tracked.train()
    sync(tracked.root)
    store = Store(tracked)
    store.client.delete_experiment(store.runs()[0].info.experiment_id)
    with pytest.raises(SeqlabError, match="experiment seqlab is deleted"):
        sync(tracked.root)


def test_outside_a_project(tmp_path: Path) -> None:
    with pytest.raises(SeqlabError, match="not inside a DVC project"):
        sync(tmp_path)


def test_two_machines_that_end_one_recipe_at_once_keep_both_executions(
    tracked: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one writes its ledger while ours publishes, and once more right after ours."""
    tracked.run()
    publish = publish_ledger
    other = LedgerEntry("20260101T000000000000-0123abcd", "train", "", 0.0, 1.0, "", {}, "")

    def others_write(client: MlflowClient, run: Run, *entries: LedgerEntry) -> None:
        write_text(tracked.root / "other/ledger.json", Ledger(entries).to_json())
        client.log_artifacts(run.info.run_id, str(tracked.root / "other"))
        client.set_tag(run.info.run_id, "seqlab.execution_ids", " ".join(each.short_id for each in entries))

    def between(client: MlflowClient, run: Run, record: RunRecord) -> bool:
        others_write(client, run, other)
        assert publish(client, run, record)
        tags = client.get_run(run.info.run_id).data.tags
        assert set(tags["seqlab.execution_ids"].split()) == {other.short_id, *own}
        others_write(client, run, other)
        return True

    own = {entry.short_id for entry in Ledger.of(tracked.executions()).entries}
    monkeypatch.setattr(projection_module, "publish_ledger", between)
    sync(tracked.root)
    monkeypatch.setattr(projection_module, "publish_ledger", publish)
    # It is no run that is done with.
    sync(tracked.root)
    (run,) = Store(tracked).runs()
    assert set(run.data.tags["seqlab.execution_ids"].split()) == {other.short_id, *own}
    assert "unchanged" in str(sync(tracked.root))
