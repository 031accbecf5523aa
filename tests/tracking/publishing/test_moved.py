"""A project folder that is moved, renamed or copied: MLflow's addresses follow, and the runs are found again."""

import shutil
import sqlite3
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.tracking._tracking_service.utils import _artifact_repos_cache

from seqlab.commands.compare.run_files import locate
from seqlab.commands.compare.runs import find_runs
from seqlab.core.atomic import write_text
from seqlab.results.paths import TRANSLATIONS
from seqlab.tracking.publishing import model as model_module
from seqlab.tracking.publishing import sync as sync_module
from seqlab.tracking.publishing.moved import COLUMNS, follow_move
from seqlab.tracking.publishing.server import connect
from seqlab.tracking.publishing.sync import sync
from tests.tracking.conftest import Project


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_module, "stale_stages", lambda _: {})
    monkeypatch.setattr(model_module, "_save", lambda folder, *_: write_text(folder / "MLmodel", "flavors: {}\n"))


def addresses(root: Path) -> set[str]:
    """All addresses of artifacts in the database."""
    with sqlite3.connect(root / "mlflow.db") as connection:
        rows = [connection.execute(f"SELECT {column} FROM {table}").fetchall() for table, column in COLUMNS]  # noqa: S608
    return {address for row in rows for (address,) in row if address}


@pytest.mark.parametrize("how", ["renamed", "copied"])
def test_the_addresses_follow(tracked: Project, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tracked.run()
    sync(tracked.root)
    # What MLflow keeps in one process: this database's address, and where runs have their artifacts.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    _artifact_repos_cache.clear()
    before = addresses(tracked.root)
    place = tmp_path / "another name"
    if how == "renamed":
        tracked.root.rename(place)
    else:
        shutil.copytree(tracked.root, place)
    moved = Project(place, tracked.params)
    moved.report("<p>another")
    summary = sync(place)
    assert f"This working copy was moved from {tracked.root}: " in str(summary)
    assert [outcome.action for outcome in summary.outcomes] == ["updated"]
    assert {each for each in addresses(place) if str(tracked.root) in each} == set()
    assert len(addresses(place)) == len(before) > 3
    client = MlflowClient(f"sqlite:///{place}/mlflow.db")
    (run,) = client.search_runs(["1"])
    report = client.download_artifacts(run.info.run_id, "reports/report.html", str(tmp_path))
    assert Path(report).read_text("utf-8") == "<p>another"
    mlflow.set_tracking_uri(f"sqlite:///{place}/mlflow.db")
    assert Path(mlflow.artifacts.download_artifacts("models:/seqlab-grammar-en-fr@champion")).is_dir()
    if how == "copied":
        assert addresses(tracked.root) == before
    # Not a second time; and a comparison finds its files.
    again = sync(place)
    assert again.server.notes == ()
    server = connect(moved.home)
    runs = find_runs(server, [], "")
    places, notes = locate(server, moved.home, runs)
    assert notes == []
    assert place in places[runs[0].id][TRANSLATIONS].parents


def test_what_did_not_come_along_stays(tracked: Project, tmp_path: Path) -> None:
    """Only the database was taken elsewhere; and a database that is not in the working copy is another's."""
    tracked.run()
    sync(tracked.root)
    before = addresses(tracked.root)
    (tmp_path / "other/mlartifacts").mkdir(parents=True)
    shutil.copyfile(tracked.root / "mlflow.db", tmp_path / "other/mlflow.db")
    assert follow_move(tmp_path / "other/mlflow.db", tmp_path / "other") == []
    shutil.copytree(tracked.root / "mlartifacts", tmp_path / "third/mlartifacts")
    assert follow_move(tmp_path / "other/mlflow.db", tmp_path / "third") == []
    assert addresses(tmp_path / "other") == addresses(tracked.root) == before


def test_an_address_that_begins_alike_is_another(tracked: Project, tmp_path: Path) -> None:
    tracked.run()
    sync(tracked.root)
    foreign = f"{(tracked.root / 'mlartifacts').as_uri()}-of-somebody/1"
    with sqlite3.connect(tracked.root / "mlflow.db") as connection:
        columns = "INSERT INTO experiments (name, artifact_location, lifecycle_stage)"
        connection.execute(f"{columns} VALUES ('x', ?, 'active')", (foreign,))
    tracked.root.rename(tmp_path / "moved")
    assert len(follow_move(tmp_path / "moved/mlflow.db", tmp_path / "moved")) == 1
    assert foreign in addresses(tmp_path / "moved")
