"""The Python of a stage: the project's own, activated or not; another one says in a line what to do."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.pipeline.conftest import Project
from tests.tracking.mlflow_server import wait_for


def put_python(folder: Path, *options: str) -> Path:
    """A `python` in `folder` that is this one, with options."""
    folder.mkdir(parents=True)
    (folder / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" {" ".join(options)} "$@"\n', "utf-8")
    (folder / "python").chmod(0o755)
    return folder


def path_of(project: Project, bare: Path) -> str:
    """A path on which the first Python has no packages."""
    here = str(Path(sys.executable).parent)
    return os.pathsep.join(
        [str(bare), *(each for each in project.environment["PATH"].split(os.pathsep) if each != here)]
    )


def test_dvc_of_an_environment_that_is_not_activated(project: Project, tmp_path: Path) -> None:
    bare = put_python(tmp_path / "bare", "-S")
    put_python(project.root / ".venv/bin")
    result = project.run(sys.executable, "-m", "dvc", "repro", "download", PATH=path_of(project, bare))
    assert "Running stage 'download'" in result.stdout
    assert (project.root / "data/raw/manifest.json").is_file()


def test_a_python_without_the_packages(project: Project, tmp_path: Path) -> None:
    bare = put_python(tmp_path / "bare", "-S")
    command = (sys.executable, "-m", "dvc", "repro", "download")
    result = project.run(*command, check=False, PATH=path_of(project, bare))
    assert result.returncode != 0
    assert "lacks the project's packages: `make install` makes an environment that has them, in .venv" in result.stderr
    assert "Traceback" not in result.stderr


def test_ctrl_c_while_a_stage_imports(project: Project) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.train"],
        cwd=project.root,
        env={**project.environment, "PYTHONPATH": "src"},
        stderr=subprocess.PIPE,
        text=True,
    )
    # The first of the packages that it imports.
    wait_for(lambda: "psutil" in Path(f"/proc/{process.pid}/maps").read_text("utf-8"))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "interrupted; `dvc repro` runs this stage again\n")
