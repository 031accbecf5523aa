"""Dropout masks over padded batches."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from seqlab.seq2seq.engines.cuda.counter import random_words
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.dropout import DRAWS, Dropout, Masks

# A counter is made of the place, the step, the row, and which four units: 8, 20, 20 and 16 bits.
_PLACE, _STEP, _ROW = 56, 36, 16


class MaskSource(Protocol):
    """Where a step's masks come from."""

    def __call__(self, place: int, real: Tensor, width: int) -> Tensor | None:
        """The mask (steps, batch, width) of a place in the model; None: keep everything."""


@dataclass(frozen=True)
class CounterMasks:
    """Masks of one optimizer step by a counter: those of a token depend on the key, its place, step and row alone.

    So padding changes none, every device draws the same, and nothing is kept or copied.

    Attributes:
        rate: Probability of dropping an element, 0 ≤ rate < 1; rounded to a multiple of 2^-16.
        key: int64, scalar, odd; another for each step.
    """

    rate: float
    key: Tensor

    def __call__(self, place: int, real: Tensor, width: int) -> Tensor | None:
        """As `MaskSource`; float32: 0, or 1 / (1 − rate) where an element is kept."""
        dropped = round(self.rate * DRAWS)
        if dropped == 0:
            return None
        steps, rows = real.shape
        count = [torch.arange(size, device=real.device) for size in (steps, rows, -(-width // 4))]
        counters = (count[0] << _STEP)[:, None, None] + (count[1] << _ROW)[:, None] + (count[2] + (place << _PLACE))
        draws = random_words(counters, self.key).view(torch.int16)[:, :, :width]
        return (draws >= dropped - DRAWS // 2).to(torch.float32).mul_(DRAWS / (DRAWS - dropped))


@dataclass(frozen=True)
class PackedMasks:
    """The masks that the other engines draw: for the tokens alone, step after step, in their order of the rows.

    Attributes:
        dropout: Where they are drawn; None: no dropout.
        target_lengths: (batch,), on the CPU: rows come in the order in which these fall.
    """

    dropout: Dropout | None
    target_lengths: Tensor

    def __call__(self, place: int, real: Tensor, width: int) -> Tensor | None:  # noqa: ARG002 (the order says the place)
        """As `MaskSource`."""
        if self.dropout is None:
            return None
        order = self.target_lengths.argsort(descending=True, stable=True)
        # Of those rows, packing takes the longest first.
        order = order[real.cpu().sum(0)[order].sort(descending=True).indices]
        tokens = real.cpu()[:, order].nonzero()
        mask = self.dropout.mask(len(tokens), width, real.device)
        if mask is None:
            return None
        steps, rows = tokens[:, 0].to(real.device), order[tokens[:, 1]].to(real.device)
        return mask.new_zeros(*real.shape, width).index_put((steps, rows), mask)


def encoder_masks(source: MaskSource | None, config: ModelConfig, real: Tensor) -> Masks:
    """The masks of the encoder, (source_len, batch, …)."""
    if source is None:
        return Masks()
    width = config.hidden_size * (2 if config.bidirectional else 1)
    embedding = source(0, real, config.embedding_size)
    return Masks(embedding, tuple(source(layer, real, width) for layer in range(1, config.layers)))


def decoder_masks(source: MaskSource | None, config: ModelConfig, real: Tensor) -> Masks:
    """The masks of the decoder, (target_len, batch, …)."""
    if source is None:
        return Masks()
    first = config.layers
    embedding = source(first, real, config.embedding_size)
    between = tuple(source(first + layer, real, config.hidden_size) for layer in range(1, config.layers))
    return Masks(embedding, between, source(first + config.layers, real, config.readout_size))
