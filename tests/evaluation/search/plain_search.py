"""Searches written out plainly: one sentence, one hypothesis, one step at a time."""

from collections.abc import Iterator
from itertools import product

import torch
from torch import Tensor, nn

from benchmarks.reference.beam import Found, PlainBeam
from seqlab.core.special_tokens import EOS, PAD, SOS
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.seq2seq import Seq2Seq


def ranked(hypotheses: list[Found], alpha: float) -> list[Found]:
    """Finished before unfinished, then by score."""
    return sorted(hypotheses, key=lambda found: (not found.finished, -found.score(alpha)))


class PlainSearch:
    """Searches for the translation of one source (source_len,)."""

    def __init__(self, model: Seq2Seq, source: Tensor) -> None:
        self._model, self._source = model, source
        self._known: dict[tuple[int, ...], list[float]] = {}

    @torch.no_grad()
    def log_probabilities(self, tokens: tuple[int, ...]) -> list[float]:
        """log p of every word after SOS and these tokens."""
        if tokens not in self._known:
            memory = self._model.encode(self._source[None], torch.tensor([len(self._source)]))
            state = self._model.initial_state(memory)
            for token in (SOS, *tokens):
                scores, state, _ = self._model.step(torch.tensor([token]), state, memory)
            self._known[tokens] = scores[0].log_softmax(0).tolist()
        return self._known[tokens]

    def exhaustive(self, max_length: int) -> list[Found]:
        """Every hypothesis there is."""
        words = [word for word in range(self._model.config.target_vocab_size) if word not in (PAD, SOS, EOS)]
        endings = [(*tokens, EOS) for length in range(max_length) for tokens in product(words, repeat=length)]
        endless = list(product(words, repeat=max_length))
        return [self._found(tokens, True) for tokens in endings] + [self._found(tokens, False) for tokens in endless]

    def beam(self, beam_size: int, max_length: int) -> list[Found]:
        """The hypotheses that beam search ends with when it never stops early."""
        return PlainBeam(self, beam_size, max_length, together=False).search(self._source)

    @property
    def config(self) -> ModelConfig:
        """As `PlainBeam` asks of a model."""
        return self._model.config

    def parameters(self) -> Iterator[nn.Parameter]:
        """As `PlainBeam` asks of a model."""
        return self._model.parameters()

    def encode(self, source: Tensor, source_lengths: Tensor) -> None:
        """Nothing: there is one source."""

    def initial_state(self, _memory: None) -> tuple[int, ...]:
        """The words that have been fed, none."""
        return ()

    def step(self, token: Tensor, state: tuple[int, ...], _memory: None) -> tuple[Tensor, tuple[int, ...], None]:
        """One step of one hypothesis, as `StepwiseModel` has it."""
        fed = (*state, int(token))
        return torch.tensor([self.log_probabilities(fed[1:])], dtype=torch.float64), fed, None

    def _found(self, tokens: tuple[int, ...], finished: bool) -> Found:
        steps = [self.log_probabilities(tokens[:place])[token] for place, token in enumerate(tokens)]
        return Found(tokens, sum(steps), finished)
