"""Runs made anew by `seqlab verify`, with the whole pipeline."""

import json
from pathlib import Path

import pytest

from seqlab.tracking.fingerprint.content import sha256
from seqlab.tracking.home import Home
from seqlab.tracking.journal.execution import read_executions
from seqlab.tracking.journal.source import SOURCE, keep_source, read_source
from seqlab.tracking.objects import Objects
from tests.pipeline.conftest import Project

# In one process: they share what takes long to set up.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("verify")]

UPDATE = "src/seqlab/training/update.py"
STEP_LINE = "            self.optimizer.step()\n"
# From step 5 on, one tensor is another one.
PLANTED = STEP_LINE + (
    "            if step == 5:\n"
    "                with torch.no_grad():\n"
    '                    dict(self.model.named_parameters())["decoder.embedding.weight"].add_(1e-3)\n'
)


def snapshot(root: Path) -> dict[str, bytes]:
    """What verification must leave alone."""
    names = ("models", "reports", "data", ".seqlab/journal", ".checkpoints")
    files = [path for name in names for path in (root / name).rglob("*") if path.is_file()]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in [*files, root / "dvc.lock"]}


def test_the_run_of_the_working_copy(finished: Project, tmp_path: Path) -> None:
    # An edited file that no commit has; a comment, so that the run stays the same.
    (finished.root / "src/seqlab/cli.py").open("a").write("# edited\n")
    before = snapshot(finished.root)
    try:
        done = finished.run("seqlab", "verify", TMPDIR=str(tmp_path))
    finally:
        finished.run("git", "restore", "src/seqlab/cli.py")
    assert done.stdout.startswith("reproduced: tf0.50-h8-gru-")
    assert "the same bytes, in numerics class " in done.stdout
    for stage in ("download", "tokenize", "train", "evaluate"):
        assert f"Running stage '{stage}'" in done.stderr
    assert snapshot(finished.root) == before
    assert not list(tmp_path.glob("seqlab-*"))


def test_a_difference_is_traced_to_step_and_tensor(finished: Project) -> None:
    """The run's archive is exchanged for one that trains otherwise, as if its record were of another training."""
    home = Home(finished.root)
    (training,) = [each for each in read_executions(home) if each.stage == "train"]
    assert training.path is not None
    assert "models/digests.safetensors" in training.outputs
    archive = Objects(home.objects).get(training.header["inputs"][SOURCE])
    assert archive is not None
    source = read_source(archive.read_bytes())
    assert source["params.yaml"] == (finished.root / "params.yaml").read_bytes()
    assert STEP_LINE in source[UPDATE].decode()

    original = (finished.root / UPDATE).read_text()
    journal = training.path.read_text()
    (finished.root / UPDATE).write_text(original.replace(STEP_LINE, PLANTED))
    try:
        planted = keep_source(finished.root, Objects(home.objects))
        training.path.write_text(journal.replace(training.header["inputs"][SOURCE], planted))
        (finished.root / UPDATE).write_text(original)
        refused = finished.run("seqlab", "verify", training.run_fingerprint[:10], check=False)
        done = finished.run("seqlab", "verify", "--trust", training.run_fingerprint[:10], check=False)
    finally:
        (finished.root / UPDATE).write_text(original)
        training.path.write_text(journal)
    assert refused.returncode == 1
    assert f"was not made with code of this repository: {UPDATE} differs from commit " in refused.stderr
    assert "Running stage" not in refused.stderr
    assert done.returncode == 1
    assert done.stdout.startswith("NOT REPRODUCED: tf0.50-h8-gru-")
    assert "the data are the same" in done.stdout
    assert "first difference: optimizer step 5 of 8, tensor decoder.embedding.weight\n" in done.stdout
    assert "differs: models/last/model.safetensors" in done.stdout
    assert json.loads(finished.read("reports/scores.json"))
    assert sha256(finished.root / "models/best/model.safetensors") == training.outputs["models/best/model.safetensors"]
