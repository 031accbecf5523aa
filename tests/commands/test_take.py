"""`seqlab take`: a run's model under its name, whole, and never in another's place."""

import json
import shutil
from pathlib import Path

import pytest

from seqlab.commands import take as take_module
from seqlab.commands.take import take
from seqlab.core.errors import SeqlabError
from seqlab.evaluation.translator import Translator
from seqlab.seq2seq.origin_note import OriginNote, read_note
from tests.tracking.conftest import Project, _no_environment, project, template_project

# Fixtures that the tests here use too.
__all__ = ["_no_environment", "project", "template_project"]

NOTE = OriginNote("tf1.00-h128-s1-82eec9", "82" * 32)


@pytest.fixture
def model(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkpoint of the one run that there is, `known`, as a download."""
    folder = tmp_path / "download"
    (folder / "tokenizer").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "tokenizer/config.json").write_bytes(b"{}")

    def download(run: str, start: Path) -> tuple[Path, OriginNote]:
        assert (run, start) == ("known", project.root)
        return folder, NOTE

    def load(folder: Path) -> None:
        if (folder / "model.safetensors").read_bytes() == b"damaged":
            raise SeqlabError("model.safetensors is damaged")

    monkeypatch.setattr(take_module, "download_model", download)
    monkeypatch.setattr(Translator, "load", load)
    return folder


def there(root: Path, name: str) -> dict[str, bytes]:
    folder = root / "models/origins" / name
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_model_and_whose_it_is(project: Project, model: Path) -> None:
    said = take(project.root, "base", "known")
    files = there(project.root, "base")
    assert read_note(project.root / "models/origins/base") == NOTE
    assert json.loads(files.pop("origin.json")) == {"run": NOTE.run, "fingerprint": NOTE.fingerprint}
    assert files == {"model.safetensors": b"weights", "tokenizer/config.json": b"{}"}
    assert "dvc exp run -S train.start_from=base -S tokenizer.take_from=base" in said
    assert "dvc add models/origins/base" in said


def test_nothing_is_replaced(project: Project, model: Path) -> None:
    take(project.root, "base", "known")
    before = there(project.root, "base")
    assert take(project.root, "base", "known") == f"models/origins/base has the model of run {NOTE.run} already"
    (model / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(SeqlabError, match="models/origins/base holds another model: choose another name"):
        take(project.root, "base", "known")
    assert there(project.root, "base") == before


@pytest.mark.parametrize("name", ["../x", "none", "None", "a/b", ".x", "", "x" * 65, "base.dvc"])
def test_a_name_that_is_none_makes_no_folder(name: str, project: Project, model: Path) -> None:
    with pytest.raises(SeqlabError, match=r"names no folder|where there is"):
        take(project.root, name, "known")
    assert not (project.root / "models/origins").exists()
    assert not (project.root / "models/x").exists()


def test_a_damaged_model_makes_no_folder(project: Project, model: Path) -> None:
    (model / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(SeqlabError, match="is damaged"):
        take(project.root, "base", "known")
    assert not (project.root / "models/origins").exists()


def test_of_a_working_copy_only_a_model_of_its_parameters(
    project: Project, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(take_module, "dvc_status", lambda _: {"train": [{"changed deps": {"params.yaml": {}}}]})
    with pytest.raises(SeqlabError, match="the model is"):
        take(project.root, "mine", None)
    monkeypatch.setattr(take_module, "dvc_status", lambda _: {})
    shutil.copytree(model, project.root / "models/best", dirs_exist_ok=True)
    take(project.root, "mine", None)
    assert there(project.root, "mine")["model.safetensors"] == b"weights"
