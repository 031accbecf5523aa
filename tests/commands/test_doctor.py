"""seqlab doctor: what is in use, what is wrong, and no password in either."""

import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from seqlab.cli import main
from seqlab.commands.doctor import diagnose
from seqlab.tracking.publishing import health

ROOT = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working copy, without an environment of its own, that knows no server and no remote."""
    for name in ("params.yaml", "dvc.yaml", "versions.toml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / ".dvc", tmp_path / ".dvc", ignore=lambda *_: ["cache", "tmp", "config.local"])
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def server() -> Iterator[str]:
    """The address, with a name and a password, of a server that has /health and nothing else."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/health" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://anna:geheim@127.0.0.1:{running.server_port}"
        running.shutdown()


def line(root: Path, name: str) -> str:
    """What the diagnosis says of one thing."""
    return next(each for each in diagnose(root).found if each.startswith(name)).removeprefix(name).strip()


def test_whose_commits_experiments_are(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "settings"))
    assert line(root, "git").startswith("experiments are commits, and git does not know whose: ")
    (tmp_path / "settings").write_text("[user]\nname = Anna\nemail = anna@example.org\n", "utf-8")
    assert line(root, "git") == "knows whose commits experiments are"


def test_all_is_well(root: Path) -> None:
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 0, result.output
    assert result.output.endswith("Nothing is wrong.\n")
    assert line(root, "MLflow") == f"sqlite:///{root}/mlflow.db"
    assert line(root, "DVC remote") == "none: results stay in .dvc/cache"
    assert line(root, "device").startswith("cpu (runtime.device); CUDA devices: ")
    assert "native, 2 threads" in line(root, "numerics")


def test_what_is_wrong_is_said_and_the_status_is_1(root: Path) -> None:
    path = root / "versions.toml"
    path.write_text(path.read_text("utf-8").replace('safetensors = "0.8.0"', 'safetensors = "0.0.1"'), "utf-8")
    shutil.rmtree(root / ".git")
    result = CliRunner().invoke(main, ["doctor"], env={"GIT_CEILING_DIRECTORIES": str(root.parent)})
    assert result.exit_code == 1
    assert "problem: safetensors 0.8.0 is installed, and" in result.output
    assert f"problem: {root} is no working copy of git" in result.output


def test_a_stale_environment(root: Path) -> None:
    (root / ".venv/bin").mkdir(parents=True)
    assert f"{root}/.venv is of no use, its Python is gone: `make install` makes it anew" in diagnose(root).problems


def test_damaged_parameters_are_one_problem(root: Path) -> None:
    (root / "params.yaml").write_text("seed: one\n", "utf-8")
    problems = diagnose(root).problems
    assert len(problems) == len(set(problems)) == 1


def test_no_password_is_shown(root: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    (root / ".dvc/config.local").write_text(
        "[core]\n    remote = team\n['remote \"team\"']\n    url = https://anna:geheim@dvc.example.org/x\n", "utf-8"
    )
    diagnosis = diagnose(root)
    assert "geheim" not in str(diagnosis)
    assert line(root, "MLflow") == f"{server.replace('anna:geheim@', '')}, which answers"
    assert line(root, "DVC remote") == "team, https://dvc.example.org/x"
    assert diagnosis.problems == []


def test_it_asks_as_mlflow_does_with_the_name_and_password_of_its_environment(
    root: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def get(_: str, *, auth: object, **__: object) -> SimpleNamespace:
        asked.append(auth)
        return SimpleNamespace(ok=True)

    monkeypatch.setattr("requests.get", get)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.replace("anna:geheim@", ""))
    for name, password in (("", ""), ("anna", ""), ("anna", "geheim")):
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", name)
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)
        assert line(root, "MLflow").endswith("which answers")
    assert asked == [None, ("anna", ""), ("anna", "geheim")]


@pytest.mark.parametrize(
    "address", ["http://anna:geheim@127.0.0.1:9", "postgresql://anna:geheim@db.example.org/mlflow"]
)
def test_a_server_that_does_not_answer(root: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setattr(health, "SECONDS", 1)
    said = str(diagnose(root))
    assert "geheim" not in said
    assert ("does not answer" in said) == address.startswith("http")


def test_a_device_that_is_not_there_is_one_problem(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (root / "params.yaml").read_text("utf-8")
    (root / "params.yaml").write_text(text.replace("device: cpu", "device: cuda"), "utf-8")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    (problem,) = diagnose(root).problems
    assert problem.startswith("runtime.device is cuda, and PyTorch")


def test_an_installation_that_broke_off_is_one_problem(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    found = diagnose(root)
    assert [line.split()[0] for line in found.found if line.endswith("see below")] == ["device", "numerics"]
    (problem,) = found.problems
    assert problem.startswith("a package does not load (import of torch halted")
    assert problem.endswith("`rm -r .venv`, then `make install` makes it anew")


def test_it_is_of_the_project_from_any_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "src").mkdir()
    monkeypatch.chdir(root / "src")
    result = CliRunner().invoke(main, ["doctor"])
    assert (result.exit_code, f"sqlite:///{root}/mlflow.db" in result.output) == (0, True), result.output
