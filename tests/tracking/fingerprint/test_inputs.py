"""What a stage reads, changed while it runs: DVC would record the stage's result as made from that."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from seqlab.core.errors import SeqlabError
from seqlab.params.yaml import read_yaml
from seqlab.tracking.fingerprint import inputs as module
from seqlab.tracking.fingerprint.content import dvc_digest
from seqlab.tracking.fingerprint.inputs import InputsChangedError, StageInputs, check_upstream, patiently
from seqlab.tracking.fingerprint.pipeline import load_stage
from seqlab.tracking.fingerprint.versions import load_versions

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


def test_of_many_some_are_named(root: Path) -> None:
    inputs = StageInputs(load_stage(root, "train"), root)
    for number in range(9):
        write(f"src/seqlab/training/more{number}.py", "x = 1\n")(root)
    with pytest.raises(SeqlabError, match=r"^(src/seqlab/training/more[0-4]\.py, ){5}… changed while"):
        inputs.check()


def test_what_is_set_back_in_a_moment_is_no_change(root: Path) -> None:
    """DVC queues an experiment: it puts a parameter into params.yaml, and takes it out again."""
    inputs = StageInputs(load_stage(root, "train"), root)
    text = (root / "params.yaml").read_text("utf-8")
    replace("params.yaml", "seed: 1\n", "seed: 2\n")(root)
    looks: list[None] = []

    def look() -> None:
        looks.append(None)
        if len(looks) == 3:
            write("params.yaml", text)(root)
        inputs.check()

    patiently(look)
    assert len(looks) == 3


def test_what_stays_is_a_change_after_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        looks.append(None)
        raise InputsChangedError("changed")

    looks: list[None] = []
    monkeypatch.setattr(module, "MOMENT_SECONDS", 0.5)
    with pytest.raises(InputsChangedError, match="changed"):
        patiently(refuse)
    assert len(looks) > 1


def test_another_error_is_not_waited_for() -> None:
    def fail() -> None:
        looks.append(None)
        raise SeqlabError("no")

    looks: list[None] = []
    with pytest.raises(SeqlabError, match="no"):
        patiently(fail)
    assert len(looks) == 1


# What is done after train ran, and what stage evaluate says of it; "" where it may go on.
SINCE: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda _: None, ""),
    "a parameter of train": (
        replace("params.yaml", "\nseed: 1\n", "\nseed: 2\n"),
        "seed (1 → 2) changed since stage train",
    ),
    "one of download": (
        replace("params.yaml", "train_size: 20000", "train_size: 30"),
        "corpus.grammar.train_size (20000 → 30) changed since stage download",
    ),
    "one of evaluate": (replace("params.yaml", "beam_size: 1", "beam_size: 5"), ""),
    "one spelt otherwise": (replace("params.yaml", "max_grad_norm: 1.0", "max_grad_norm: 1"), ""),
    "a version": (replace("versions.toml", 'sentencepiece = "', 'sentencepiece = "9'), "sentencepiece ("),
    "code of train": (write(CODE, "x = 2\n"), "src/seqlab/training changed since stage train"),
    "code of evaluate": (lambda root: (root / "src/seqlab/evaluation").mkdir(), ""),
    "data": (write(TEXT, "2"), ""),
}  # fmt: skip


def lock(root: Path) -> None:
    """As DVC notes parameters, versions and code of the stages before evaluate."""
    params = read_yaml(root / "params.yaml")
    stages = {}
    for name in ("download", "tokenize", "train"):
        stage = load_stage(root, name)
        values = {each: params[each] for each in stage.params if "." not in each}
        deps = [{"path": path, "md5": dvc_digest(root / path)} for path in stage.code if (root / path).exists()]
        versions = {name: load_versions(root, name)}
        stages[name] = {"params": {"params.yaml": values, "versions.toml": versions}, "deps": deps}
    YAML().dump({"schema": "2.0", "stages": stages}, root / "dvc.lock")


@pytest.mark.parametrize(("edit", "said"), SINCE.values(), ids=SINCE)
def test_a_stage_goes_on_from_what_is_of_the_same_recipe(root: Path, edit: Callable[[Path], object], said: str) -> None:
    lock(root)
    edit(root)
    if not said:
        check_upstream("evaluate", root)
        return
    with pytest.raises(InputsChangedError, match=r"`dvc repro` runs it again first") as refused:
        check_upstream("evaluate", root)
    assert str(refused.value).startswith(said)


def test_what_dvc_has_not_run_counts_as_it_is(root: Path) -> None:
    check_upstream("evaluate", root)
    lock(root)
    replace("params.yaml", "\nseed: 1\n", "\nseed: 2\n")(root)
    check_upstream("train", root)


@pytest.mark.parametrize("stage", ["1", "{params: 1}", "{params: {params.yaml: 1}}", "{deps: [1]}", "{deps: [{}]}"])
def test_a_damaged_lock_is_refused(root: Path, stage: str) -> None:
    (root / "dvc.lock").write_text(f"stages: {{train: {stage}}}", "utf-8")
    with pytest.raises(SeqlabError, match=r"dvc\.lock is damaged"):
        check_upstream("evaluate", root)
