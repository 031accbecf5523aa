"""A sync that has nothing to do is quick, and notices whatever the long one would."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from mlflow import MlflowClient

from seqlab.cli import main
from seqlab.core.atomic import write_text
from seqlab.tracking.fingerprint.pipeline import stage_paths
from seqlab.tracking.publishing import last_sync as module
from seqlab.tracking.publishing import model as model_module
from seqlab.tracking.publishing import sync as sync_module
from seqlab.tracking.publishing.decisions import note_sweep
from seqlab.tracking.publishing.last_sync import same_as_last, state
from seqlab.tracking.publishing.sync import sync
from tests.tracking.conftest import ROOT, Project

# What takes long to import.
HEAVY = {"dvc", "mlflow", "numpy", "pandas", "pydantic", "requests", "ruamel", "sqlalchemy", "torch"}
IMPORTED = f"""
import sys
from contextlib import suppress
from seqlab.cli import main
with suppress(SystemExit):
    main(sys.argv[1:], standalone_mode=False)
print(sorted({{name.partition(".")[0] for name in sys.modules}} & {HEAVY}))
"""


@pytest.fixture
def quiet(tracked: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of which all is published, and the last sync found that."""

    def save(folder: Path, *_: object) -> None:
        write_text(folder / "MLmodel", "flavors: {}\n")

    monkeypatch.setattr(sync_module, "stale_stages", lambda _: {})
    monkeypatch.setattr(model_module, "_save", save)
    monkeypatch.chdir(tracked.root)
    write_text(tracked.root / "dvc.lock", "schema: '2.0'\nstages: {}\n")
    write_text(tracked.root / ".dvc/cache/files/md5/00/11", "an output")
    tracked.run()
    assert sync(tracked.root).count("created") == 1
    assert same_as_last(tracked.home) is None
    found = sync(tracked.root)
    assert found.count("unchanged") == 1
    assert same_as_last(tracked.home) == str(found)
    return tracked


def in_store(change: Callable[[MlflowClient, str], object]) -> Callable[[Project], object]:
    """A change that somebody makes in MLflow."""

    def changed(project: Project) -> object:
        client = MlflowClient(f"sqlite:///{project.root}/mlflow.db")
        (run,) = client.search_runs([each.experiment_id for each in client.search_experiments()])
        return change(client, run.info.run_id)

    return changed


def in_place(project: Project) -> None:
    """As many bytes as before, and the time as it was."""
    path = project.root / "src/seqlab/model/cell.py"
    times = path.stat()
    path.write_text(path.read_text().replace("return 1", "return 2"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def in_database(project: Project) -> None:
    """A tag, written by another program than MLflow, into a file as large as before that hides its time."""
    path = project.root / "mlflow.db"
    times = path.stat()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE tags SET value = '0' WHERE key = 'executions'")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def append(name: str) -> Callable[[Project], object]:
    return lambda project: (project.root / name).write_text((project.root / name).read_text() + "\n")


CHANGES: dict[str, Callable[[Project], object]] = {
    "tag changed": in_store(lambda client, run: client.set_tag(run, "seqlab.published", "")),
    "run deleted": in_store(lambda client, run: client.delete_run(run)),
    "parameter": append("params.yaml"),
    "stages": append("dvc.yaml"),
    "lock": append("dvc.lock"),
    "code": in_place,
    "store": in_database,
    "report": append("reports/report.html"),
    "output gone": lambda project: (project.root / "models/best/model.safetensors").unlink(),
    "output added": lambda project: write_text(project.root / "data/raw/more", ""),
    "execution": lambda project: project.evaluate(),
    "sweep": lambda project: note_sweep(project.home, project.executions()[0].run_fingerprint, "grid", "a"),
    "object gone": lambda project: next(path for path in project.home.objects.rglob("*") if path.is_file()).unlink(),
    "journal gone": lambda project: project.executions()[0].path.unlink(),  # type: ignore[union-attr]
    "cache": lambda project: (project.root / ".dvc/cache/files/md5/00/11").unlink(),
    "settings": lambda project: write_text(project.root / ".dvc/config.local", "[cache]\n    dir = /elsewhere\n"),
}


def test_every_change_is_noticed(quiet: Project) -> None:
    store, paths = quiet.root / "mlflow.db", stage_paths(quiet.root)
    for name, change in CHANGES.items():
        before = state(quiet.home, store, paths)
        assert before is not None
        change(quiet)
        assert state(quiet.home, store, paths) != before, name
        assert same_as_last(quiet.home) is None, name


@pytest.mark.parametrize("name", ["mlflow.db", ".dvc/cache"])
def test_nothing_is_told_without_a_store_or_a_cache_to_look_at(quiet: Project, name: str) -> None:
    (quiet.root / name).rename(quiet.root / "elsewhere")
    assert same_as_last(quiet.home) is None
    assert state(quiet.home, quiet.root / "mlflow.db", stage_paths(quiet.root)) is None


def test_another_place_other_packages_and_other_code_are_noticed(
    quiet: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("MLFLOW_EXPERIMENT_NAME", "other"), ("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert same_as_last(quiet.home) is None
    with monkeypatch.context() as patch:
        patch.setattr(module, "installed", lambda _: "0")
        assert same_as_last(quiet.home) is None
    with monkeypatch.context() as patch:
        patch.setattr(module, "CODE", quiet.root / "src")
        assert same_as_last(quiet.home) is None
    assert same_as_last(quiet.home) is not None


def test_what_no_stage_reads_does_not_matter(quiet: Project) -> None:
    write_text(quiet.root / "src/seqlab/__pycache__/x.pyc", "")
    write_text(quiet.root / "notes.md", "mine")
    write_text(quiet.home.publisher_log, "a line")
    assert same_as_last(quiet.home) is not None


def test_what_is_none_of_ours_is_not_taken_for_an_answer(quiet: Project) -> None:
    for content in ("", "[]", "{", '{"state": null, "paths": 1}', '{"paths": [1]}'):
        write_text(quiet.home.last_sync, content)
        assert same_as_last(quiet.home) is None, content


def test_a_deleted_run_is_told_by_the_command(quiet: Project) -> None:
    assert "1 unchanged" in CliRunner().invoke(main, ["sync"]).output
    CHANGES["run deleted"](quiet)
    assert "1 deleted" in CliRunner().invoke(main, ["sync"]).output


def test_nothing_is_remembered_of_what_is_not_settled(quiet: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    # A run that goes on.
    quiet.set("train", teacher_forcing_ratio=0.25)
    quiet.recorder("train").start()
    sync(quiet.root)
    sync(quiet.root)
    assert same_as_last(quiet.home) is None


def test_nothing_is_remembered_of_a_working_copy_that_is_not_up_to_date(
    quiet: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    append("params.yaml")(quiet)
    monkeypatch.setattr(sync_module, "stale_stages", lambda _: {"train": "changed"})
    sync(quiet.root)
    assert same_as_last(quiet.home) is None


def test_what_changes_while_a_sync_looks_is_not_remembered(quiet: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet.home.last_sync.unlink()

    def stale(_: Path) -> dict[str, str]:
        append("params.yaml")(quiet)
        return {}

    monkeypatch.setattr(sync_module, "stale_stages", stale)
    assert sync(quiet.root).count("unchanged") == 1
    assert same_as_last(quiet.home) is None


def test_nothing_is_imported_to_say_so(quiet: Project) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "MLFLOW_TRACKING_URI": ""}
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, "sync"],
        cwd=quiet.root,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    said, imported = done.stdout.rstrip("\n").rsplit("\n", 1)
    assert "1 unchanged" in said
    assert imported == "[]"


@pytest.mark.parametrize(
    "text",
    ["[" * 400_000, "[]", '{"state": "x"}', '{"state": "x", "paths": 5}', '{"state": "x", "paths": [5]}',
     '{"state": "x", "paths": ["/usr/lib"]}', '{"state": "x", "paths": ["data/../.."]}'],
    ids=lambda text: text[-20:],
)  # fmt: skip
def test_what_somebody_else_noted_says_nothing(project: Project, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """And no folder is walked because it names it."""
    walked: list[str] = []
    monkeypatch.setattr(module, "state", lambda _, __, paths: walked.extend(paths))
    write_text(project.home.last_sync, text)
    assert same_as_last(project.home) is None
    assert walked == []
