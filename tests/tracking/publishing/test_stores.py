"""Whatever address a server names for artifacts, nothing is read from there or written there but by its own leave."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from seqlab.tracking.publishing.stores import check_stores, may_name
from seqlab.tracking.publishing.uri import is_server
from tests.tracking.test_strangers import liar

RUN, MODEL = "a" * 32, f"m-{'b' * 32}"
SERVER = "https://name:p%40ss@mlflow.example.org:5000/team"


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("/home/me", False),
        ("relative", False),
        ("", False),
        ("file:///home/me", False),
        ("FILE:///home/me", False),
        ("file://mlflow.example.org:5000/x", False),
        ("http://evil.example/x", False),
        ("https://mlflow.example.org:5000@evil.example/x", False),
        ("https://mlflow.example.org/x", False),
        ("mlflow-artifacts://evil.example/x", False),
        ("mlflow-artifacts://mlflow.example.org:5000/x", True),
        ("mlflow-artifacts:/7/run/artifacts", True),
        ("https://mlflow.example.org:5000/api/x", True),
        ("s3://bucket/x", True),
    ],
)
def test_what_a_server_may_name(address: str, allowed: bool) -> None:
    assert may_name(SERVER, address) == allowed
    # A database's addresses are its user's.
    assert may_name("sqlite:////home/me/mlflow.db", address)


@pytest.fixture
def address() -> list[str]:
    """Where the server says that artifacts lie, to be filled in."""
    return []


@pytest.fixture
def client(address: list[str]) -> Iterator[MlflowClient]:
    """Of a server that lies about its run and its model."""

    def answer(path: str) -> Any:
        info = {"run_id": RUN, "experiment_id": "1", "artifact_uri": address[0], "lifecycle_stage": "active"}
        model = {"info": {"model_id": MODEL, "artifact_uri": address[0]}}
        return {"run": {"info": info, "data": {}}, "model": model}

    check_stores()
    check_stores()
    from mlflow.tracking._tracking_service import utils

    utils._artifact_repos_cache.clear()
    with liar(answer) as uri:
        yield MlflowClient(uri)
    utils._artifact_repos_cache.clear()


def test_a_server_names_no_folder_of_this_machine(client: MlflowClient, address: list[str], tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (victim / "reports").mkdir(parents=True)
    (victim / "reports/scores.json").write_text("secret", "utf-8")
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours/params.yaml").write_text("ours", "utf-8")
    for name in (victim.as_uri(), str(victim)):
        address[:] = [name]
        for deed in (
            lambda: client.download_artifacts(RUN, "reports/scores.json", str(tmp_path)),
            lambda: client.log_artifacts(RUN, str(tmp_path / "ours")),
            lambda: client.log_model_artifacts(MODEL, str(tmp_path / "ours")),
        ):
            with pytest.raises(MlflowException, match="a server may name neither"):
                deed()
    assert [path.name for path in victim.rglob("*")] == ["reports", "scores.json"]
    assert not (tmp_path / "scores.json").exists()


def test_a_password_goes_to_its_server_alone(
    client: MlflowClient, address: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    asked: list[str] = []

    def answer(path: str) -> dict[str, str]:
        asked.append(path)
        return {}

    with liar(answer) as other:
        for name in (f"{other}/x", other.replace("http:", "mlflow-artifacts:") + "/x"):
            address[:] = [name]
            with pytest.raises(MlflowException, match="a server may name neither"):
                client.download_artifacts(RUN, "x", str(tmp_path))
    assert asked == []


@pytest.mark.parametrize(
    ("uri", "server"),
    [
        ("http://a", True),
        ("HTTPS://a", True),
        ("sqlite:///x.db", False),
        ("postgresql://h/db", False),
        ("httpx", False),
    ],
)
def test_a_server_is_known_by_its_scheme(uri: str, server: bool) -> None:
    assert is_server(uri) is server
