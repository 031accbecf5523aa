"""Training on another device, as far as one can be tried without a GPU."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from seqlab.params.params import Params
from seqlab.seq2seq.checkpoint import load_checkpoint
from seqlab.seq2seq.engines.choice import CPU
from seqlab.text.batches import Batches
from seqlab.text.encoded import open_split
from seqlab.text.tokenizer import load_tokenizers
from seqlab.training.interruption import Interrupted
from seqlab.training.update import Updater
from tests.simulated_device import simulated_device, waits
from tests.training.conftest import make_model, make_params, stop_at
from tests.training.test_run import Trainings

RECIPES: dict[str, dict[str, dict[str, Any]]] = {
    "plain": {},
    "attention, tied": {
        "model": {
            "layers": 2,
            "bidirectional": True,
            "attention": "additive",
            "context": "every_step",
            "embedding_size": 7,
            "tie_output": True,
        },
        "train": {"label_smoothing": 0.1, "teacher_forcing_granularity": "token", "keep_checkpoints": 2},
    },
    "LSTM, input feeding, average": {
        "model": {"cell": "lstm", "bidirectional": True, "attention": "dot", "input_feeding": True},
        "train": {"optimizer": "adamw", "average_decay": 0.9, "batch_by": "tokens", "batch_size": 60},
    },
    "plain engine": {
        "runtime": {"engine": "plain"},
        "model": {"cell": "lstm", "bidirectional": True, "attention": "dot"},
    },
    "shards": {"model": {"attention": "dot"}, "train": {"shards": 3, "average_decay": 0.9}},
    "Elman, free-running": {
        "model": {"cell": "rnn", "attention": "general"},
        "train": {"optimizer": "sgd", "learning_rate": 0.3, "teacher_forcing_ratio": 0.0, "max_grad_norm": 0.0},
    },
}


@pytest.fixture
def device() -> Iterator[str]:
    with simulated_device() as device:
        yield device


def on(device: str, params: Params) -> Params:
    """The parameters, on a device that params.yaml does not have."""
    return params.model_copy(update={"runtime": params.runtime.model_copy(update={"device": device})})


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_another_device_trains_the_same_model(
    recipe: dict[str, dict[str, Any]], trainings: Trainings, device: str
) -> None:
    params = make_params(**recipe)
    here, there = trainings("here"), trainings("there")
    here(params)
    there(on(device, params))
    assert here.files().keys() == there.files().keys()
    models = [load_checkpoint(training.folder / "models/last") for training in (here, there)]
    # The fused cells of the device add in another order.
    torch.testing.assert_close(models[0].state_dict(), models[1].state_dict(), rtol=1e-3, atol=1e-5)


def test_interrupted_on_another_device(trainings: Trainings, device: str) -> None:
    params = on(device, make_params(train={"average_decay": 0.9}))
    expected, training = trainings("whole")(params), trainings("interrupted")
    with pytest.raises(Interrupted):
        training(params, stop=stop_at(10))
    assert training(params) == expected


@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
def test_a_step_waits_for_the_device_once(ratio: float, corpus: Path, device: str) -> None:
    params = make_params(
        model={"bidirectional": True, "attention": "dot"},
        train={"teacher_forcing_ratio": ratio, "label_smoothing": 0.1, "average_decay": 0.9},
    )
    source, target = load_tokenizers(corpus / "tokenized/tokenizer")
    updater = Updater(make_model(params, source.vocab_size, target.vocab_size).to(device), params.train, 1, CPU)
    batches = Batches(open_split(corpus / "tokenized/train"), 8, "sentences", 1).epoch(1)
    for step in (1, 2):
        before = waits()
        updater.update(batches[step], step=step, learning_rate=0.01, place="here")
    assert waits() - before == {"aten::_to_copy": 1}
