"""The loss of a batch, padded."""

import torch
from torch import Tensor

from seqlab.seq2seq.engines.cuda.decoder import readouts
from seqlab.seq2seq.engines.cuda.encoder import encode
from seqlab.seq2seq.engines.cuda.masks import CounterMasks, MaskSource, PackedMasks, decoder_masks, encoder_masks
from seqlab.seq2seq.engines.cuda.recurrent import product_type
from seqlab.seq2seq.engines.cuda.vocabulary import Sums, VocabularySums
from seqlab.seq2seq.engines.engine import LossOutput, Precision, autocast
from seqlab.seq2seq.engines.known_gradients import with_known_gradients
from seqlab.seq2seq.engines.padded import Padded
from seqlab.seq2seq.model.dropout import Dropout
from seqlab.seq2seq.model.seq2seq import Seq2Seq


def padded_loss(
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
    """The loss and its gradient; arguments as in `seqlab.seq2seq.engines.engine.Loss`.

    First, without gradients and step by step, what each step is fed; then the decoder over all of it at once, with
    gradients. Where nothing is free the first pass is left out.
    """
    batch = Padded.of(source, source_lengths, target, target_lengths, coins)
    masks = PackedMasks(dropout, target_lengths.cpu())
    choosing = not bool(coins[:, 1:].all())
    readout, sums = forward(model, batch, masks, label_smoothing=label_smoothing, choosing=choosing)
    tokens = int(target_lengths.sum())
    decoder = model.decoder
    loss = sums.loss / tokens
    if sums.of_readout is not None and sums.of_weight is not None and sums.of_bias is not None:
        gradients = (sums.of_readout, sums.of_weight, sums.of_bias)
        inputs = (readout, decoder.vocabulary_weight, decoder.output_bias)
        loss = with_known_gradients(loss, gradients, tokens, *inputs)
    return LossOutput(loss, sums.nll / tokens, tokens)


def gradients(
    model: Seq2Seq, batch: Padded, key: Tensor, *, precision: Precision, label_smoothing: float, choosing: bool
) -> tuple[Tensor, Tensor]:
    """The gradients of the summed loss; as in `seqlab.seq2seq.engines.engine.Gradients`."""
    masks = CounterMasks(model.config.dropout, key)
    with autocast(batch.target.device, precision):
        readout, sums = forward(model, batch, masks, label_smoothing=label_smoothing, choosing=choosing)
    decoder = model.decoder
    decoder.vocabulary_weight.grad, decoder.output_bias.grad = sums.of_weight, sums.of_bias
    torch.autograd.backward([readout], [None if sums.of_readout is None else sums.of_readout.to(readout.dtype)])
    return sums.loss, sums.nll


def forward(
    model: Seq2Seq, batch: Padded, masks: MaskSource | None, *, label_smoothing: float, choosing: bool
) -> tuple[Tensor, Sums]:
    """What the scores are projected from, (target_len · batch, readout_size), and the sums that follow from it.

    Args:
        model: Encoder and decoder.
        batch: Padded.
        masks: Of dropout; None: none.
        label_smoothing: ε, spread over the whole vocabulary.
        choosing: Whether any step is free; otherwise all are fed the truth.
    """
    config, decoder = model.config, model.decoder
    memory = encode(model, batch.source, batch.source_lengths, encoder_masks(masks, config, batch.source_real))
    real = batch.target_real
    of_target = decoder_masks(masks, config, real)
    weight = decoder.vocabulary_weight
    vocabulary = VocabularySums(weight, decoder.output_bias, label_smoothing, product_type(weight))
    readout = readouts(model, memory, batch, of_target, vocabulary, choosing=choosing).flatten(0, 1)
    gradients = torch.is_grad_enabled()
    return readout, vocabulary(readout.detach(), batch.target.flatten(), real.flatten(), gradients=gradients)
