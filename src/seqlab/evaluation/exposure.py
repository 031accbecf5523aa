"""Exposure bias by position: what the model loses when it reads its own words instead of the truth.

Under teacher forcing a model sees only true prefixes; when it translates, it sees its own, with its errors in them
(Bengio et al. 2015; Ranzato et al. 2016). The loss of the true token after either prefix, position by position, shows
how the difference builds up.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqlab.core.special_tokens import SOS
from seqlab.seq2seq.engines.stepwise import StepwiseModel
from seqlab.text.batches import Batch

# Not evaluate.batch_size, which changes no result: in another batch near-ties between two words may fall otherwise, and
# losses are summed otherwise.
BATCH_SIZE = 256


@dataclass(frozen=True)
class Exposure:
    """Losses of the true token at `position` (from 1 on), in nats, means over the `tokens` sentences that have one.

    `gold_nll` is after the true prefix, `own_nll` after the prefix of what the model itself said most probable. As in
    training without teacher forcing, that may hold ends of sentence, and the model reads on.
    """

    position: int
    tokens: int
    gold_nll: float
    own_nll: float


@torch.no_grad()
def exposure(model: StepwiseModel, batches: Iterable[Batch]) -> list[Exposure]:
    """Compute the losses by position, the end of a sentence included; no dropout.

    Args:
        model: The model.
        batches: Each pair once, at most `BATCH_SIZE` together.
    """
    sums: list[list[float]] = []
    for batch in batches:
        gold, own = (_by_position(model, batch, forced=forced) for forced in (True, False))
        running = [int((batch.target_lengths > step).sum()) for step in range(len(gold))]
        sums += [[0, 0.0, 0.0] for _ in range(len(gold) - len(sums))]
        for total, values in zip(sums, zip(running, gold, own, strict=True), strict=False):
            total[:] = [before + value for before, value in zip(total, values, strict=True)]
    return [
        Exposure(position, int(tokens), gold / tokens, own / tokens)
        for position, (tokens, gold, own) in enumerate(sums, start=1)
    ]


def loss_after_truth(positions: Sequence[Exposure]) -> float:
    """The mean loss of a target token after the true prefix, in nats."""
    return _mean([each.gold_nll for each in positions], positions)


def loss_after_own_prefix(positions: Sequence[Exposure]) -> float:
    """The mean loss of a target token after the prefix that the model says itself, in nats."""
    return _mean([each.own_nll for each in positions], positions)


def _mean(losses: Sequence[float], positions: Sequence[Exposure]) -> float:
    tokens = [each.tokens for each in positions]
    return math.fsum(loss * count for loss, count in zip(losses, tokens, strict=True)) / sum(tokens)


def _by_position(model: StepwiseModel, batch: Batch, *, forced: bool) -> list[float]:
    """The loss of the true token at each step, summed over the sentences that have one."""
    device = next(model.parameters()).device
    memory = model.encode(batch.source.to(device), batch.source_lengths)
    target, lengths = batch.target.to(device), batch.target_lengths.to(device)
    state, fed = model.initial_state(memory), torch.full_like(target[:, 0], SOS)
    losses: list[Tensor] = []
    for step in range(target.shape[1]):
        scores, state, _ = model.step(fed, state, memory)
        nll = torch.nn.functional.cross_entropy(scores, target[:, step], reduction="none")
        losses.append(nll.double().masked_fill(lengths <= step, 0.0).sum())
        fed = target[:, step] if forced else scores.argmax(1)
    return torch.stack(losses).tolist()
