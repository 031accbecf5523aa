"""Models and batches small enough to compare with plainly written references."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.seq2seq import Seq2Seq

TINY = ModelConfig(
    source_vocab_size=9,
    target_vocab_size=11,
    cell="gru",
    embedding_size=3,
    hidden_size=4,
    layers=1,
    bidirectional=False,
    dropout=0.0,
    context="initial",
    attention="none",
    input_feeding=False,
    tie_embeddings=False,
    tie_output=False,
)


def tiny_config(**options: Any) -> ModelConfig:
    """A tiny shape, with these options."""
    return replace(TINY, **options)


def untrained_model(seed: int = 1, **options: Any) -> Seq2Seq:
    """A model in float32 as training begins with it."""
    return Seq2Seq(tiny_config(**options), torch.Generator().manual_seed(seed))


def tiny_model(seed: int = 0, **options: Any) -> Seq2Seq:
    """A model in float64 whose parameters are all random and large, biases too."""
    generator = torch.Generator().manual_seed(seed)
    model = Seq2Seq(tiny_config(**options), generator).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.8, generator=generator)
    return model


def tiny_batch(lengths: list[int], vocabulary: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Sequences (batch, longest) of these lengths without special tokens, padded with 0; and the lengths."""
    tokens = torch.randint(4, vocabulary, (len(lengths), max(lengths)), generator=torch.Generator().manual_seed(seed))
    for row, length in enumerate(lengths):
        tokens[row, length:] = 0
    return tokens, torch.tensor(lengths)


def calm(model: Seq2Seq) -> Seq2Seq:
    """The model with smaller recurrent weights, which do not blow rounding errors up from step to step."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "weight_hh" in name:
                parameter.mul_(0.3)
    return model
