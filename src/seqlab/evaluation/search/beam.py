"""Beam search, vectorised over the sentences of a batch and the hypotheses of each."""

import math
from typing import Any

import torch
from torch import Tensor

from seqlab.core.special_tokens import EOS, SOS
from seqlab.evaluation.search.fixed_beam import Options, find
from seqlab.evaluation.search.history import Ended, History
from seqlab.evaluation.search.penalty import penalty_of
from seqlab.seq2seq.decoding.filler import ROWS, with_filler
from seqlab.seq2seq.decoding.hypothesis import Hypothesis
from seqlab.seq2seq.decoding.ranking import best_continuations, log_probabilities
from seqlab.seq2seq.engines.ahead_model import AheadModel
from seqlab.seq2seq.engines.stepwise import StepwiseModel


def beam_search(
    model: StepwiseModel,
    source: Tensor,
    source_lengths: Tensor,
    *,
    beam_size: int,
    length_penalty: float,
    n_best: int,
    max_length: int,
    with_attention: bool = False,
) -> list[list[Hypothesis]]:
    """Translate a batch, each sentence on its own.

    A sentence has beam_size places. At each step all continuations of its live hypotheses compete by log probability
    for the places that no finished hypothesis holds; one that continues with EOS is finished and keeps its place. So
    beam_size 1 is greedy search, and a large enough beam tries everything. A sentence leaves the batch when nothing of
    it lives, or when no live hypothesis can still come among its n_best: log probabilities only fall, so one that
    has L now can reach at most L / penalty(max_length).

    The score is log P / ((5 + length) / 6)^α (Wu et al. 2016, eq. 14), where length counts the steps, EOS included.
    A hypothesis without EOS after max_length steps is unfinished, and ranks behind all finished ones. PAD and SOS are
    never generated, though their probability counts. Of continuations equally likely, the better parent's comes first,
    and then the lower id; of finished hypotheses of one score, the one that finished first.

    Args:
        model: The model, as an engine's `searched` gives it.
        source: (batch, source_len) ids.
        source_lengths: (batch,).
        beam_size: Places of a sentence.
        length_penalty: α, at least 0; 0: none.
        n_best: Hypotheses wanted for each sentence, at most beam_size.
        max_length: Most steps, at least 1.
        with_attention: Keep the attention weights.

    Returns:
        For each source, in the order of the batch, its hypotheses, the best first: n_best of them, or fewer where there
        are not so many sequences of max_length tokens.
    """
    if not 1 <= n_best <= beam_size:
        raise ValueError(f"n_best must be from 1 to beam_size ({beam_size}), not {n_best}")
    if max_length < 1 or length_penalty < 0:
        raise ValueError("max_length must be at least 1, and length_penalty at least 0")
    with torch.inference_mode():
        with_attention = with_attention and model.config.attention != "none"
        if isinstance(model, AheadModel):
            return find(
                model, source, source_lengths, Options(beam_size, n_best, max_length, with_attention), length_penalty
            )
        return _Search(
            model, source, source_lengths, beam_size, length_penalty, n_best, max_length, with_attention
        ).run()


class _Search:
    """The live hypotheses of the sentences still in the batch, and the ended ones of all."""

    def __init__(
        self,
        model: StepwiseModel,
        source: Tensor,
        source_lengths: Tensor,
        beam_size: int,
        length_penalty: float,
        n_best: int,
        max_length: int,
        with_attention: bool,
    ) -> None:
        self._batch, device = source.shape[0], source.device
        self._model, self._alpha, self._n_best, self._max_length = model, length_penalty, n_best, max_length
        self._beam_size = beam_size
        # Each sentence begins with one place, which holds the empty hypothesis; every later step has beam_size.
        self._rows = torch.arange(self._batch + ROWS, device=device)
        self._memory = model.encode(*with_filler(source, source_lengths))
        self._state = model.initial_state(self._memory)
        self._fed = source.new_full((len(self._rows),), SOS)
        self._steps = 0
        # −∞ marks a place without a live hypothesis.
        self._log_probability = torch.zeros(len(self._rows), 1, dtype=torch.float64, device=device)
        self._history = History(len(self._rows), source.shape[1] if with_attention else 0)
        self._ended = Ended(len(self._rows), beam_size, device)
        self._places = torch.arange(beam_size, device=device)
        self._over = False

    def run(self) -> list[list[Hypothesis]]:
        """Search to the end."""
        while self._steps < self._max_length and not self._over:
            self._advance()
        self._end(self._log_probability > -torch.inf, finished=False)
        self._ended.put(self._rows)
        return self._ended.hypotheses(self._batch, self._n_best, self._history)

    def _advance(self) -> None:
        sentences, places = self._log_probability.shape
        scores, state, weights = self._model.step(self._fed, self._state, self._memory)
        self._log_probability, parent, token = best_continuations(
            log_probabilities(scores).view(sentences, places, -1), self._log_probability, self._beam_size
        )
        self._history.append(self._rows, parent, token, weights)
        self._steps += 1
        held = self._ended.count()[:, None]
        self._log_probability.masked_fill_(self._places >= self._beam_size - held, -torch.inf)
        finished = (token == EOS) & (self._log_probability > -torch.inf)
        self._end(finished, finished=True)
        self._log_probability.masked_fill_(finished, -torch.inf)
        self._go_on(token, parent + places * torch.arange(sentences, device=token.device)[:, None], state)

    def _go_on(self, token: Tensor, parent: Tensor, state: Any) -> None:
        """Feed the tokens (sentences, beam) to their parents' states; sentences that are done leave the batch."""
        done = self._done()
        filler = (self._rows >= self._batch) & (self._rows < self._batch + math.ceil(ROWS / self._beam_size))
        going = (filler | ((self._rows < self._batch) & ~done)).nonzero().squeeze(1)
        self._fed, self._state = token[going].flatten(), state.select(parent[going].flatten())
        if len(going) < len(self._rows):
            self._ended.leave(self._rows, going)
            self._rows, self._log_probability = self._rows[going], self._log_probability[going]
            self._memory = self._memory.select(going)
        self._over = bool(self._rows[0] >= self._batch)

    def _end(self, ending: Tensor, *, finished: bool) -> None:
        device = ending.device
        steps = torch.tensor(self._steps).to(device)
        penalty = torch.tensor(penalty_of(self._steps, self._alpha), dtype=torch.float64).to(device)
        self._ended.add(ending, self._log_probability, steps=steps, penalty=penalty, finished=finished)

    def _done(self) -> Tensor:
        """Whether no live hypothesis of a sentence can still come among its n best, (sentences,)."""
        reachable = self._log_probability.amax(1) / penalty_of(self._max_length, self._alpha)
        return self._ended.worst(self._n_best) >= reachable
