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
OTHER = OriginNote("tf1.00-h128-s2-0123ab", "0123ab" + 58 * "0")
NOTES = {"known": NOTE, "other": OTHER}


@pytest.fixture
def model(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkpoint of the two runs that there are, as a download."""
    folder = tmp_path / "download"
    (folder / "tokenizer").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "tokenizer/config.json").write_bytes(b"{}")

    def download(run: str, start: Path) -> tuple[Path, OriginNote]:
        assert start == project.root
        return folder, NOTES[run]

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
    said = take(project.root, "base", ["known"])
    files = there(project.root, "base")
    assert read_note(project.root / "models/origins/base") == NOTE
    assert json.loads(files.pop("origin.json")) == {"run": NOTE.run, "fingerprint": NOTE.fingerprint}
    assert files == {"model.safetensors": b"weights", "tokenizer/config.json": b"{}"}
    assert "dvc exp run -S train.start_from=base -S tokenizer.take_from=base" in said
    assert "dvc add models/origins/base" in said


def test_nothing_is_replaced(project: Project, model: Path) -> None:
    take(project.root, "base", ["known"])
    before = there(project.root, "base")
    assert take(project.root, "base", ["known"]) == f"models/origins/base has the model of run {NOTE.run} already"
    (model / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(SeqlabError, match="models/origins/base holds another model: choose another name"):
        take(project.root, "base", ["known"])
    assert there(project.root, "base") == before


def test_models_of_several_runs_lie_side_by_side(project: Project, model: Path) -> None:
    said = take(project.root, "seeds", ["known", "other"])
    files = there(project.root, "seeds")
    assert sorted(name for name in files if name.endswith("model.safetensors")) == [
        "0123ab/model.safetensors",
        "828282/model.safetensors",
    ]
    assert read_note(project.root / "models/origins/seeds/0123ab") == OTHER
    assert f"the models of runs {NOTE.run} and {OTHER.run}" in said
    assert "-S evaluate.ensemble_with=seeds" in said
    assert "train.start_from" not in said
    assert take(project.root, "seeds", ["other", "known"]).endswith("already")
    for runs in (["known"], ["other"]):
        with pytest.raises(SeqlabError, match="models/origins/seeds holds another model"):
            take(project.root, "seeds", runs)
    with pytest.raises(SeqlabError, match="a run is named twice"):
        take(project.root, "twice", ["known", "other", "known"])
    assert there(project.root, "seeds") == files
    assert not (project.root / "models/origins/twice").exists()


def test_more_models_than_asked_for_are_others(project: Project, model: Path) -> None:
    take(project.root, "seeds", ["known", "other"])
    shutil.copytree(project.root / "models/origins/seeds/0123ab", project.root / "models/origins/seeds/more")
    with pytest.raises(SeqlabError, match="models/origins/seeds holds other models: choose another name"):
        take(project.root, "seeds", ["known", "other"])


@pytest.mark.parametrize("name", ["../x", "none", "None", "a/b", ".x", "", "x" * 65, "base.dvc"])
def test_a_name_that_is_none_makes_no_folder(name: str, project: Project, model: Path) -> None:
    with pytest.raises(SeqlabError, match=r"names no folder|where there is"):
        take(project.root, name, ["known"])
    assert not (project.root / "models/origins").exists()
    assert not (project.root / "models/x").exists()


def test_a_damaged_model_makes_no_folder(project: Project, model: Path) -> None:
    (model / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(SeqlabError, match="is damaged"):
        take(project.root, "base", ["known"])
    assert not (project.root / "models/origins").exists()


def test_of_a_working_copy_only_a_model_of_its_parameters(
    project: Project, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(take_module, "dvc_status", lambda _: {"train": [{"changed deps": {"params.yaml": {}}}]})
    with pytest.raises(SeqlabError, match="the model is"):
        take(project.root, "mine")
    monkeypatch.setattr(take_module, "dvc_status", lambda _: {})
    shutil.copytree(model, project.root / "models/best", dirs_exist_ok=True)
    take(project.root, "mine")
    assert there(project.root, "mine")["model.safetensors"] == b"weights"
