"""What a stage reads, changed while it runs: DVC would record the stage's result as made from that."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.tracking.fingerprint import inputs as module
from seqlab.tracking.fingerprint.inputs import StageInputs
from seqlab.tracking.fingerprint.pipeline import load_stage

ROOT = Path(__file__).parents[3]
CODE = "src/seqlab/training/step.py"
TEXT = "data/tokenized/train/ids.npy"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A working copy with a part of what stage train reads; the rest is missing, before and after."""
    for name in ("dvc.yaml", "params.yaml", "versions.toml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    for name, content in ((CODE, "x = 1  # one\n"), (TEXT, "1"), ("data/raw/valid.jsonl", "{}")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, "utf-8")
    return tmp_path


def replace(name: str, old: str, new: str) -> Callable[[Path], object]:
    def edit(root: Path) -> None:
        text = (root / name).read_text("utf-8")
        assert old in text
        (root / name).write_text(text.replace(old, new), "utf-8")

    return edit


def write(name: str, content: str) -> Callable[[Path], object]:
    return lambda root: (root / name).write_text(content, "utf-8")


# What is done, and how what changed is named; "" where nothing counts.
EDITS: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda _: None, ""),
    "written again": (write(TEXT, "1"), ""),
    "a parameter": (
        replace("params.yaml", "teacher_forcing_ratio: 1.0", "teacher_forcing_ratio: 0.5"),
        "train.teacher_forcing_ratio (1.0 → 0.5)",
    ),
    "a parameter by itself": (replace("params.yaml", "seed: 1\n", "seed: 2\n"), "seed (1 → 2)"),
    "a parameter of another stage": (replace("params.yaml", "beam_size: 1", "beam_size: 5"), ""),
    "a parameter spelt otherwise": (replace("params.yaml", "max_grad_norm: 1.0", "max_grad_norm: 1"), ""),
    "a comment in params.yaml": (replace("params.yaml", "seed: 1\n", "seed: 1  # the first\n"), ""),
    "params.yaml cut off": (write("params.yaml", "seed: ["), "what this stage reads ("),
    "a version": (replace("versions.toml", 'torch = "', 'torch = "9'), "torch (2.13.0 → 92.13.0)"),
    "code": (write(CODE, "x = 2\n"), CODE),
    "a comment in code": (write(CODE, "# Two.\nx = 1\n"), ""),
    "code that is none": (write(CODE, "x ="), "what this stage reads ("),
    "new code": (write("src/seqlab/training/more.py", "x = 1\n"), "src/seqlab/training/more.py"),
    "a leftover": (write("src/seqlab/training/step.py~", "x = 1\n"), ""),
    "code of another stage": (lambda root: (root / "src/seqlab/cli.py").write_text("x = 1\n", "utf-8"), ""),
    "code deleted": (lambda root: (root / CODE).unlink(), CODE),
    "data": (write(TEXT, "2"), "data/tokenized/train"),
    "data deleted": (lambda root: (root / "data/raw/valid.jsonl").unlink(), "data/raw/valid.jsonl"),
    "data that were missing": (lambda root: (root / "data/tokenized/valid").mkdir(), "data/tokenized/valid"),
}  # fmt: skip


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOMENT_SECONDS", 0)


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize(("edit", "named"), EDITS.values(), ids=EDITS)
def test_what_changed_is_named(root: Path, edit: Callable[[Path], object], named: str) -> None:
    inputs = StageInputs(load_stage(root, "train"), root)
    edit(root)
    if not named:
        inputs.check()
        return
    with pytest.raises(SeqlabError, match=r"changed while this stage ran\. DVC would record") as refused:
        inputs.check()
    assert str(refused.value).startswith(named)


@pytest.mark.usefixtures("_at_once")
def test_of_many_some_are_named(root: Path) -> None:
    inputs = StageInputs(load_stage(root, "train"), root)
    for number in range(9):
        write(f"src/seqlab/training/more{number}.py", "x = 1\n")(root)
    with pytest.raises(SeqlabError, match=r"^(src/seqlab/training/more[0-4]\.py, ){5}… changed while"):
        inputs.check()


def test_what_is_set_back_in_a_moment_is_no_change(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC queues an experiment: it puts a parameter into params.yaml, and takes it out again."""
    inputs = StageInputs(load_stage(root, "train"), root)
    text = (root / "params.yaml").read_text("utf-8")
    replace("params.yaml", "seed: 1\n", "seed: 2\n")(root)
    looks: list[None] = []

    def look() -> None:
        looks.append(None)
        if len(looks) == 3:
            write("params.yaml", text)(root)
        before()

    before = inputs._check
    monkeypatch.setattr(inputs, "_check", look)
    inputs.check()
    assert len(looks) == 3
