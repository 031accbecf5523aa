"""The encoder over padded sources."""

import torch
from torch import Tensor, nn

from seqlab.seq2seq.engines.cuda.embedding import embed
from seqlab.seq2seq.engines.cuda.recurrent import layers_of, product_type, reversal, reversed_rows, run
from seqlab.seq2seq.engines.padded import real
from seqlab.seq2seq.model.dropout import Masks, drop
from seqlab.seq2seq.model.memory import Annotations, Memory
from seqlab.seq2seq.model.recurrent import RecurrentState
from seqlab.seq2seq.model.seq2seq import Seq2Seq


def encode(model: Seq2Seq, source: Tensor, lengths: Tensor, masks: Masks) -> Memory:
    """Read padded sources.

    Args:
        model: Of which the encoder is used, and of the decoder what attention makes of the sources.
        source: (source_len, batch) ids.
        lengths: (batch,), each at least 1, on the device.
        masks: (source_len, batch, …); empty: no dropout.
    """
    encoder, attention = model.encoder, model.decoder.attention
    there = real(len(source), lengths)
    weight = encoder.embedding.weight
    states = drop(embed(weight, source, product_type(weight)), masks.embedding)
    order = reversal(there) if model.config.bidirectional else None
    final = []
    for number, layer in enumerate(layers_of(encoder.stack)):
        if number and masks.between:
            states = drop(states, masks.between[number - 1])
        states, last = _both(layer, states, there, order)
        final.append(last)
    hidden, *cell = (torch.stack(each) for each in zip(*final, strict=True))
    state = encoder.bridged(RecurrentState(hidden, cell[0] if cell else None))
    if attention is None:
        return Memory(state)
    values = (states if encoder.projection is None else encoder.projection(states)).transpose(0, 1)
    return Memory(state, Annotations(values, attention.keys(values), ~there.t()))


def _both(layer: nn.RNNBase, inputs: Tensor, there: Tensor, order: Tensor | None) -> tuple[Tensor, tuple[Tensor, ...]]:
    """A layer in its direction or both: outputs (steps, batch, width), and the last states (batch, width)."""
    outputs, last = run(layer, inputs, None, there)
    if order is None:
        return outputs, last
    backwards, first = run(layer, reversed_rows(inputs, order), None, there, reverse=True)
    joined = tuple(torch.cat(pair, 1) for pair in zip(last, first, strict=True))
    return torch.cat([outputs, reversed_rows(backwards, order)], 2), joined
