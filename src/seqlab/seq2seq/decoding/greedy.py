"""Greedy search: the likeliest token at each step."""

import torch
from torch import Tensor

from seqlab.core.special_tokens import EOS, SOS
from seqlab.seq2seq.decoding.filler import ROWS, with_filler
from seqlab.seq2seq.decoding.fixed import padded_shape
from seqlab.seq2seq.decoding.fixed_greedy import FixedGreedy
from seqlab.seq2seq.decoding.hypothesis import Hypothesis
from seqlab.seq2seq.decoding.ranking import best_continuations, log_probabilities
from seqlab.seq2seq.engines.ahead_model import AheadModel
from seqlab.seq2seq.engines.capture import Repeated
from seqlab.seq2seq.engines.stepwise import StepwiseModel


class _Found:
    """What some sentences have been translated to so far."""

    def __init__(self, rows: int, max_length: int, source_len: int, source: Tensor) -> None:
        """Begin; `source_len` is the width of the attention weights to keep, 0: none."""
        device = source.device
        self.tokens = source.new_full((rows, max_length), EOS)
        self.log_probability = torch.zeros(rows, dtype=torch.float64, device=device)
        self.ended = torch.zeros(rows, dtype=torch.bool, device=device)
        self.attention = torch.zeros(rows, max_length, source_len, device=device) if source_len else None

    def advance(self, step: int, scores: Tensor, weights: Tensor | None, *, filler: Tensor) -> Tensor:
        """The next token of each, (rows,); ended sentences stay as they are, and filler never ends."""
        reached, _, token = best_continuations(log_probabilities(scores)[:, None], self.log_probability[:, None], 1)
        token = token.squeeze(1).masked_fill(self.ended, EOS)
        self.log_probability = torch.where(self.ended, self.log_probability, reached.squeeze(1))
        self.tokens[:, step] = token
        if self.attention is not None and weights is not None:
            self.attention[:, step] = weights[:, : self.attention.shape[2]].to(self.attention.dtype)
        self.ended = (token == EOS) & ~filler
        return token

    def select(self, rows: Tensor) -> "_Found":
        """Those of these rows, in this order."""
        part = object.__new__(_Found)
        part.tokens, part.log_probability, part.ended = self.tokens[rows], self.log_probability[rows], self.ended[rows]
        part.attention = None if self.attention is None else self.attention[rows]
        return part

    def put(self, rows: Tensor, part: "_Found") -> None:
        """Put a part back at these rows."""
        if part is self:
            return
        self.tokens[rows], self.log_probability[rows] = part.tokens, part.log_probability
        if self.attention is not None and part.attention is not None:
            self.attention[rows] = part.attention


@torch.inference_mode()
def greedy(
    model: StepwiseModel, source: Tensor, source_lengths: Tensor, *, max_length: int, with_attention: bool = False
) -> list[Hypothesis]:
    """Translate a batch, each sentence on its own.

    PAD and SOS are never chosen, though their probability counts; of tokens equally likely the lowest id is. A sentence
    without EOS after max_length tokens stops there, unfinished.

    Args:
        model: The model, as an engine's `searched` gives it.
        source: (batch, source_len) ids.
        source_lengths: (batch,).
        max_length: Most steps, at least 1.
        with_attention: Keep the attention weights.

    Returns:
        One hypothesis a source, in the order of the batch; its score is its log probability.
    """
    if max_length < 1:
        raise ValueError("max_length must be at least 1")
    with_attention = with_attention and model.config.attention != "none"
    if isinstance(model, AheadModel):
        return _hypotheses(*_fixed(model, source, max_length, with_attention).find(source, source_lengths))
    return _hypotheses(*_shrinking(model, source, source_lengths, max_length, with_attention))


def _fixed(model: AheadModel, source: Tensor, max_length: int, with_attention: bool) -> FixedGreedy:
    shape = padded_shape(*source.shape)

    def make(repeated: Repeated) -> FixedGreedy:
        return FixedGreedy(model, repeated, shape, max_length=max_length, with_attention=with_attention)

    return model.search(("greedy", shape, max_length, with_attention), make)


def _shrinking(
    model: StepwiseModel, source: Tensor, source_lengths: Tensor, max_length: int, with_attention: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    """A sentence that has ended leaves the batch; what it gives is as `FixedGreedy.find` has it."""
    batch, source_len = source.shape
    memory = model.encode(*with_filler(source, source_lengths))
    state = model.initial_state(memory)
    rows = torch.arange(memory.rows, device=source.device)
    found = _Found(memory.rows, max_length, source_len if with_attention else 0, source)
    live = found
    token = source.new_full((len(rows),), SOS)
    for step in range(max_length):
        scores, state, weights = model.step(token, state, memory)
        token = live.advance(step, scores, weights, filler=rows >= batch)
        going = (~live.ended).nonzero().squeeze(1)
        if len(going) == ROWS:
            break
        if len(going) < len(rows):
            found.put(rows, live)
            rows, live, token = rows[going], live.select(going), token[going]
            state, memory = state.select(going), memory.select(going)
    found.put(rows, live)
    attention = None if found.attention is None else found.attention.cpu()
    return found.tokens[:batch], found.log_probability[:batch], attention


def _hypotheses(tokens: Tensor, log_probability: Tensor, attention: Tensor | None) -> list[Hypothesis]:
    lengths = (tokens != EOS).sum(1).tolist()
    return [
        Hypothesis(
            tokens=ids[:length],
            score=probability,
            log_probability=probability,
            attention=None if attention is None else attention[row, :length].clone(),
        )
        for row, (ids, length, probability) in enumerate(
            zip(tokens.tolist(), lengths, log_probability.tolist(), strict=True)
        )
    ]
