"""What people are told when MLflow cannot be used: what is wrong, and what to do."""

import errno
import stat
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import requests
from mlflow.exceptions import MlflowException, RestException

from seqlab.core.errors import SeqlabError
from seqlab.tracking.journal.launch import launch_publisher
from seqlab.tracking.publishing.failures import RefusedError, described, failure
from seqlab.tracking.publishing.server import connect, server_errors
from tests.tracking.conftest import Project


def said(project: Project, address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(SeqlabError) as caught:
        connect(project.home)
    return str(caught.value)


@pytest.mark.parametrize(
    ("scheme", "module", "package"),
    [("postgresql", "psycopg", "psycopg[binary]"), ("mysql+pymysql", "pymysql", "pymysql")],
)
def test_a_missing_driver_is_named(
    project: Project, monkeypatch: pytest.MonkeyPatch, scheme: str, module: str, package: str
) -> None:
    if find_spec(module) is not None:
        pytest.skip(f"{module} is installed")
    message = said(project, f"{scheme}://me:hunter2@127.0.0.1/db", monkeypatch)
    assert message == (
        f"MLflow at {scheme}://127.0.0.1/db needs the Python package {package}, which is not installed: "
        f"`pip install '{package}'`"
    )


def test_an_unknown_kind_of_address_and_a_password_in_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    message = said(project, "gopher://me:hunter2@host/", monkeypatch)
    assert message.startswith("MLFLOW_TRACKING_URI: MLflow knows no gopher: addresses")
    assert "hunter2" not in said(project, "http://me:hunter2@127.0.0.1:9/", monkeypatch)
    assert "hunter2" not in said(project, "http://me:hunter2/x@127.0.0.1:9/", monkeypatch)


@pytest.mark.parametrize("damage", ["text", "torn"])
def test_a_damaged_database_is_no_server_that_does_not_answer(
    tracked: Project, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    database = tracked.root / "damaged.db"
    content = (tracked.root / "mlflow.db").read_bytes()
    database.write_bytes(
        b"no database at all" * 99 if damage == "text" else content[:200] + bytes(4000) + content[4200:]
    )
    message = said(tracked, "sqlite:///damaged.db", monkeypatch)
    assert f"the database of MLflow at sqlite:///{database} is damaged: " in message
    assert "move it away, and `seqlab sync` makes a new one from the journal" in message
    assert "answers" not in message


def answer(code: str) -> RestException:
    return RestException({"error_code": code, "message": "no"})  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("error", "one"),
    [
        (answer("RESOURCE_DOES_NOT_EXIST"), True),
        (answer("INTERNAL_ERROR"), True),
        (answer("TEMPORARILY_UNAVAILABLE"), False),
        (MlflowException("API request failed with exception X"), False),
        (MlflowException("Invalid model name", error_code=1000), True),
        (requests.ConnectionError("gone"), False),
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (OSError(errno.EACCES, "Permission denied"), True),
        (OSError("server gone"), False),
    ],
)
def test_whom_an_error_concerns(error: Exception, one: bool) -> None:
    with pytest.raises(SeqlabError) as caught, server_errors("http://me:hunter2@host"):
        raise error
    assert isinstance(caught.value, RefusedError) == one
    assert ("once the server answers" in str(caught.value)) != one
    assert "MLflow at http://host" in str(caught.value)


def test_words_are_not_cut_in_the_middle_and_have_no_password() -> None:
    words = [f"word{number}" for number in range(200)]
    text = described(ValueError(" ".join(["http://me:hunter2@host", *words])))
    assert text.startswith("http://host word0 ")
    assert text.endswith(" …")
    assert set(text.split()[1:-1]) <= set(words)
    assert len(text) <= 302
    assert described(ValueError("x" * 1000)) == "x" * 300 + " …"
    assert described(ValueError()) == "ValueError"


def test_our_own_mistakes_are_not_taken_for_the_servers() -> None:
    with pytest.raises(KeyError), server_errors("http://host"):
        raise KeyError("ours")


def test_the_log_of_the_publisher_is_for_its_owner_alone(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEQLAB_PUBLISHER")
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: None)
    project.home.folder.mkdir(exist_ok=True)
    project.home.publisher_log.write_text("an earlier version's\n", "utf-8")
    project.home.publisher_log.chmod(0o644)
    launch_publisher(project.home)
    assert stat.S_IMODE(project.home.publisher_log.stat().st_mode) == 0o600
    assert project.home.publisher_log.read_text("utf-8") == "an earlier version's\n"
    assert isinstance(failure(OSError("x"), ""), SeqlabError)


def test_a_process_that_holds_many_locks_is_named_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqlab.system.dvc import dvc_status

    fake = project.root / "python"
    line = "  (PID 4711): dvc repro"
    fake.write_text(f"#!/bin/sh\nfor path in 1 2 3 4 5 6; do echo '{line}' >&2; done\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(fake))
    with pytest.raises(SeqlabError) as caught:
        dvc_status(Path(project.root))
    assert str(caught.value).count("PID 4711") == 1


def code_of(module: str, source: str) -> dict[str, Any]:
    """The names that `source` defines as a module of that name."""
    names: dict[str, Any] = {"__name__": module}
    exec(source, names)  # noqa: S102 (the source of this test)
    return names


def test_what_mlflow_cannot_read_of_an_answer_is_the_servers_and_a_mistake_of_ours_is_ours() -> None:
    read = code_of("mlflow.rest", "def read(parse): return parse()")["read"]
    mistake = code_of("seqlab.mistake", "def make(): raise KeyError('ours')")["make"]
    with pytest.raises(SeqlabError, match="its answer is none of MLflow's"), server_errors("http://server"):
        read(code_of("json", "def parse(): raise KeyError('theirs')")["parse"])
    with pytest.raises(KeyError, match="ours"), server_errors("http://server"):
        read(mistake)
    with pytest.raises(KeyError, match="ours"), server_errors("http://server"):
        mistake()
