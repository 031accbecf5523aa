import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqlab.core.atomic import write_text
from seqlab.core.errors import SeqlabError
from seqlab.params.params import load_params
from seqlab.tracking.fingerprint.fingerprint import (
    continuation_fingerprint,
    load_recipe,
    train_fingerprint,
)
from tests.tracking.conftest import CODE, Project

BOTH, RUN_ONLY, NEITHER = (True, True), (False, True), (False, False)


def fingerprints(project: Project) -> tuple[str, str]:
    return train_fingerprint(project.params, project.root), load_recipe(project.params, project.root).run_fingerprint


def changed(project: Project, before: tuple[str, str]) -> tuple[bool, bool]:
    now = fingerprints(project)
    return now[0] != before[0], now[1] != before[1]


@pytest.mark.parametrize(
    ("section", "values", "expected"),
    [
        ("runtime", {"threads": 3}, BOTH),
        ("runtime", {"engine": "plain"}, BOTH),
        ("model", {"hidden_size": 3}, BOTH),
        ("train", {"teacher_forcing_ratio": 0.25}, BOTH),
        ("train", {"log_every": 3}, BOTH),
        ("train", {"keep_checkpoints": 3}, BOTH),
        ("evaluate", {"beam_size": 3}, RUN_ONLY),
        ("evaluate", {"parameters": "average"}, RUN_ONLY),
        ("tokenizer", {"vocab_size": 300}, RUN_ONLY),
        ("corpus", {"source": "fr", "target": "en"}, RUN_ONLY),
        ("report", {"samples": 3}, NEITHER),
    ],
)
def test_which_parameters_count(
    project: Project, section: str, values: dict[str, object], expected: tuple[bool, bool]
) -> None:
    before = fingerprints(project)
    project.set(section, **values)
    assert changed(project, before) == expected


def test_what_may_be_continued_differs_in_its_epochs_alone(project: Project) -> None:
    before = continuation_fingerprint(project.params, project.root)
    assert before != train_fingerprint(project.params, project.root)
    project.set("train", epochs=project.params.train.epochs + 1)
    assert continuation_fingerprint(project.params, project.root) == before
    for section, values in (("train", {"patience": 7}), ("model", {"hidden_size": 3}), ("runtime", {"threads": 3})):
        project.set(section, **values)
        now = continuation_fingerprint(project.params, project.root)
        assert now != before
        before = now


@pytest.mark.parametrize(
    ("target", "tokenize", "expected"),
    [("fr", "13a", NEITHER), ("fr", "char", BOTH), ("zh", "auto", BOTH), ("zh", "13a", RUN_ONLY)],
)
def test_the_tokenization_of_scores_counts_as_what_it_means(
    project: Project, target: str, tokenize: str, expected: tuple[bool, bool]
) -> None:
    """`auto` is 13a of French, so that naming it changes nothing; another target side is another run in any case."""
    before = fingerprints(project)
    project.set("corpus", target=target)
    project.set("evaluate", tokenize=tokenize)
    assert changed(project, before) == expected


def test_the_seed_counts(project: Project) -> None:
    before = fingerprints(project)
    project.params = project.params.model_copy(update={"seed": 7})
    assert changed(project, before) == BOTH


def test_parameters_of_a_corpus_that_was_not_chosen_do_not_count(project: Project) -> None:
    before = fingerprints(project)
    project.set("corpus", multi30k=project.params.corpus.multi30k.model_copy(update={"test": "2017"}))
    assert changed(project, before) == NEITHER


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("data/raw/valid.jsonl", BOTH),
        ("data/tokenized/tokenizer/source.model", BOTH),
        ("data/tokenized/train/ids", BOTH),
        ("data/raw/test.jsonl", RUN_ONLY),
        ("data/tokenized/test/ids", RUN_ONLY),
        ("data/raw/train.jsonl", NEITHER),
        ("models/best/model.safetensors", NEITHER),
        ("pipeline/train.py", BOTH),
        ("src/seqlab/model/cell.py", BOTH),
        ("src/seqlab/model/another.py", BOTH),
        ("pipeline/evaluate.py", RUN_ONLY),
        ("pipeline/report.py", NEITHER),
        ("pipeline/tokenize.py", NEITHER),
    ],
)
def test_which_files_count(project: Project, path: str, expected: tuple[bool, bool]) -> None:
    before = fingerprints(project)
    write_text(project.root / path, "a = 2\n")
    assert changed(project, before) == expected


def test_comments_do_not_count(project: Project) -> None:
    before = fingerprints(project)
    write_text(project.root / "pipeline/train.py", "# A comment.\n" + CODE)
    assert changed(project, before) == NEITHER


@pytest.mark.parametrize(("stage", "expected"), [("train", BOTH), ("evaluate", RUN_ONLY), ("report", NEITHER)])
def test_which_versions_count(project: Project, stage: str, expected: tuple[bool, bool]) -> None:
    before = fingerprints(project)
    path = project.root / "versions.toml"
    write_text(path, path.read_text("utf-8").replace(f"[{stage}]\n", f'[{stage}]\nextra = "1"\n'))
    assert changed(project, before) == expected


def test_yaml_may_spell_a_number_as_it_likes(project: Project) -> None:
    path = project.root / "params.yaml"
    text = path.read_text("utf-8")
    before = fingerprints(project)
    write_text(path, text.replace("weight_decay: 0.0", "weight_decay: 0").replace("rate: 0.002", "rate: 2e-3"))
    project.params = load_params(path)
    assert path.read_text("utf-8") != text
    assert changed(project, before) == NEITHER


def test_data_that_are_not_here_count_as_dvc_lock_has_them(project: Project) -> None:
    before = fingerprints(project)
    digests = load_recipe(project.params, project.root).train["data"]
    write_text(
        project.root / "dvc.lock",
        "stages:\n"
        "  tokenize:\n    outs:\n    - path: data/tokenized/train\n"
        f"      md5: {digests['data/tokenized/train']}\n"
        "  train:\n    deps:\n    - path: data/raw/valid.jsonl\n"
        f"      md5: {digests['data/raw/valid.jsonl']}\n",
    )
    (project.root / "data/tokenized/train/ids").unlink()
    (project.root / "data/tokenized/train").rmdir()
    (project.root / "data/raw/valid.jsonl").unlink()
    assert changed(project, before) == NEITHER


def test_what_is_missing_is_named(project: Project) -> None:
    (project.root / "data/raw/valid.jsonl").unlink()
    with pytest.raises(SeqlabError, match=r"valid\.jsonl"):
        train_fingerprint(project.params, project.root)


@pytest.mark.parametrize("text", ["stages: [", "stages: {}", "[]", "stages: {train: 3}"])
def test_a_damaged_dvc_yaml_is_refused(project: Project, text: str) -> None:
    write_text(project.root / "dvc.yaml", text)
    with pytest.raises(SeqlabError, match=r"dvc\.yaml"):
        train_fingerprint(project.params, project.root)


def test_it_is_the_same_in_any_process_and_locale(project: Project) -> None:
    script = (
        "import sys; from pathlib import Path; from seqlab.params.params import load_params;"
        "from seqlab.tracking.fingerprint.fingerprint import load_recipe; root = Path(sys.argv[1]);"
        "print(load_recipe(load_params(root / 'params.yaml'), root).run_fingerprint)"
    )
    source = str(Path(__file__).parents[3] / "src")
    for seed, locale in (("1", "C"), ("2", "C.UTF-8")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale, "PYTHONPATH": source, "TZ": "Asia/Tokyo"}
        command = [sys.executable, "-c", script, str(project.root)]
        output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, cwd="/").stdout
        assert output.strip() == load_recipe(project.params, project.root).run_fingerprint
