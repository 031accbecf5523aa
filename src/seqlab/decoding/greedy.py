"""Greedy search: the likeliest token at each step."""

import torch
from torch import Tensor

from seqlab.decoding.ballast import with_ballast
from seqlab.decoding.hypothesis import Hypothesis
from seqlab.decoding.ranking import best_continuations, log_probabilities
from seqlab.decoding.stepwise import StepwiseModel
from seqlab.special_tokens import EOS, SOS


@torch.inference_mode()
def greedy(
    model: StepwiseModel, source: Tensor, source_lengths: Tensor, *, max_length: int, with_attention: bool = False
) -> list[Hypothesis]:
    """Translate a batch, each sentence on its own; a sentence that has ended leaves the batch.

    PAD and SOS are never chosen, though their probability counts; of tokens equally likely the lowest id is. A sentence
    without EOS after max_length tokens stops there, unfinished.

    Args:
        model: The model.
        source: (batch, source_len) ids.
        source_lengths: (batch,).
        max_length: Most steps, at least 1.
        with_attention: Keep the attention weights.

    Returns:
        One hypothesis a source, in the order of the batch; its score is its log probability.
    """
    if max_length < 1:
        raise ValueError("max_length must be at least 1")
    batch, source_len = source.shape
    memory = model.encode(*with_ballast(source, source_lengths))
    state = model.initial_state(memory)
    rows = torch.arange(memory.rows, device=source.device)
    tokens = source.new_full((len(rows), max_length), EOS)
    log_probability = torch.zeros(len(rows), dtype=torch.float64, device=source.device)
    keep_attention = with_attention and model.config.attention != "none"
    attention = torch.zeros(len(rows), max_length, source_len, device=source.device) if keep_attention else None
    token = source.new_full((len(rows),), SOS)
    for step in range(max_length):
        scores, state, weights = model.step(token, state, memory)
        reached, _, token = best_continuations(log_probabilities(scores)[:, None], log_probability[rows, None], 1)
        token = token.squeeze(1)
        log_probability[rows], tokens[rows, step] = reached.squeeze(1), token
        if attention is not None and weights is not None:
            attention[rows, step] = weights[:, :source_len].to(attention.dtype)
        alive, ballast = token != EOS, rows >= batch
        if not (alive & ~ballast).any():
            break
        going = (alive | ballast).nonzero().squeeze(1)
        if len(going) < len(rows):
            rows, token, state, memory = rows[going], token[going], state.select(going), memory.select(going)
    lengths = (tokens[:batch] != EOS).sum(1).tolist()
    return [
        Hypothesis(
            tokens=ids[:length],
            score=probability,
            log_probability=probability,
            attention=None if attention is None else attention[row, :length].cpu(),
        )
        for row, (ids, length, probability) in enumerate(
            zip(tokens[:batch].tolist(), lengths, log_probability[:batch].tolist(), strict=True)
        )
    ]
