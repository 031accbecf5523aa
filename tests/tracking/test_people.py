"""What people do in MLflow's own pages between two syncs: nothing of it stops a sync, and no other run suffers."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from itertools import combinations
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.tracking._tracking_service.utils import _artifact_repos_cache

from seqlab.core.atomic import write_text
from seqlab.tracking.publishing import model as model_module
from seqlab.tracking.publishing import sync as sync_module
from seqlab.tracking.publishing.sync import Summary, sync
from tests.tracking.conftest import Project

TASK = "seqlab-grammar-en-fr"


class Store:
    """The database, and what people do to its first run, which is the champion."""

    def __init__(self, root: Path) -> None:
        self.uri = f"sqlite:///{root}/mlflow.db"
        self.client = MlflowClient(self.uri)

    def runs(self) -> list[Run]:
        found: list[Run] = self.client.search_runs(["1"], order_by=["attribute.start_time"])
        return found

    @property
    def run_id(self) -> str:
        """Of the first run, deleted or not."""
        (version, *_) = self.client.search_model_versions(f"name = '{TASK}'", order_by=["version_number ASC"])
        return str(version.run_id)


def _tag(name: str) -> Callable[[Store, Run], None]:
    return lambda store, run: store.client.delete_tag(run.info.run_id, name)


def _models(store: Store, run: Run) -> list[str]:
    return [output.model_id for output in run.outputs.model_outputs] if run.outputs else []


def _delete_models(store: Store, run: Run) -> None:
    for model_id in _models(store, run):
        store.client.delete_logged_model(model_id)


def _collect_garbage(store: Store, run: Run) -> None:
    """As `mlflow gc` does."""
    tracking = SqlAlchemyStore(store.uri, "file:///nowhere")  # type: ignore[no-untyped-call]
    if run.info.lifecycle_stage == "active":
        store.client.delete_run(run.info.run_id)
    tracking._hard_delete_run(run.info.run_id)  # type: ignore[no-untyped-call]


def _restore(store: Store, run: Run) -> None:
    store.client.delete_run(run.info.run_id)
    store.client.restore_run(run.info.run_id)


def _delete_files(store: Store, run: Run) -> None:
    shutil.rmtree(run.info.artifact_uri.removeprefix("file://"), ignore_errors=True)


def _delete_version(store: Store, run: Run) -> None:
    version = store.client.get_model_version_by_alias(TASK, "champion")
    store.client.delete_model_version(TASK, version.version)


# Each is told the first run as it was after the first sync.
DEEDS: dict[str, Callable[[Store, Run], object]] = {
    "run deleted": lambda store, run: store.client.delete_run(run.info.run_id),
    "run restored": _restore,
    "run collected": _collect_garbage,
    "run renamed": lambda store, run: store.client.update_run(run.info.run_id, name="mine"),
    "experiment renamed": lambda store, _: store.client.rename_experiment("1", "thesis"),
    "registered model deleted": lambda store, _: store.client.delete_registered_model(TASK),
    "registered model renamed": lambda store, _: store.client.rename_registered_model(TASK, "ours"),
    "version deleted": _delete_version,
    "champion's alias deleted": lambda store, _: store.client.delete_registered_model_alias(TASK, "champion"),
    "run's alias deleted": lambda store, run: store.client.delete_registered_model_alias(
        TASK, f"run-{run.data.tags['seqlab.run_fingerprint'][:6]}"
    ),
    "logged models deleted": _delete_models,
    "files deleted": _delete_files,
    "note edited": lambda store, run: store.client.set_tag(run.info.run_id, "mlflow.note.content", "mine"),
    "parameters' change noted": lambda store, run: store.client.set_tag(run.info.run_id, "params_diff", "seed: 1 → 2"),
    "files tag broken": lambda store, run: store.client.set_tag(run.info.run_id, "seqlab.files", "[" * 5000),
    **{
        f"tag {name} deleted": _tag(name)
        for name in (
            "seqlab.run_fingerprint", "seqlab.execution_ids", "seqlab.files", "seqlab.published", "seqlab.registered",
            "challenge",
        )
    },
}  # fmt: skip
# Every deed is in some of these, and all pairs take very long.
PAIRS = list(combinations(DEEDS, 2))[::9]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_module, "stale_stages", lambda _: {})
    monkeypatch.setattr(model_module, "_save", lambda folder, *_: write_text(folder / "MLmodel", "flavors: {}\n"))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, template_project: Project, template_database: Path) -> Project:
    """A project with a published run, the champion; its addresses are put right wherever it is copied to."""
    root = tmp_path_factory.mktemp("people") / "project"
    shutil.copytree(template_project.root, root)
    shutil.copyfile(template_database, root / "mlflow.db")
    project = Project(root, template_project.params)
    project.set("train", teacher_forcing_ratio=0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "")
        patch.setenv("SEQLAB_PUBLISHER", "off")
        patch.setattr(sync_module, "stale_stages", lambda _: {})
        patch.setattr(model_module, "_save", lambda folder, *_: write_text(folder / "MLmodel", "flavors: {}\n"))
        project.run()
        sync(root)
    return project


@pytest.fixture
def project(published: Project, tmp_path: Path) -> Project:
    """A copy of it; its runs have their artifacts there."""
    _artifact_repos_cache.clear()
    shutil.copytree(published.root, tmp_path / "copy")
    return Project(tmp_path / "copy", published.params)


def check(project: Project, deeds: tuple[str, ...]) -> Summary:
    """Do the deeds; then the first run has news, and a second one is new. Return what the sync did."""
    sync(project.root)
    store = Store(project.root)
    (run,) = store.runs()
    first, *others = deeds
    DEEDS[first](store, run)
    for deed in others:
        # The first deed may have left nothing for the second.
        with suppress(MlflowException):
            DEEDS[deed](store, run)
    project.report("<p>another")
    project.set("train", teacher_forcing_ratio=0.25)
    project.run()
    summary = sync(project.root)
    assert summary.count("failed") == 0, str(summary)
    second = [each for each in every_run(store) if each.data.params.get("train.teacher_forcing_ratio") == "0.25"]
    assert [each.info.status for each in second] == ["FINISHED"]
    assert second[0].data.metrics["test/bleu"] == 30.0
    assert "challenge" in second[0].data.tags
    again = sync(project.root)
    assert again.count("failed") + again.count("created") + again.count("updated") == 0, str(again)
    return summary


def every_run(store: Store) -> list[Run]:
    experiments = [each.experiment_id for each in store.client.search_experiments()]
    found: list[Run] = store.client.search_runs(experiments)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("deed", DEEDS)
def test_one_by_one(project: Project, deed: str) -> None:
    said = str(check(project, (deed,)))
    words = {
        "run deleted": "1 deleted",
        "run collected": "2 created",
        "version deleted": "its model's version in the registry was deleted in MLflow, and stays so",
        "registered model deleted": "its model's version in the registry was deleted in MLflow, and stays so",
        "logged models deleted": "its model models/best was deleted in MLflow, and stays so",
    }
    assert words.get(deed, "") in said
    assert "nothing is lost" not in said


@pytest.mark.slow
@pytest.mark.parametrize("deeds", PAIRS, ids=" and ".join)
def test_in_pairs(project: Project, deeds: tuple[str, ...]) -> None:
    check(project, deeds)


def test_the_run_of_the_champion_is_gone(project: Project) -> None:
    """Nothing can be compared with it; people are told, and what it was comes back as what it was."""
    summary = check(project, ("run collected",))
    notes = [note for outcome in summary.outcomes for note in outcome.notes]
    store = Store(project.root)
    champion = store.client.get_model_version_by_alias(TASK, "champion")
    assert store.client.get_run(champion.run_id or "").data.params["train.teacher_forcing_ratio"] == "0.5"
    assert notes == []


@pytest.mark.parametrize("deed", ["version deleted", "registered model deleted"])
def test_a_complete_run_s_deleted_version_is_said_once_and_comes_back_by_its_cure(project: Project, deed: str) -> None:
    store = Store(project.root)
    (run,) = store.runs()
    assert "registry" not in str(sync(project.root))
    DEEDS[deed](store, run)
    said = str(sync(project.root))
    assert f"warning: {run.info.run_name}: its model's version in the registry was deleted in MLflow, and stays" in said
    assert "1 unchanged" in said
    assert "registry" not in str(sync(project.root))
    # The cure that it names.
    for tag in ("seqlab.registered", "seqlab.published"):
        assert tag in said
        store.client.delete_tag(run.info.run_id, tag)
    sync(project.root)
    version = store.client.get_model_version_by_alias(TASK, f"run-{run.data.tags['seqlab.run_fingerprint'][:6]}")
    assert version.run_id == run.info.run_id
    assert "registry" not in str(sync(project.root))


def test_a_renamed_registered_model_is_not_taken_for_a_deleted_one(project: Project) -> None:
    store = Store(project.root)
    DEEDS["registered model renamed"](store, store.runs()[0])
    assert "registry" not in str(sync(project.root))
