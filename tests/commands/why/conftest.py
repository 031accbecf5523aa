"""Two projects: a small one that DVC ran, and that of the tracking tests, whose stages are played."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seqlab.core.atomic import write_text
from tests.tracking.conftest import _no_environment, project, template_database, template_project, tracked

# Fixtures that the tests here use too.
__all__ = ["_no_environment", "project", "template_database", "template_project", "tracked"]

DVC_YAML = """
stages:
  make:
    cmd: cp data/own/a.txt made.txt
    deps: [data/own, pipeline/make.py, src/seqlab/model]
    params:
      - make
      - versions.toml: [make]
    outs: [made.txt]
  show:
    cmd: cp made.txt shown.txt
    deps: [made.txt, pipeline/show.py]
    outs: [shown.txt]
"""
CODE = '''"""A stage."""

KEPT = 3


def main() -> int:
    """Do it."""
    # Once.
    return KEPT
'''


def run(root: Path, *command: str) -> None:
    """Run a command in `root`, as somebody without a configuration."""
    identity = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org"}
    identity |= {"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org", "DVC_NO_ANALYTICS": "1"}
    subprocess.run(command, cwd=root, env={**os.environ, **identity}, check=True, capture_output=True)


def dvc(root: Path, *arguments: str) -> None:
    """Run DVC in `root`."""
    run(root, sys.executable, "-m", "dvc", *arguments)


@pytest.fixture(scope="session")
def ran_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project to copy; nothing in it is committed to git."""
    root = tmp_path_factory.mktemp("ran") / "project"
    write_text(root / "dvc.yaml", DVC_YAML)
    write_text(root / "params.yaml", "make:\n  width: 3\n  names: [a, b]\n  rate: 1.0\nother: 1\n")
    write_text(root / "versions.toml", '[make]\ntorch = "2.0"\nnumpy = "1.0"\n')
    write_text(root / "data/own/a.txt", "one")
    for name in ("pipeline/make.py", "pipeline/show.py", "src/seqlab/model/cell.py", "src/seqlab/model/unit.py"):
        write_text(root / name, CODE)
    dvc(root, "init", "--no-scm", "--quiet")
    dvc(root, "repro", "--quiet")
    return root


@pytest.fixture
def fresh(tmp_path: Path, ran_once: Path) -> Path:
    """The project as the stages left it, in no git repository."""
    shutil.copytree(ran_once, tmp_path / "project", symlinks=True)
    return tmp_path / "project"


@pytest.fixture
def root(fresh: Path) -> Path:
    """The project as the stages left it, all in git but what DVC keeps."""
    write_text(fresh / ".gitignore", "/.dvc\n/made.txt\n/shown.txt\n")
    run(fresh, "git", "init", "--quiet")
    run(fresh, "git", "add", "--all")
    run(fresh, "git", "commit", "--quiet", "--message=Ran")
    return fresh
