"""A model that nobody trained, whose translations have the lengths and the certainty of a trained one's.

Random weights never end, or end at once. Here one unit of the encoder measures how long the source is, and one of the
decoder falls towards a point that it reaches after about as many steps; near it EOS becomes likely. Everything else is
random, and the output sharp enough that a few words hold most of the probability.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.multi30k import lengths_alike
from seqlab.core.special_tokens import EOS, SPECIAL_TOKENS
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.seq2seq import Seq2Seq

VOCABULARY = 6000
SIZE = 256
MEAN, DEVIATION = 13.0, 4.0
_KEPT = 0.95  # of what the clocks still have to go, at each step
_END = 0.38  # what the decoder's has to go when EOS becomes likely
_SHARPNESS = 30.0


@torch.no_grad()
def generated_model() -> Seq2Seq:
    """A bidirectional GRU with dot attention."""
    config = ModelConfig(
        source_vocab_size=VOCABULARY,
        target_vocab_size=VOCABULARY,
        cell="gru",
        embedding_size=SIZE,
        hidden_size=SIZE,
        layers=1,
        bidirectional=True,
        dropout=0.0,
        context="initial",
        attention="dot",
        input_feeding=False,
        tie_embeddings=False,
        tie_output=False,
    )
    model = Seq2Seq(config, torch.Generator().manual_seed(1))
    decoder, bridge = model.decoder, model.encoder.bridge
    if bridge is None or decoder.readout is None or decoder.output_weight is None:
        raise RuntimeError("the shape above has them all")
    _clock(model.encoder.stack.layers[0])
    _clock(decoder.stack.layers[0])
    # The decoder's clock begins at tanh(0.87 − 1.6 · encoder's): the further from 1, the longer the source.
    _only(bridge[0].weight, bridge[0].bias, 0, weight=-1.6, bias=0.87)  # type: ignore[arg-type]
    _only(decoder.readout.weight, decoder.readout.bias, 0, weight=10.0, bias=-10.0 * (1 - _END))
    decoder.output_weight.mul_(_SHARPNESS)
    decoder.output_weight[:, 0] = 0
    _only(decoder.output_weight, decoder.output_bias, EOS, weight=30.0, bias=25.0)
    return model


def generated_sources(count: int) -> list[list[int]]:
    """Random tokens; lengths are log-normal with mean MEAN and standard deviation DEVIATION, as in Multi30k."""
    generator = np.random.default_rng(1)
    lengths = lengths_alike(generator, MEAN, DEVIATION, count).round().clip(2, 60)
    return [generator.integers(len(SPECIAL_TOKENS), VOCABULARY, int(length)).tolist() for length in lengths]


def _clock(layer: nn.Module) -> None:
    """Let the first unit approach 1, whatever is read: 1 − h falls to _KEPT of it at each step."""
    for name in ("weight_ih_l0", "weight_hh_l0"):
        layer.get_parameter(name)[::SIZE] = 0  # the first unit of each gate
    # The gates are reset, update and new.
    layer.get_parameter("bias_ih_l0")[::SIZE] = torch.tensor([0, math.log(_KEPT / (1 - _KEPT)), 10])


def _only(weights: Tensor, biases: Tensor, row: int, *, weight: float, bias: float) -> None:
    """Let an output depend on the first input alone."""
    weights[row] = 0
    weights[row, 0], biases[row] = weight, bias
