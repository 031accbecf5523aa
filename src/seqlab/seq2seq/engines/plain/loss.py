"""The definition of the loss: the encoder a layer at a time, the decoder a step at a time, PyTorch's own operations.

What every engine must give, on any device and in any type. It is the one to step through with a debugger, and the
first to try on a new device.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqlab.core.special_tokens import PAD, SOS
from seqlab.seq2seq.engines.engine import LossOutput
from seqlab.seq2seq.model.attention import Attention
from seqlab.seq2seq.model.dropout import Dropout, Masks, drop
from seqlab.seq2seq.model.seq2seq import Seq2Seq

# Of a layer: its hidden state (1, batch, hidden_size), or an LSTM's with its cell.
State = Tensor | tuple[Tensor, Tensor]


def step_by_step_loss(
    model: Seq2Seq,
    source: Tensor,
    source_lengths: Tensor,
    target: Tensor,
    target_lengths: Tensor,
    coins: Tensor,
    *,
    label_smoothing: float = 0.0,
    dropout: Dropout | None = None,
) -> LossOutput:
    """The loss of a batch as the papers have it; arguments as in `seqlab.seq2seq.engines.engine.Loss`."""
    # Longest targets first: the order in which the masks are drawn.
    order = target_lengths.argsort(descending=True, stable=True)
    rows, steps = order.to(target.device), int(target_lengths.max())
    real = (torch.arange(steps)[None, :] < target_lengths[order][:, None]).to(target.device)
    labels = target[rows, :steps].masked_fill(~real, PAD)
    coins = coins[order, :steps].to(target.device)

    encoded = encode(model, source[rows], source_lengths[order], dropout)
    masks = _masks(model, dropout, real)
    state, readout = encoded.state, encoded.context.new_zeros(len(labels), model.config.readout_size)
    token, scores = torch.full_like(labels[:, 0], SOS), []
    for step in range(steps):
        score, state, readout, _ = decode(model, token, state, readout, encoded, masks[step])
        scores.append(score)
        if step + 1 < steps:
            token = torch.where(coins[:, step + 1], labels[:, step], score.detach().argmax(1))

    said, labels = torch.stack(scores, 1)[real], labels[real]
    said = said.to(torch.promote_types(said.dtype, torch.float32))
    loss = F.cross_entropy(said, labels, label_smoothing=label_smoothing)
    return LossOutput(loss, F.cross_entropy(said.detach(), labels), len(labels))


@dataclass(frozen=True)
class Encoded:
    """A batch of sources.

    Attributes:
        state: Of each of the decoder's layers, before its first step.
        context: The context vector (batch, hidden_size): the last layer's state.
        annotations: What attention looks at, (batch, source_len, hidden_size).
        padding: (batch, source_len), True at padding.
    """

    state: tuple[State, ...]
    context: Tensor
    annotations: Tensor
    padding: Tensor


def encode(model: Seq2Seq, source: Tensor, lengths: Tensor, dropout: Dropout | None) -> Encoded:
    """Read a batch of sources (Sutskever et al. 2014; in both directions Bahdanau et al. 2015).

    Args:
        model: Of which the encoder is used.
        source: (batch, source_len) ids.
        lengths: (batch,), on the CPU.
        dropout: The step's masks; None: no dropout.
    """
    encoder = model.encoder
    packed = pack_padded_sequence(source, lengths, batch_first=True, enforce_sorted=False)
    outputs = drop(encoder.embedding(packed.data), _mask(dropout, packed.data, encoder.embedding.embedding_dim))
    state: list[State] = []
    for number, layer in enumerate(encoder.stack.layers):
        if number:
            outputs = drop(outputs, _mask(dropout, packed.data, encoder.stack.width))
        packed_outputs, last = _stock(layer, packed._replace(data=outputs))
        outputs = packed_outputs.data
        hidden, cell = last if isinstance(last, tuple) else (last, None)
        if encoder.bridge is not None:
            hidden = _bridged(encoder.bridge[number], hidden)
        if encoder.cell_bridge is not None and cell is not None:
            cell = _bridged(encoder.cell_bridge[number], cell)
        state.append(hidden if cell is None else (hidden, cell))
    annotations, _ = pad_packed_sequence(packed._replace(data=outputs), batch_first=True, total_length=source.shape[1])
    if encoder.projection is not None:
        annotations = _stock(encoder.projection, annotations)
    padding = torch.arange(source.shape[1])[None, :] >= lengths[:, None]
    return Encoded(tuple(state), _hidden(state[-1])[0], annotations, padding.to(source.device))


def decode(
    model: Seq2Seq, token: Tensor, state: tuple[State, ...], readout: Tensor, encoded: Encoded, masks: Masks
) -> tuple[Tensor, tuple[State, ...], Tensor, Tensor | None]:
    """One step of the decoder; see `seqlab.seq2seq.model.decoder.Decoder` for the equations and their papers.

    Args:
        model: Of which the decoder is used.
        token: (batch,) ids that the step is fed.
        state: Of each layer, before the step.
        readout: (batch, readout_size), that of the step before, of which input feeding makes use.
        encoded: The sources.
        masks: Of this step, (batch, …); empty: no dropout.

    Returns:
        scores (batch, target_vocab_size), unnormalised log probabilities; the state after the step; its readout, before
        dropout; and the attention weights (batch, source_len), None without attention.
    """
    decoder, every_step = model.decoder, model.config.context == "every_step"
    embedded = drop(decoder.embedding(token), masks.embedding)
    beside = [embedded, encoded.context] if every_step else []
    fed = [*(beside or [embedded]), *([readout] if model.config.input_feeding else [])]
    output = torch.cat(fed, 1)
    following: list[State] = []
    for number, (layer, before) in enumerate(zip(decoder.stack.layers, state, strict=True)):
        if number and masks.between:
            output = drop(output, masks.between[number - 1])
        outputs, after = _stock(layer, output[None], before)
        output = outputs[0]
        following.append(after)
    seen, weights = [output, *beside], None
    if decoder.attention is not None:
        found, weights = attend(decoder.attention, output, encoded)
        seen.append(found)
    readout = output if decoder.readout is None else _stock(decoder.readout, torch.cat(seen, 1)).tanh()
    scores = F.linear(drop(readout, masks.readout), decoder.vocabulary_weight, decoder.output_bias)
    return scores, tuple(following), readout, weights


def attend(attention: Attention, query: Tensor, encoded: Encoded) -> tuple[Tensor, Tensor]:
    """What attention finds: the mean of the annotations h, weighted by how well s fits each.

    `dot` sᵀh / √hidden_size (Luong et al. 2015, scaled as in Vaswani et al. 2017), `general` sᵀWh (Luong et al. 2015),
    `additive` vᵀtanh(Ws + Uh) (Bahdanau et al. 2015).

    Args:
        attention: The decoder's.
        query: s (batch, hidden_size), the decoder's output.
        encoded: The sources.

    Returns:
        The mean (batch, hidden_size), and the weights (batch, source_len).
    """
    annotations = encoded.annotations
    keys = annotations if attention.key is None else _stock(attention.key, annotations)
    if attention.query is not None and attention.energy is not None:
        energies = _stock(attention.energy, (_stock(attention.query, query)[:, None] + keys).tanh()).squeeze(2)
    else:
        energies = (keys @ query[:, :, None]).squeeze(2)
        if attention.key is None:
            energies = energies / query.shape[1] ** 0.5
    weights = energies.masked_fill(encoded.padding, -torch.inf).softmax(1)
    found: Tensor = weights[:, None] @ annotations
    return found.squeeze(1), weights


def _masks(model: Seq2Seq, dropout: Dropout | None, real: Tensor) -> list[Masks]:
    """The masks of each step; `real` (batch, steps) is True where a sentence still runs."""
    running = real.t()
    if dropout is None:
        return [Masks()] * len(running)
    decoder, tokens = model.decoder, running.nonzero()
    widths = [decoder.embedding.embedding_dim, *[model.config.hidden_size] * (model.config.layers - 1)]
    # Drawn for the tokens alone, step after step.
    embedding, *between = (_unpacked(_mask(dropout, tokens, width), running) for width in widths)
    readout = _unpacked(_mask(dropout, tokens, model.config.readout_size), running)
    return [
        Masks(_at(embedding, step), tuple(_at(mask, step) for mask in between), _at(readout, step))
        for step in range(len(running))
    ]


def _mask(dropout: Dropout | None, tokens: Tensor, width: int) -> Tensor | None:
    return None if dropout is None else dropout.mask(len(tokens), width, tokens.device)


def _unpacked(mask: Tensor | None, running: Tensor) -> Tensor | None:
    """Masks of the tokens (tokens, width) to masks of all places (steps, batch, width)."""
    if mask is None:
        return None
    return mask.new_zeros(*running.shape, mask.shape[1]).index_put((running,), mask)


def _at(mask: Tensor | None, step: int) -> Tensor | None:
    return None if mask is None else mask[step]


def _bridged(bridge: nn.Module, last: Tensor) -> Tensor:
    """The last states of both directions (2, batch, hidden_size) to the decoder's first (1, batch, hidden_size)."""
    crossed: Tensor = _stock(bridge, torch.cat([*last], 1)).tanh()
    return crossed[None]


def _hidden(state: State) -> Tensor:
    return state[0] if isinstance(state, tuple) else state


def _stock(layer: nn.Module, *inputs: Any) -> Any:
    """What PyTorch's own layer makes of the inputs, with the parameters of ours, which may compute it otherwise."""
    kinds: tuple[Any, ...] = (nn.Linear, nn.GRU, nn.LSTM, nn.RNN)
    return next(kind for kind in kinds if isinstance(layer, kind)).forward(layer, *inputs)
