"""The decoder over padded targets, with gradients."""

import torch
from torch import Tensor

from seqlab.seq2seq.engines.cuda.choices import chosen, likeliest
from seqlab.seq2seq.engines.cuda.embedding import embed
from seqlab.seq2seq.engines.cuda.recurrent import (
    advance,
    layer_state,
    layers_of,
    parameters,
    product_type,
    run,
    side_by_side,
)
from seqlab.seq2seq.engines.cuda.vocabulary import VocabularySums
from seqlab.seq2seq.engines.padded import Padded
from seqlab.seq2seq.model.dropout import Masks, drop
from seqlab.seq2seq.model.memory import Memory
from seqlab.seq2seq.model.seq2seq import Seq2Seq


def readouts(
    model: Seq2Seq, memory: Memory, batch: Padded, masks: Masks, vocabulary: VocabularySums, *, choosing: bool
) -> Tensor:
    """What the scores are projected from at each place, (target_len, batch, readout_size), dropout included.

    All steps at once over what they are fed; with input feeding one after another, since each is fed the readout of the
    one before.

    Args:
        model: Of which the decoder is used.
        memory: The sources, batch first as attention takes them.
        batch: The targets.
        masks: (target_len, batch, …); empty: no dropout.
        vocabulary: Scores what the model would say.
        choosing: Whether any step is fed what the model says; otherwise all are fed the truth, whatever is free.
    """
    steps = tuple(_at(masks, step) for step in range(len(batch.target)))
    if model.config.input_feeding:
        return torch.stack(_steps(model, memory, batch, steps, vocabulary if choosing else None))
    fed = chosen(model, memory, batch, steps, vocabulary) if choosing else batch.truth
    return drop(_whole(model, memory, fed, masks), masks.readout)


def _whole(model: Seq2Seq, memory: Memory, fed: Tensor, masks: Masks) -> Tensor:
    """Each recurrent layer in one call, and then attention and readout at all places at once."""
    decoder = model.decoder
    weight = decoder.embedding.weight
    embedded = drop(embed(weight, fed, product_type(weight)), masks.embedding)
    beside = [embedded]
    if decoder.every_step:
        beside.append(memory.context.to(embedded.dtype).expand(len(fed), -1, -1))
    outputs = torch.cat(beside, 2) if len(beside) > 1 else embedded
    for number, layer in enumerate(layers_of(decoder.stack)):
        if number and masks.between:
            outputs = drop(outputs, masks.between[number - 1])
        outputs, _ = run(layer, outputs, layer_state(memory.state, number), None)
    return _read(model, memory, outputs, beside if decoder.every_step else [])


def _read(model: Seq2Seq, memory: Memory, outputs: Tensor, beside: list[Tensor]) -> Tensor:
    """r of places (steps, batch, …), as `seqlab.seq2seq.model.decoder.Decoder` has it, before dropout."""
    decoder = model.decoder
    if decoder.readout is None:
        return outputs
    seen = [outputs, *beside]
    if decoder.attention is not None and memory.annotations is not None:
        found, _ = decoder.attention(outputs.transpose(0, 1), memory.annotations)
        seen.append(found.transpose(0, 1))
    read: Tensor = decoder.readout(torch.cat(seen, 2))
    return read.tanh()


def _steps(
    model: Seq2Seq, memory: Memory, batch: Padded, masks: tuple[Masks, ...], vocabulary: VocabularySums | None
) -> list[Tensor]:
    """The readouts of all steps, dropout included; with a vocabulary, free steps are fed what the model says."""
    decoder, context = model.decoder, memory.context
    kind = product_type(decoder.embedding.weight)
    layers = [(layer, side_by_side(parameters(layer), kind)) for layer in layers_of(decoder.stack)]
    state = [tuple(each.to(kind) for each in layer_state(memory.state, number)) for number in range(len(layers))]
    readout = context.new_zeros(len(context), model.config.readout_size)
    fed, truth, found = batch.truth[0], batch.truth, []
    for step, here in enumerate(masks):
        embedded = drop(decoder.embedding(fed), here.embedding)
        beside = [embedded, context.to(embedded.dtype)] if decoder.every_step else []
        output = torch.cat([*(beside or [embedded]), readout.to(embedded.dtype)], 1)
        with torch.autocast(output.device.type, enabled=False):
            state = advance(layers, output.to(kind), state, here.between)
        readout = _read(model, memory, state[-1][0][None], [each[None] for each in beside])[0]
        found.append(drop(readout, here.readout))
        if step + 1 < len(masks):
            fed = truth[step + 1]
            if vocabulary is not None:
                fed = torch.where(batch.free[step + 1], likeliest(vocabulary.scores(found[-1].detach())), fed)
    return found


def _at(masks: Masks, step: int) -> Masks:
    """The masks of one step, (batch, …)."""

    def at(mask: Tensor | None) -> Tensor | None:
        return None if mask is None else mask[step]

    return Masks(at(masks.embedding), tuple(at(mask) for mask in masks.between), at(masks.readout))
