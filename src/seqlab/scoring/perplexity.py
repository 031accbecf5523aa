"""Loss and perplexity of a model under teacher forcing."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from seqlab.seq2seq.engines.engine import Engine
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.batches import Batch


def perplexity(model: Seq2Seq, batches: Iterable[Batch], engine: Engine) -> tuple[float, float]:
    """Mean negative log-likelihood of a target token, in nats, and its exponential, the perplexity.

    Each step is fed the true token before it, whatever ratio the model was trained with; the end of a sentence counts
    as a token; no label smoothing, no dropout. Each target token weighs the same.

    Args:
        model: The model.
        batches: Each pair once; at least one.
        engine: Computes the loss.

    Returns:
        The loss and the perplexity, which is infinite beyond the range of floating-point numbers.
    """
    total, tokens = 0.0, 0
    for batch in batches:
        nll, count = summed_nll(model, batch, engine)
        total += nll
        tokens += count
    return total / tokens, as_perplexity(total / tokens)


@torch.no_grad()
def summed_nll(model: Seq2Seq, batch: Batch, engine: Engine) -> tuple[float, int]:
    """Negative log-likelihood of a batch's targets, in nats, summed over their tokens; and how many these are."""
    device = next(model.parameters()).device
    always: Tensor = torch.ones(batch.target.shape, dtype=torch.bool)
    output = engine.loss(
        model, batch.source.to(device), batch.source_lengths, batch.target.to(device), batch.target_lengths, always
    )
    return float(output.nll) * output.tokens, output.tokens


def as_perplexity(loss: float) -> float:
    """e^loss; infinite where that is no floating-point number."""
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf
