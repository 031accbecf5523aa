"""Paths in dvc.yaml that a parameter names, as DVC reads them."""

from pathlib import Path

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.tracking.fingerprint.pipeline import load_stage, stage_paths

STAGE = "stages: {train: {cmd: x, deps: [a, 'models/origins/${train.start_from}'], outs: [b]}}"


def test_a_parameter_in_a_path_is_filled_in(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text(STAGE, "utf-8")
    (tmp_path / "params.yaml").write_text("train: {start_from: base}", "utf-8")
    assert load_stage(tmp_path, "train").deps == ("a", "models/origins/base")
    assert stage_paths(tmp_path) == ["a", "b", "models/origins/base"]


@pytest.mark.parametrize("path", ["src/../../etc", "../data", "src/.."])
@pytest.mark.parametrize("kind", ["deps", "outs"])
def test_a_path_that_leads_out_of_the_project_is_refused(kind: str, path: str, tmp_path: Path) -> None:
    """`seqlab why RUN RUN` digests what a stranger's dvc.yaml names."""
    stage = {"deps": "[a]", "outs": "[b]"} | {kind: f"[{path}]"}
    (tmp_path / "dvc.yaml").write_text(f"stages: {{train: {{deps: {stage['deps']}, outs: {stage['outs']}}}}}", "utf-8")
    with pytest.raises(SeqlabError, match=r"a path that leads out of its folder: "):
        load_stage(tmp_path, "train")


@pytest.mark.parametrize("params", ["train: {}", "train: {start_from: 1}", "train: {start_from: ../../x}", "train: 1"])
def test_what_is_no_name_is_refused(params: str, tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text(STAGE, "utf-8")
    (tmp_path / "params.yaml").write_text(params, "utf-8")
    with pytest.raises(SeqlabError, match=r"parameter train\.start_from, which is no name in"):
        load_stage(tmp_path, "train")
