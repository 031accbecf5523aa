import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seqlab.core.atomic import write_text
from seqlab.core.errors import SeqlabError
from seqlab.tracking.journal.workspace import stale_stages, workspace_execution
from seqlab.tracking.objects import Objects
from tests.tracking.conftest import Project

COPY = "stages:\n  train:\n    cmd: cp a b\n    deps: [a]\n    outs: [b]\n"


def dvc(root: Path, *arguments: str) -> None:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], cwd=root, env=environment, check=True, capture_output=True
    )


def test_stale_stages_are_those_that_dvc_would_run(tmp_path: Path) -> None:
    write_text(tmp_path / "dvc.yaml", COPY)
    write_text(tmp_path / "a", "one")
    dvc(tmp_path, "init", "--no-scm")
    dvc(tmp_path, "repro")
    assert stale_stages(tmp_path) == {}
    write_text(tmp_path / "a", "two")
    assert stale_stages(tmp_path) == {"train": "deps: a"}
    (tmp_path / "b").unlink()
    assert stale_stages(tmp_path) == {"train": "deps: a; outs: b"}
    write_text(tmp_path / "dvc.yaml", "stages: [")
    with pytest.raises(SeqlabError, match="`dvc status` failed"):
        stale_stages(tmp_path)


@pytest.mark.parametrize("with_report", [False, True])
def test_a_finished_working_copy_is_an_execution_that_found_everything(project: Project, with_report: bool) -> None:
    project.run()
    journaled = project.executions()
    shutil.rmtree(project.home.folder)
    objects = Objects(project.home.objects)
    found = workspace_execution(project.root, objects, with_report=with_report)
    assert found.run_fingerprint == journaled[0].run_fingerprint
    assert found.train_fingerprint == journaled[0].train_fingerprint
    for execution in journaled[:2]:
        assert {path: found.header["inputs"][path] for path in execution.outputs} == execution.outputs
    assert found.outputs == (journaled[2].outputs if with_report else {})
    assert all(objects.get(name) for name in found.header["inputs"].values())
