"""Against a real database: paging, selection, and MLflow's own search syntax."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.store.entities import PagedList

from benchmarks.compare import log
from benchmarks.invented_runs import grid
from seqlab.commands.compare import runs as module
from seqlab.commands.compare.compare import compare
from seqlab.commands.compare.runs import find_runs
from seqlab.core.errors import SeqlabError
from seqlab.tracking.home import Home
from seqlab.tracking.publishing.find import find_run
from seqlab.tracking.publishing.server import Server, connect
from tests.tracking.mlflow_server import MlflowServer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working copy whose database has four finished runs and an unfinished one."""
    root = tmp_path_factory.mktemp("project")
    (root / ".dvc").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root}/mlflow.db")
        client = MlflowClient(f"sqlite:///{root}/mlflow.db")
        experiment = client.create_experiment("seqlab", artifact_location=(root / "mlartifacts").as_uri())
        for run in grid((0.0, 1.0), (64, 128), 1):
            log(client, experiment, run)
        client.create_run(experiment, run_name="running")
    return root


@pytest.fixture
def server(root: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root}/mlflow.db")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return connect(Home(root))


def names(server: Server, *wanted: str, condition: str = "") -> list[str]:
    return [run.name for run in find_runs(server, wanted, condition)]


def test_all_finished_runs_best_first_over_many_pages(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_SIZE", 1)
    runs = find_runs(server, [], "")
    assert sorted(run.name for run in runs) == ["run-1", "run-2", "run-3", "run-4"]
    assert [run.score for run in runs] == sorted((run.score for run in runs), reverse=True)


def test_pages_without_end_are_an_error(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a server that gives the same token again, or always another one."""
    for tokens in (itertools.repeat("a"), map(str, itertools.count())):

        def ask(*_: object, tokens: Iterator[str] = tokens, **__: object) -> PagedList[object]:
            return PagedList([], next(tokens))

        monkeypatch.setattr(server.client.__class__, "search_runs", ask)
        with pytest.raises(SeqlabError, match="its answer has no end"):
            find_runs(server, [], "")
        monkeypatch.setattr(server.client.__class__, "search_runs", lambda *_, **__: [])
        monkeypatch.setattr(server.client.__class__, "search_registered_models", ask)
        with pytest.raises(SeqlabError, match="its answer has no end"):
            find_run(server, "champion")


def test_runs_by_id_name_and_fingerprint(server: Server) -> None:
    found = {run.name: run for run in find_runs(server, [], "")}
    wanted = (found["run-1"].id, "run-2", found["run-3"].fingerprint[:9], found["run-1"].fingerprint)
    assert sorted(names(server, *wanted)) == ["run-1", "run-2", "run-3"]
    with pytest.raises(SeqlabError, match="no run nobody at sqlite"):
        names(server, "run-1", "nobody")


def test_a_filter_is_mlflows(server: Server) -> None:
    assert names(server, condition="params.`train.teacher_forcing_ratio` = '1.0'") == ["run-4", "run-3"]
    with pytest.raises(SeqlabError, match=r"does not understand --filter 'nonsense here': .*; write it such as"):
        names(server, condition="nonsense here")


def test_the_filter_that_a_refusal_offers_works(server: Server) -> None:
    from seqlab.commands.compare.comparable import _filter

    (run, *_) = find_runs(server, [], "")
    offered = _filter(run).removeprefix('--filter "').removesuffix('"')
    assert len(names(server, condition=offered)) == 4


def test_it_reads_the_artifacts_where_they_are(server: Server, root: Path, tmp_path: Path) -> None:
    comparison = compare(root, tmp_path)
    assert len(comparison.view.runs) == 4
    assert not (root / ".seqlab/downloads").exists()
    assert "<a href=" not in (tmp_path / "comparison.html").read_text("utf-8").split("<tbody>")[1].split("</tbody>")[0]


def test_it_asks_a_real_server(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".dvc").mkdir()
    remote = MlflowServer(tmp_path, root / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", remote.uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "served")
    monkeypatch.delenv("DVC_ROOT", raising=False)
    remote.start()
    try:
        server = connect(Home(tmp_path))
        for run in grid((0.0, 1.0), (64,), 1):
            log(server.client, server.experiment_id, run)
        comparison = compare(tmp_path, tmp_path / "reports")
        # Nothing is downloaded again, and no metric history is asked for.
        monkeypatch.setattr(server.client.__class__, "download_artifacts", None)
        assert str(compare(tmp_path, tmp_path / "reports")) == str(comparison)
    finally:
        remote.kill()
    assert [run.place.startswith(remote.uri) for run in comparison.view.runs] == [True, True]
    assert len(list((tmp_path / ".seqlab/downloads/files").iterdir())) == 6
