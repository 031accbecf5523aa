"""The decoder over padded targets: all steps at once over what they are fed, or one step at a time to find that."""

import torch
from torch import Tensor, nn

from seqlab.model.argmax import argmax
from seqlab.model.dropout import Masks, drop
from seqlab.model.memory import DecoderState, Memory
from seqlab.model.recurrent import RecurrentState
from seqlab.model.seq2seq import Seq2Seq
from seqlab.seq2seq.engines.cuda.padded import Padded
from seqlab.seq2seq.engines.cuda.recurrent import parameters, run


def readouts(model: Seq2Seq, memory: Memory, batch: Padded, masks: Masks, *, choosing: bool) -> Tensor:
    """What the scores are projected from at each place, (target_len, batch, readout_size), dropout included.

    Args:
        model: Of which the decoder is used.
        memory: The sources, batch first as attention takes them.
        batch: The targets.
        masks: (target_len, batch, …); empty: no dropout.
        choosing: Whether any step is fed what the model says; otherwise all are fed the truth, whatever is free.
    """
    if model.config.input_feeding:
        return torch.stack(list(_steps(model, memory, batch, masks, choosing=choosing)))
    fed = _chosen(model, memory, batch, masks) if choosing else batch.truth
    return drop(_whole(model, memory, fed, masks), masks.readout)


def _whole(model: Seq2Seq, memory: Memory, fed: Tensor, masks: Masks) -> Tensor:
    """Each recurrent layer in one call, and then attention and readout at all places at once."""
    decoder = model.decoder
    embedded = drop(decoder.embedding(fed), masks.embedding)
    beside = [embedded]
    if decoder.every_step:
        beside.append(memory.context.to(embedded.dtype).expand(len(fed), -1, -1))
    outputs = torch.cat(beside, 2) if len(beside) > 1 else embedded
    for number, layer in enumerate(decoder.stack.layers):
        if number and masks.between:
            outputs = drop(outputs, masks.between[number - 1])
        outputs, _ = run(layer, outputs, _layer(memory.state, number), None)
    return _read(model, memory, outputs, beside if decoder.every_step else [])


def _read(model: Seq2Seq, memory: Memory, outputs: Tensor, beside: list[Tensor]) -> Tensor:
    """r of places (steps, batch, …), as `seqlab.model.decoder.Decoder` has it, before dropout."""
    decoder = model.decoder
    if decoder.readout is None:
        return outputs
    seen = [outputs, *beside]
    if decoder.attention is not None and memory.annotations is not None:
        found, _ = decoder.attention(outputs.transpose(0, 1), memory.annotations)
        seen.append(found.transpose(0, 1))
    return decoder.readout(torch.cat(seen, 2)).tanh()


@torch.no_grad()
def _chosen(model: Seq2Seq, memory: Memory, batch: Padded, masks: Masks) -> Tensor:
    """What each step is fed, (target_len, batch): the truth, or where it is free what the model says."""
    state, fed = model.initial_state(memory), [batch.truth[0]]
    for step in range(len(batch.target) - 1):
        here = _at(masks, step)
        readout, state = _step(model, memory, fed[-1], state, here)
        fed.append(_next(model, batch, step, drop(readout, here.readout)))
    # Weights cast meanwhile have no gradient.
    torch.clear_autocast_cache()
    return torch.stack(fed)


def _steps(model: Seq2Seq, memory: Memory, batch: Padded, masks: Masks, *, choosing: bool) -> list[Tensor]:
    """Step by step with gradients, since the readout of each is fed to the next."""
    state, fed, found = model.initial_state(memory), batch.truth[0], []
    for step in range(len(batch.target)):
        here = _at(masks, step)
        readout, state = _step(model, memory, fed, state, here)
        found.append(drop(readout, here.readout))
        if step + 1 < len(batch.target):
            fed = _next(model, batch, step, found[-1]) if choosing else batch.truth[step + 1]
    return found


@torch.no_grad()
def _next(model: Seq2Seq, batch: Padded, step: int, readout: Tensor) -> Tensor:
    """What the step after is fed, (batch,)."""
    decoder = model.decoder
    scores = torch.nn.functional.linear(readout, decoder.vocabulary_weight.detach(), decoder.output_bias)
    return torch.where(batch.free[step + 1], argmax(scores), batch.target[step])


def _step(
    model: Seq2Seq, memory: Memory, token: Tensor, state: DecoderState, masks: Masks
) -> tuple[Tensor, DecoderState]:
    """One step: r (batch, readout_size), before dropout, and the state after it."""
    decoder = model.decoder
    embedded = drop(decoder.embedding(token), masks.embedding)
    beside = [embedded, memory.context.to(embedded.dtype)] if decoder.every_step else []
    fed = [*(beside or [embedded]), *([] if state.readout is None else [state.readout])]
    output = torch.cat(fed, 1) if len(fed) > 1 else embedded
    hidden, cells = [], []
    for number, layer in enumerate(decoder.stack.layers):
        if number and masks.between:
            output = drop(output, masks.between[number - 1])
        after = _cell(layer, output, _layer(state.recurrent, number))
        output = after[0]
        hidden.append(output)
        cells += after[1:]
    readout = _read(model, memory, output[None], [each[None] for each in beside])[0]
    recurrent = RecurrentState(torch.stack(hidden), torch.stack(cells) if cells else None)
    return readout, DecoderState(recurrent, readout if model.config.input_feeding else None)


def _cell(layer: nn.RNNBase, inputs: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """One step of a layer: the state after it."""
    state, weights = tuple(each.to(inputs.dtype) for each in state), parameters(layer)
    if isinstance(layer, nn.LSTM):
        after: tuple[Tensor, ...] = torch._VF.lstm_cell(inputs, state, *weights)  # type: ignore[attr-defined]
        return after
    cell = torch._VF.gru_cell if isinstance(layer, nn.GRU) else torch._VF.rnn_tanh_cell  # type: ignore[attr-defined]
    return (cell(inputs, state[0], *weights),)


def _layer(state: RecurrentState, number: int) -> tuple[Tensor, ...]:
    hidden = state.hidden[number]
    return (hidden,) if state.cell is None else (hidden, state.cell[number])


def _at(masks: Masks, step: int) -> Masks:
    """The masks of one step, (batch, …)."""

    def at(mask: Tensor | None) -> Tensor | None:
        return None if mask is None else mask[step]

    return Masks(at(masks.embedding), tuple(at(mask) for mask in masks.between), at(masks.readout))
