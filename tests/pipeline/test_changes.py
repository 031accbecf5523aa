"""What a change of a parameter reruns: checked with DVC itself, and by what the stages come to."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

from tests.pipeline.conftest import ROOT, TINY, Project, content

# Runs the first three stages with each set of parameters, and prints what each came to: what the next stages read.
PROGRAM = """
import json, os, sys
from pathlib import Path
from seqlab.numerics import configure
from seqlab.params.params import parse_params
rows = [parse_params(row, "row") for row in json.loads(Path(sys.argv[1]).read_text("utf-8"))]
configure(rows[0].runtime)
from seqlab.numerics import torch_setup
torch_setup(rows[0].runtime)
from benchmarks.stages import run_stages
start = Path.cwd()
for number, row in enumerate(rows):
    folder = start / str(number)
    folder.mkdir()
    os.chdir(folder)
    outputs = run_stages(row, ["download", "tokenize", "train"])
    print(json.dumps({
        stage: [digest for name, digest in made.files.items() if stage != "train" or name.startswith("models/best/")]
        for stage, made in outputs.items()
    }))
"""
FROM_DOWNLOAD = ["download", "tokenize", "train", "evaluate", "report"]
FROM_TOKENIZE = ["tokenize", "train", "evaluate", "report"]
FROM_TRAIN = ["train", "evaluate", "report"]
FROM_EVALUATE = ["evaluate", "report"]
# The new value came to the same output, so that only the report, which shows every parameter, follows.
ONLY_DOWNLOAD = ["download", "report"]
ONLY_TRAIN = ["train", "report"]

# Changes, and exactly the stages that `dvc repro` then runs.
TABLE: list[tuple[dict[str, Any], list[str]]] = [
    ({"seed": 2}, FROM_TRAIN),
    ({"runtime.threads": 1}, FROM_TRAIN),
    ({"runtime.engine": "plain"}, FROM_TRAIN),
    ({"runtime.numerics": "portable"}, FROM_TRAIN),
    ({"corpus.name": "files"}, FROM_DOWNLOAD),
    ({"corpus.grammar.seed": 2}, FROM_DOWNLOAD),
    # Options of corpora that are not chosen: all at once change no more than each.
    (
        {
            "corpus.multi30k.test": "2017",
            "corpus.tatoeba.seed": 2,
            "corpus.tatoeba.valid_size": 10,
            "corpus.tatoeba.test_size": 10,
            "corpus.scan.split": "length",
            "corpus.scan.seed": 2,
            "corpus.scan.valid_size": 10,
            "corpus.files.train": [],
            "corpus.files.valid": ["own.tsv"],
            "corpus.files.test": ["own.tsv"],
            "corpus.files.seed": 2,
            "corpus.files.valid_size": 3,
            "corpus.files.test_size": 3,
        },
        ONLY_DOWNLOAD,
    ),
    ({"tokenizer.kind": "char"}, FROM_TOKENIZE),
    ({"model.hidden_size": 9}, FROM_TRAIN),
    ({"train.epochs": 3}, FROM_TRAIN),
    # Options of schedules that are not chosen, and what two epochs make no use of.
    (
        {
            "train.teacher_forcing_decay": 0.9,
            "train.teacher_forcing_floor": 0.1,
            "train.learning_rate_decay": 0.7,
            "train.learning_rate_patience": 3,
            "train.keep_checkpoints": 3,
            "train.patience": 1,
            "train.log_every": 1,
        },
        ONLY_TRAIN,
    ),
    # The checkpoint says its validation BLEU, and of French `auto` means 13a: another parameter, the same results.
    ({"evaluate.tokenize": "char"}, FROM_TRAIN),
    ({"evaluate.tokenize": "13a"}, ["train", "evaluate", "report"]),
    ({"evaluate.parameters": "average"}, FROM_EVALUATE),
    ({"evaluate.parameters": "ensemble"}, FROM_EVALUATE),
    ({"evaluate.beam_size": 2}, FROM_EVALUATE),
    ({"evaluate.length_penalty": 0.5}, FROM_EVALUATE),
    ({"evaluate.n_best": 2, "evaluate.beam_size": 2}, FROM_EVALUATE),
    ({"evaluate.max_length": 5}, FROM_EVALUATE),
    ({"evaluate.batch_size": 7}, FROM_EVALUATE),
    ({"evaluate.metrics": ["diversity"]}, FROM_EVALUATE),
    ({"evaluate.bootstrap_samples": 200}, FROM_EVALUATE),
    ({"evaluate.length_buckets": [3, 6]}, FROM_EVALUATE),
    ({"report.samples": 1}, ["report"]),
    ({"report.attention_maps": 1}, ["report"]),
]

# The other parameters of sections that dvc.yaml names whole, so that DVC sees a change of them as of those above: the
# stages whose results come out otherwise.
OTHERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"corpus.source": "fr", "corpus.target": "en"}, FROM_DOWNLOAD),
    ({"corpus.grammar.train_size": 210}, FROM_DOWNLOAD),
    ({"corpus.grammar.valid_size": 21}, FROM_DOWNLOAD),
    # The test set is drawn first, so the others follow.
    ({"corpus.grammar.test_size": 21}, FROM_DOWNLOAD),
    ({"corpus.grammar.max_depth": 0}, FROM_DOWNLOAD),
    # Those to train on are drawn after it.
    ({"corpus.grammar.test_extra_depth": 1}, FROM_DOWNLOAD),
    ({"tokenizer.vocab_size": 50}, FROM_TOKENIZE),
    ({"tokenizer.vocabulary": "joint"}, FROM_TOKENIZE),
    ({"tokenizer.max_source_length": 4}, FROM_TOKENIZE),
    ({"tokenizer.max_target_length": 6}, FROM_TOKENIZE),
    ({"model.tie_embeddings": True, "tokenizer.vocabulary": "joint", "tokenizer.vocab_size": 45}, FROM_TOKENIZE),
    ({"train.bpe_dropout": 0.1, "tokenizer.kind": "bpe"}, FROM_TOKENIZE),
    ({"model.cell": "lstm"}, FROM_TRAIN),
    ({"model.embedding_size": 9}, FROM_TRAIN),
    ({"model.layers": 2}, FROM_TRAIN),
    ({"model.bidirectional": True}, FROM_TRAIN),
    ({"model.context": "every_step"}, FROM_TRAIN),
    ({"model.attention": "dot"}, FROM_TRAIN),
    ({"model.input_feeding": True, "model.attention": "general"}, FROM_TRAIN),
    ({"model.tie_output": True}, FROM_TRAIN),
    ({"model.dropout": 0.5}, FROM_TRAIN),
    ({"train.teacher_forcing_ratio": 0.9}, FROM_TRAIN),
    ({"train.teacher_forcing_granularity": "token"}, FROM_TRAIN),
    ({"train.teacher_forcing_schedule": "exponential", "train.teacher_forcing_decay": 0.9}, FROM_TRAIN),
    ({"train.batch_size": 32}, FROM_TRAIN),
    ({"train.batch_by": "tokens"}, FROM_TRAIN),
    ({"train.shards": 2}, FROM_TRAIN),
    ({"train.optimizer": "sgd"}, FROM_TRAIN),
    ({"train.learning_rate": 0.001}, FROM_TRAIN),
    ({"train.weight_decay": 0.1}, FROM_TRAIN),
    ({"train.learning_rate_schedule": "exponential", "train.learning_rate_decay": 0.1}, FROM_TRAIN),
    ({"train.warmup_steps": 4}, FROM_TRAIN),
    ({"train.max_grad_norm": 0.01}, FROM_TRAIN),
    ({"train.average_decay": 0.5}, FROM_TRAIN),
    ({"train.label_smoothing": 0.1}, FROM_TRAIN),
    # The checkpoint says its validation BLEU, which changes with it.
    ({"train.validation_max_length": 10}, FROM_TRAIN),
    ({"train.precision": "bfloat16"}, FROM_TRAIN),
]


def parameters() -> set[str]:
    """The names of all parameters in params.yaml."""

    def names(section: dict[str, Any], prefix: str) -> Iterator[str]:
        for key, value in section.items():
            if isinstance(value, dict):
                yield from names(value, f"{prefix}{key}.")
            else:
                yield prefix + key

    return set(names(YAML(typ="safe", pure=True).load(ROOT / "params.yaml"), ""))


def test_the_table_covers_every_parameter() -> None:
    # Some have tests of their own, below: without a GPU a change to cuda ends in an error, and which epoch is best by
    # another metric is for the numbers to say. What names a checkpoint needs one: test_origin.py.
    named = {"tokenizer.take_from", "train.start_from", "evaluate.ensemble_with"}
    apart = {"runtime.device", "train.early_stopping_metric", *named}
    assert {name for changes, _ in [*TABLE, *OTHERS] for name in changes} | apart == parameters()


def test_sections_of_others_are_named_whole() -> None:
    content = YAML(typ="safe", pure=True).load(ROOT / "dvc.yaml")
    stages = {"corpus": "download", "tokenizer": "tokenize", "model": "train", "train": "train"}
    sections = {name.partition(".")[0] for changes, _ in OTHERS for name in changes}
    assert sections == stages.keys()
    assert all(section in content["stages"][stage]["params"] for section, stage in stages.items())


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, list[str]]]:
    """What the stages up to train come to: twice as they are, then with each of OTHERS."""
    base = TINY | {"train.early_stopping_metric": "loss", "train.keep_checkpoints": 2}
    folder = tmp_path_factory.mktemp("others")
    rows = [content(base | changes) for changes in ({}, {}, *(changes for changes, _ in OTHERS))]
    (folder / "rows.json").write_text(json.dumps(rows), "utf-8")
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", PROGRAM, "rows.json"]
    result = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.xdist_group("results")
def test_the_same_parameters_come_to_the_same(results: list[dict[str, list[str]]]) -> None:
    assert results[0] == results[1]


@pytest.mark.slow
@pytest.mark.xdist_group("results")
@pytest.mark.parametrize(
    ("row", "stages"),
    [(row, stages) for row, (_, stages) in enumerate(OTHERS)],
    ids=["+".join(each) for each, _ in OTHERS],
)
def test_a_change_comes_to_other_results(results: list[dict[str, list[str]]], row: int, stages: list[str]) -> None:
    usual, changed = results[0], results[2 + row]
    assert [stage for stage in usual if usual[stage] != changed[stage]] == [each for each in stages if each in usual]


@pytest.fixture(scope="module")
def base(finished: Project) -> Project:
    """The finished pipeline, with text of one's own at hand."""
    pairs = [f"{word} {other}\t{other} {word}\n" for word in "abcdefgh" for other in "ijklmnop"]
    (finished.root / "data/own/own.tsv").write_text("".join(pairs), "utf-8")
    finished.set(TINY | {"corpus.files.train": ["own.tsv"], "corpus.files.valid_size": 5, "corpus.files.test_size": 5})
    finished.set({"train.early_stopping_metric": "loss", "train.keep_checkpoints": 2})
    assert "download" in finished.repro()
    finished.run("git", "add", "--all")
    finished.run("git", "commit", "--quiet", "--message=Base")
    return finished


@pytest.fixture
def repro(
    base: Project, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., list[str]]]:
    """`dvc repro` as DVC's own library has it, which need not be started for each row: the stages that ran."""
    caplog.set_level("INFO", "dvc")
    monkeypatch.chdir(base.root)

    def run(target: str | None = None) -> list[str]:
        caplog.clear()
        with Repo(str(base.root)) as repo:
            repo.reproduce(target)
        return re.findall(r"^Running stage '(.+)':", "\n".join(caplog.messages), re.MULTILINE)

    with patch.dict(os.environ, base.environment, clear=True):
        yield run


@pytest.mark.slow
@pytest.mark.parametrize(("changes", "stages"), TABLE, ids=lambda each: "+".join(each) if len(each) < 6 else "unused")
def test_a_change_reruns_exactly_what_depends_on_it(
    base: Project, repro: Callable[..., list[str]], changes: dict[str, Any], stages: list[str]
) -> None:
    base.set(changes)
    try:
        # What evaluate and report would come to is not asked: that they would run is.
        ran = repro("train")
        with Repo(str(base.root)) as repo:
            stale = repo.status()
        assert [stage for stage in FROM_DOWNLOAD if stage in ran or stage in stale] == stages
        assert not {"download", "tokenize", "train"} & stale.keys()
    finally:
        base.run("git", "restore", "params.yaml")
        restored = repro()
    # Going back restores from the cache, and runs nothing.
    assert restored == []
    assert base.run("git", "status", "--porcelain").stdout == ""


@pytest.mark.slow
def test_another_metric_of_the_best_reruns_evaluation_if_another_epoch_is_best(base: Project) -> None:
    def best() -> int:
        return int(json.loads(base.read("reports/training.json"))["best"]["epoch"])

    before = best()
    # With another patience too: the same training with BLEU alone is in the cache already.
    base.set({"train.early_stopping_metric": "bleu", "train.patience": 1})
    try:
        stages = base.repro()
        assert stages == (ONLY_TRAIN if best() == before else FROM_TRAIN)
    finally:
        base.run("git", "restore", "params.yaml")
        assert base.repro() == []


@pytest.mark.slow
def test_another_device_reruns_training_and_evaluation(base: Project) -> None:
    base.set({"runtime.device": "cuda"})
    try:
        status = base.dvc("status").stdout
    finally:
        base.run("git", "restore", "params.yaml")
    assert [line for line in status.splitlines() if not line.startswith((" ", "\t"))] == [
        "train:",
        "evaluate:",
        "report:",
    ]
