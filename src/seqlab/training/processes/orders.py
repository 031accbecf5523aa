"""What rank 0 tells the other processes: the parameters to begin with, and then one step after another."""

from collections.abc import Callable, Mapping
from typing import NoReturn

import safetensors.torch
import torch
from torch import Tensor

from seqlab.seq2seq.checkpoint import load_tensors, model_tensors
from seqlab.text.batches import Batch
from seqlab.training.optimizer import optimizer_tensors, restore_optimizer
from seqlab.training.update import Updater

_MODEL, _OPTIMIZER, _STEP, _RATE = "model/", "optimizer/", "step", "learning_rate"


def beginning(updater: Updater) -> bytes:
    """Model and optimizer, as they are."""
    tensors = {_MODEL + name: tensor for name, tensor in model_tensors(updater.model).items()}
    of_optimizer = optimizer_tensors(updater.optimizer, updater.model)
    return safetensors.torch.save(tensors | {_OPTIMIZER + name: tensor for name, tensor in of_optimizer.items()})


def step(batch: Batch, number: int, learning_rate: float) -> bytes:
    """One optimizer step."""
    tensors = {name: tensor.contiguous() for name, tensor in vars(batch).items()}
    figures = {_STEP: torch.tensor(number), _RATE: torch.tensor(learning_rate, dtype=torch.float64)}
    return safetensors.torch.save(tensors | figures)


def follow(updater: Updater, receive: Callable[[], bytes]) -> NoReturn:
    """Do what rank 0 says, for as long as there is one.

    Raises:
        SeqlabError: as `Updater.update`.
        DisconnectedError: rank 0 has ended.
    """
    while True:
        tensors = safetensors.torch.load(receive())
        if _STEP in tensors:
            named = dict(tensors)
            number, learning_rate = int(named.pop(_STEP)), float(named.pop(_RATE))
            updater.update(Batch(**named), step=number, learning_rate=learning_rate, place=f"at step {number}")
        else:
            load_tensors(updater.model, _unprefixed(_MODEL, tensors))
            restore_optimizer(updater.optimizer, updater.model, _unprefixed(_OPTIMIZER, tensors))


def _unprefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
