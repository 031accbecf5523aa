"""A working copy whose model has learnt to write a sentence backwards, more or less."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from seqlab.core import parallel
from seqlab.core.parallel import Example
from seqlab.evaluation.evaluation import evaluate
from seqlab.params.schema import EvaluateParams, TokenizerParams
from seqlab.seq2seq.checkpoint import load_checkpoint, model_tensors, write_checkpoint
from seqlab.seq2seq.engines.choice import CPU
from seqlab.seq2seq.engines.cpu.loss import teacher_forced_loss
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.batches import sequential
from seqlab.text.encoded import open_split
from seqlab.text.tokenizer import load_tokenizers
from seqlab.tokenizing.build import build
from tests.seq2seq.model.tiny import untrained_model
from tests.seq2seq.saved import save_checkpoint

MAX_SOURCE_LENGTH = 12
WORDS = ["la", "nuit", "l'eau", "vu,", "<b>", "&amp;", "Ünder", "猫", "a\tb", "x\u2028y"]


def reversed_text(source: str) -> str:
    return " ".join(reversed(source.split(" ")))


def examples(count: int, seed: int) -> list[Example]:
    """Sources of up to 15 words; one in three has a second reference."""
    generator = random.Random(seed)
    made = []
    for number in range(count):
        source = " ".join(generator.choices(WORDS, k=generator.choice([1, 2, 2, 3, 3, 3, 4, 5, 15])))
        second = (f"{source}.",) if number % 3 == 0 else ()
        made.append(Example(source, (reversed_text(source), *second)))
    return made


def write_corpus(root: Path, test: list[Example]) -> None:
    parallel.write(root / "data/raw/train.jsonl", examples(60, seed=1))
    parallel.write(root / "data/raw/valid.jsonl", examples(5, seed=2))
    parallel.write(root / "data/raw/test.jsonl", test)
    params = TokenizerParams(
        kind="word",
        vocab_size=100,
        vocabulary="separate",
        max_source_length=MAX_SOURCE_LENGTH,
        max_target_length=40,
        take_from="none",
    )
    build(params, root / "data/raw", root / "data/tokenized", root / "data/statistics.json")


def train_model(root: Path, *, attention: str, steps: int) -> None:
    """Plain teacher forcing on the whole training split, into models/best."""
    source, target = load_tokenizers(root / "data/tokenized/tokenizer")
    sizes = {"source_vocab_size": source.vocab_size, "target_vocab_size": target.vocab_size}
    model = untrained_model(embedding_size=24, hidden_size=32, bidirectional=True, attention=attention, **sizes)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    batch = next(sequential(open_split(root / "data/tokenized/train"), 1000))
    truth = torch.ones(batch.target.shape, dtype=torch.bool)
    for _ in range(steps):
        optimizer.zero_grad()
        output = teacher_forced_loss(
            model, batch.source, batch.source_lengths, batch.target, batch.target_lengths, truth
        )
        torch.autograd.backward(output.loss)
        optimizer.step()
    save_checkpoint(root / "models/best", model, root / "data/tokenized/tokenizer", {})


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Small tensors gain nothing from threads, and lose much where cores are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working copy with attention; its test set has an empty source, an empty reference, and known sentences."""
    folder = tmp_path_factory.mktemp("working-copy")
    known = examples(60, seed=1)[:40]
    # Four words, and as many tokens as are kept.
    longest_uncut = Example("l'eau l'eau l'eau l'eau", ("l'eau l'eau l'eau l'eau",))
    odd = [Example("", ("nuit",)), Example("la la", ("",)), longest_uncut]
    write_corpus(folder, [*known[:3], *odd, *known[3:], *examples(8, seed=3)])
    train_model(folder, attention="general", steps=80)
    return folder


@pytest.fixture(scope="session")
def evaluate_params() -> Callable[..., EvaluateParams]:
    """Parameters of evaluate, with changes."""

    def make(**changes: object) -> EvaluateParams:
        values: dict[str, object] = {
            "parameters": "best",
            "ensemble_with": "none",
            "beam_size": 1,
            "length_penalty": 1.0,
            "n_best": 1,
            "max_length": 30,
            "batch_size": 8,
            "tokenize": "13a",
            "metrics": [],
            "bootstrap_samples": 100,
            "length_buckets": [2, 3, 10, 14],
        }
        return EvaluateParams.model_validate(values | changes)

    return make


def score(params: EvaluateParams, root: Path, reports: Path, **changes: Any) -> dict[str, bytes]:
    """Evaluate the model of a working copy, with these changes; the content of every file written."""
    inputs = {"checkpoint": root / "models/best", "tokenized": root / "data/tokenized", "raw": root / "data/raw"}
    others = {"tokenize": "13a", "measure": "bleu", "ensemble_with": None, "device": "cpu", "engine": CPU}
    evaluate(params, reports=reports, **(inputs | others | changes))
    return {path.name: path.read_bytes() for path in reports.iterdir()}


def neighbours(best: Seq2Seq) -> list[dict[str, torch.Tensor]]:
    """The parameters of a model that has learnt something, and others not far from them."""
    generator = torch.Generator().manual_seed(7)
    own = model_tensors(best)
    return [
        {name: tensor + scale * torch.randn(tensor.shape, generator=generator) for name, tensor in own.items()}
        for scale in (0.0, 0.2, 0.4)
    ]


def write_kept(folder: Path, root: Path, kept: Sequence[dict[str, torch.Tensor]]) -> None:
    config = load_checkpoint(root / "models/best").config
    epochs = [{"epoch": 9 - rank, "step": 90 - rank, "valid": {}} for rank in range(len(kept))]
    write_checkpoint(folder, config, kept, root / "models/best/tokenizer", epochs[0] | {"kept": epochs})


@pytest.fixture
def best(root: Path, tmp_path: Path) -> Path:
    """A checkpoint folder that keeps three epochs."""
    write_kept(tmp_path / "models/best", root, neighbours(load_checkpoint(root / "models/best")))
    return tmp_path / "models/best"
