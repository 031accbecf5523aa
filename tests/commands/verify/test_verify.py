import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from seqlab.commands.verify.claim import Claim, load_claim
from seqlab.commands.verify.verify import CLAIMED, compare, verify
from seqlab.core.errors import SeqlabError
from seqlab.tracking.journal.execution import read_executions
from seqlab.training.digests import ParameterDigests
from tests.tracking.conftest import DVC_YAML, Project, make_project

DIGESTS = "models/digests.safetensors"


def write_digests(root: Path, *, other_from: int | None) -> None:
    """Digests of six steps, which change in the second tensor from a step on."""
    torch.manual_seed(1)
    model = nn.Linear(3, 2)
    digests = ParameterDigests(model)
    with torch.no_grad():
        for step in range(1, 7):
            model.weight.fill_(step)
            model.bias.fill_(-step if other_from is not None and step >= other_from else step)
            digests.add()
    digests.write(root / DIGESTS)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A recorded run with digests."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("SEQLAB_PUBLISHER", "off")
    made = make_project(tmp_path / "project")
    (made.root / "dvc.yaml").write_text(DVC_YAML.replace("models/last,", f"models/last, {DIGESTS},"))
    (made.root / "models").mkdir()
    write_digests(made.root, other_from=None)
    recorder = made.recorder("train")
    recorder.start()
    made.write_training(2, b"weights")
    names = ["models/best", "models/last", DIGESTS, "reports/curves.csv", "reports/steps.csv", "reports/training.json"]
    recorder.finish([Path(name) for name in names])
    made.evaluate()
    return made


@pytest.fixture
def recorded(project: Project) -> Claim:
    """That run."""
    return load_claim(project.home, next(read_executions(project.home)).run_fingerprint)


@pytest.fixture
def anew(project: Project, recorded: Claim, tmp_path: Path) -> Path:
    """A working copy in which the same came out."""
    shutil.copytree(project.root, tmp_path / "anew")
    return tmp_path / "anew"


def test_the_same_bytes(recorded: Claim, anew: Path) -> None:
    verdict = compare(recorded, anew)
    assert verdict.reproduced
    assert verdict.files == 10
    (anew / "reports/report.html").write_text("of no account")
    assert compare(recorded, anew).reproduced


def test_first_step_and_tensor(recorded: Claim, anew: Path) -> None:
    write_digests(anew, other_from=4)
    (anew / "models/last/model.safetensors").write_bytes(b"others")
    verdict = compare(recorded, anew)
    assert verdict.differing == [DIGESTS, "models/last/model.safetensors"]
    assert "first difference: optimizer step 4 of 6, tensor bias\n" in str(verdict)
    assert "the data are the same" in str(verdict)


def test_a_file_that_did_not_come_out_differs(recorded: Claim, anew: Path) -> None:
    (anew / "reports/curves.csv").unlink()
    verdict = compare(recorded, anew)
    assert verdict.differing == ["reports/curves.csv"]
    assert "the parameters are the same after each of 6 optimizer steps" in str(verdict)


def test_data_that_differ_are_named(recorded: Claim, anew: Path) -> None:
    (anew / "data/tokenized/train/ids").write_text("others")
    (anew / "models/best/model.safetensors").write_bytes(b"others")
    assert "the data differ already: data/tokenized/train\n" in str(compare(recorded, anew))


def test_scores_are_compared(project: Project, recorded: Claim, anew: Path) -> None:
    Project(anew, project.params).write_scores(31.5)
    verdict = compare(recorded, anew)
    assert verdict.differing == ["reports/scores.json", "reports/translations.jsonl"]
    assert "  scores: bleu 30 → 31.5\n" in str(verdict)


def test_a_run_without_digests_is_compared_all_the_same(recorded: Claim, anew: Path, project: Project) -> None:
    shutil.rmtree(project.home.objects)
    (anew / "models/last/model.safetensors").write_bytes(b"others")
    verdict = compare(recorded, anew)
    assert verdict.differing == ["models/last/model.safetensors"]
    assert "at which step is not known" in str(verdict)


@pytest.mark.parametrize("claim", ["", "0", "prefix"])
def test_a_part_of_a_digest_is_none(recorded: Claim, anew: Path, claim: str) -> None:
    path = "models/best/model.safetensors"
    recorded.outputs[path] = recorded.outputs[path][:12] if claim == "prefix" else claim
    assert compare(recorded, anew).differing == [path]


def test_a_run_that_claims_a_part_of_the_files_is_not_reproduced(recorded: Claim, anew: Path) -> None:
    kept = sorted(recorded.outputs)[-3:]
    dropped = [path for path in recorded.outputs if path not in kept and path.startswith(("models/", "reports/"))]
    for path in dropped:
        del recorded.outputs[path]
    verdict = compare(recorded, anew)
    assert not verdict.reproduced
    assert verdict.differing == []
    assert verdict.unclaimed == sorted(dropped)
    assert "the run has no digest of: models/best/model.safetensors" in str(verdict)


def test_a_run_whose_own_pipeline_has_next_to_no_outputs_is_not_reproduced(recorded: Claim, anew: Path) -> None:
    (anew / "dvc.yaml").write_text("stages: {train: {outs: [reports/curves.csv]}, evaluate: {outs: []}}")
    verdict = compare(recorded, anew)
    assert not verdict.reproduced
    assert verdict.unclaimed == list(CLAIMED)


def test_what_mlflow_shows_is_held_against_the_files(recorded: Claim, anew: Path) -> None:
    true = {"test/bleu": 30.0, "test/bleu_low": 29.0, "test/perplexity": 5.5, "valid_best/bleu": 10.0}
    others = {"train/loss": 1.0, "time/train_seconds": 3.0, "test/examples": 3.0}
    assert compare(replace(recorded, figures=true | others), anew).reproduced
    verdict = compare(replace(recorded, figures=true | {"test/bleu": 99.0, "test/rouge": 1.0}), anew)
    assert not verdict.reproduced
    assert "MLflow shows: test/bleu 99, and its file has 30\n" in str(verdict)
    assert "MLflow shows: test/rouge 1, which is in no file" in str(verdict)


def test_a_checkpoint_that_the_run_starts_from_is_needed(project: Project) -> None:
    origin = project.root / "models/origins/base"
    origin.mkdir(parents=True)
    (project.root / "dvc.yaml").write_text(DVC_YAML.replace("data/raw/valid.jsonl, data", "models/origins/base, data"))
    recorder = project.recorder("evaluate")
    recorder.start()
    recorder.finish([])
    origin.rmdir()
    run = list(read_executions(project.home))[-1].run_fingerprint
    with pytest.raises(SeqlabError, match="is made from models/origins/base, which is not here"):
        verify(project.root, run, lambda _: True)


def test_nothing_to_compare_with_is_no_success(recorded: Claim, anew: Path) -> None:
    recorded.outputs.clear()
    with pytest.raises(SeqlabError, match="nothing to compare with"):
        compare(recorded, anew)
