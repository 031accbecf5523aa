"""What `seqlab why` says first."""

import shutil
from pathlib import Path

import pytest

from seqlab.commands.why import question
from seqlab.commands.why.question import explain

ROOT = Path(__file__).parents[3]


def test_parameters_that_are_refused_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setattr(question, "explain_stages", lambda *_: ["train: will run"])
    (tmp_path / ".dvc").mkdir()
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    assert explain(tmp_path, []) == "train: will run"
    text = (ROOT / "params.yaml").read_text("utf-8")
    (tmp_path / "params.yaml").write_text(text.replace("attention: dot", "atention: dot"), "utf-8")
    first, *_, last = explain(tmp_path, []).splitlines()
    assert first.startswith("Nothing will run: ")
    assert "did you mean model.attention?" in explain(tmp_path, [])
    assert last == "train: will run"
