"""A working copy of the project, as a user has it, with parameters small enough for a test."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]

TINY = {
    "corpus.grammar.train_size": 200,
    "corpus.grammar.valid_size": 20,
    "corpus.grammar.test_size": 20,
    "corpus.grammar.max_depth": 1,
    "tokenizer.vocab_size": 300,
    "model.embedding_size": 8,
    "model.hidden_size": 8,
    "model.attention": "none",
    "train.teacher_forcing_ratio": 0.5,
    "train.epochs": 2,
    "train.learning_rate_schedule": "constant",
    "train.log_every": 2,
    "train.validation_max_length": 20,
    "evaluate.max_length": 20,
    "evaluate.bootstrap_samples": 100,
    "report.samples": 2,
}


def content(changes: dict[str, Any]) -> dict[str, Any]:
    """The project's params.yaml with changes in it."""
    found: dict[str, Any] = YAML(typ="safe").load(ROOT / "params.yaml")
    for name, value in changes.items():
        *sections, key = name.split(".")
        section = found
        for part in sections:
            section = section[part]
        section[key] = value
    return found


@dataclass
class Project:
    """A git repository with the project's files, uncommitted changes included, and an environment of its own."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *command: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the working copy; its output is text."""
        result = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert not check or result.returncode == 0, f"{command}: {result.returncode}\n{result.stdout}\n{result.stderr}"
        return result

    def dvc(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run DVC."""
        return self.run("dvc", *arguments, check=check)

    def repro(self, *arguments: str) -> list[str]:
        """Run `dvc repro`; return the names of the stages that ran."""
        output = self.dvc("repro", *arguments).stdout
        return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]

    def set(self, changes: dict[str, Any]) -> None:
        """Change parameters in params.yaml, comments kept."""
        yaml = YAML()
        path = self.root / "params.yaml"
        content = yaml.load(path)
        for name, value in changes.items():
            *sections, key = name.split(".")
            section = content
            for part in sections:
                section = section[part]
            section[key] = value
        yaml.dump(content, path)

    def read(self, name: str) -> str:
        """The text of a file."""
        return (self.root / name).read_text("utf-8")


def environment(home: Path) -> dict[str, str]:
    """This process's environment, but for what configures tools for its user."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "MLFLOW_", "GIT_"))}
    return inherited | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "DVC_NO_ANALYTICS": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # It takes as long as a tiny run itself; tests of MLflow publish by command, or turn it on.
        "SEQLAB_PUBLISHER": "off",
    }


def make_project(root: Path, home: Path) -> Project:
    """Copy what git tracks, and what it would, into a repository of its own; no user configuration of any tool."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listing.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, root / name)
    (root / "dvc.lock").unlink(missing_ok=True)
    home.mkdir(parents=True, exist_ok=True)
    project = Project(root, environment(home))
    project.run("git", "init", "--quiet", "--initial-branch=main")
    # Experiments are commits, and the machine's own configuration is not read.
    project.run("git", "config", "user.name", "Test")
    project.run("git", "config", "user.email", "test@example.org")
    project.run("git", "add", "--all")
    project.run("git", "commit", "--quiet", "--message=Start")
    return project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A working copy with tiny parameters, in which nothing ran yet."""
    made = make_project(tmp_path / "project", tmp_path / "home")
    made.set(TINY)
    made.run("git", "commit", "--quiet", "--all", "--message=Tiny")
    return made


@pytest.fixture
def queueing(project: Project) -> Iterator[Project]:
    """A working copy, the workers of whose queue end with the test."""
    yield project
    project.dvc("queue", "stop", "--kill", check=False)


def copy_of(project: Project, base: Path) -> Project:
    """A project of its own, and a home, below folder `base`."""
    shutil.copytree(project.root.parent, base, symlinks=True, dirs_exist_ok=True)
    return Project(base / "project", environment(base / "home"))


@pytest.fixture(scope="session")
def ran_once(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A working copy in which the whole pipeline ran; whichever process of the tests comes first makes it for all."""
    base = tmp_path_factory.getbasetemp()
    # pytest-xdist gives each process a folder in one that they share.
    base = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "ran-once"
    made = Project(base / "project", environment(base / "home"))
    with FileLock(f"{base}.lock"):
        if not (base / "done").exists():
            make_project(made.root, base / "home")
            made.set(TINY)
            assert made.repro() == ["download", "tokenize", "train", "evaluate", "report"]
            made.run("git", "add", "--all")
            made.run("git", "commit", "--quiet", "--message=Tiny")
            (base / "done").touch()
    return made


@pytest.fixture(scope="module")
def finished(ran_once: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A working copy in which the whole pipeline ran once; shared by the tests of a module, which restore it."""
    return copy_of(ran_once, tmp_path_factory.mktemp("finished"))
