"""A tiny corpus, and trainings on it."""

import random
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from seqlab.core import parallel
from seqlab.core.parallel import Example
from seqlab.params.params import Params, load_params, parse_params
from seqlab.seq2seq.engines.choice import choose
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.tokenizing.build import build
from seqlab.tracking.fingerprint.canonical import digest
from seqlab.training.continuation import Continuation
from seqlab.training.events import Listener
from seqlab.training.interruption import Interrupted
from seqlab.training.run import train
from seqlab.training.validation import Validation

SIZES = {"train": 50, "valid": 9, "test": 3}
# All parameters that count in these tests, whatever the project's own are.
TINY: dict[str, dict[str, Any]] = {
    "tokenizer": {
        "kind": "word",
        "vocab_size": 100,
        "vocabulary": "separate",
        "max_source_length": 100,
        "max_target_length": 100,
        "take_from": "none",
    },
    "model": {
        "cell": "gru",
        "embedding_size": 6,
        "hidden_size": 7,
        "layers": 1,
        "bidirectional": False,
        "context": "initial",
        "attention": "none",
        "input_feeding": False,
        "tie_embeddings": False,
        "tie_output": False,
        "dropout": 0.2,
    },
    "train": {
        "teacher_forcing_ratio": 0.5,
        "teacher_forcing_granularity": "step",
        "teacher_forcing_schedule": "constant",
        "teacher_forcing_decay": 0.9999,
        "teacher_forcing_floor": 0.0,
        "start_from": "none",
        "epochs": 3,
        "batch_size": 8,
        "batch_by": "sentences",
        "shards": 1,
        "optimizer": "adam",
        "learning_rate": 0.01,
        "weight_decay": 0.0,
        "learning_rate_schedule": "constant",
        "learning_rate_decay": 0.9,
        "learning_rate_patience": 1,
        "warmup_steps": 0,
        "max_grad_norm": 1.0,
        "average_decay": 0.0,
        "label_smoothing": 0.0,
        "bpe_dropout": 0.0,
        "early_stopping_metric": "bleu",
        "keep_checkpoints": 1,
        "patience": 0,
        "validation_max_length": 10,
        "log_every": 3,
        "precision": "float32",
    },
}
STEPS_PER_EPOCH = 7


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@cache
def _project_params() -> Params:
    return load_params(Path(__file__).parents[2] / "params.yaml")


def make_params(**sections: dict[str, Any]) -> Params:
    """Parameters of a tiny training, with these changes."""
    content = _project_params().model_dump() | {"seed": 1}
    for changes in (TINY, sections):
        for section, values in changes.items():
            content[section] = content[section] | values
    return parse_params(content, "test")


def make_model(params: Params, source_size: int, target_size: int, seed: int = 1) -> Seq2Seq:
    """The model of these parameters for vocabularies of these sizes, as training begins with it."""
    config = ModelConfig(source_size, target_size, **params.model.model_dump())
    return Seq2Seq(config, torch.Generator().manual_seed(seed))


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `raw` and `tokenized`: sentences to be reversed."""
    folder = tmp_path_factory.mktemp("corpus")
    draw = random.Random(1)
    for split, size in SIZES.items():
        sources = [" ".join(draw.choices("abcdefgh", k=draw.randint(1, 6))) for _ in range(size)]
        parallel.write(folder / f"raw/{split}.jsonl", (Example(text, (text[::-1],)) for text in sources))
    build(make_params().tokenizer, folder / "raw", folder / "tokenized", folder / "statistics.json")
    return folder


class Training:
    """Trains in a folder of its own, as often as asked."""

    def __init__(self, corpus: Path, folder: Path) -> None:
        self.corpus = corpus
        self.folder = folder
        self.checkpoints = folder / "checkpoints"
        self.ended = folder / "ended"

    def __call__(
        self,
        params: Params | None = None,
        *,
        origin: Path | None = None,
        listeners: Sequence[Listener] = (),
        stop: Callable[[], bool] = lambda: False,
        save_seconds: float = 1000.0,
        fingerprint: str = "f1",
        anew: bool = False,
        check: Callable[[], None] = lambda: None,
        world_size: int = 1,
    ) -> dict[str, bytes]:
        """Train; return the content of every file written."""
        params = params or make_params()
        tokenized = self.corpus / "tokenized"
        engine = choose(params.runtime.device, params.runtime.engine)
        train(
            params,
            tokenized=tokenized,
            models=self.folder / "models",
            reports=self.folder / "reports",
            checkpoints=self.checkpoints,
            fingerprint=fingerprint,
            continuation=Continuation(self.ended, _but_epochs(params)),
            anew=lambda: anew,
            check=check,
            engine=engine,
            validator=Validation.open(
                tokenized, self.corpus / "raw", params.train.validation_max_length, "13a", engine
            ),
            origin=origin,
            world_size=world_size,
            listeners=listeners,
            stop=stop,
            save_seconds=save_seconds,
        )
        return self.files()

    def until_done(self, params: Params) -> tuple[dict[str, bytes], int]:
        """Train, stopped again and again; the content of every file written, and how often it was stopped."""
        stops = 0
        while True:
            try:
                # The second safe point of each start: so each start gets on by a step.
                return self(params, stop=stop_at(2)), stops
            except Interrupted:
                stops += 1

    def files(self) -> dict[str, bytes]:
        """What stands in models/ and reports/."""
        paths = [path for name in ("models", "reports") for path in (self.folder / name).rglob("*") if path.is_file()]
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in sorted(paths)}


def _but_epochs(params: Params) -> str:
    return digest(params.model_copy(update={"train": params.train.model_copy(update={"epochs": 1})}).model_dump())


@pytest.fixture
def training(corpus: Path, tmp_path: Path) -> Training:
    """A training in a fresh folder."""
    return Training(corpus, tmp_path)


@pytest.fixture
def trainings(corpus: Path, tmp_path: Path) -> Callable[[str], Training]:
    """Makes trainings, each in a folder of its own."""
    return lambda name: Training(corpus, tmp_path / name)


def stop_at(number: int) -> Callable[[], bool]:
    """Asks training to stop when it is asked for the `number`th time."""
    asked = iter(range(1, 10**6))
    return lambda: next(asked) == number


@pytest.fixture(scope="module")
def expected(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What an undisturbed training writes."""
    torch.set_num_threads(1)
    return Training(corpus, tmp_path_factory.mktemp("undisturbed"))()
