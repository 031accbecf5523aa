"""Beam search as tutorials write it: one sentence, one step, one hypothesis at a time."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqlab.core.special_tokens import EOS, PAD, SOS
from seqlab.seq2seq.engines.stepwise import StepwiseModel


@dataclass
class Found:
    """A hypothesis: its tokens, its EOS included, and how it ranks."""

    tokens: tuple[int, ...]
    log_probability: float
    finished: bool

    def score(self, alpha: float) -> float:
        """Wu et al. 2016, eq. 14."""
        return float(self.log_probability / ((5 + len(self.tokens)) / 6) ** alpha)


# States of a few hypotheses, and the row of one of them.
_Place = tuple[Any, int]


class PlainBeam:
    """Beam search over one source at a time, which never stops early.

    Args:
        model: The model.
        beam_size: Places; a finished hypothesis keeps its place.
        max_length: Most steps.
        together: The hypotheses of a sentence make each step in one call; otherwise one after another.
    """

    def __init__(self, model: StepwiseModel, beam_size: int, max_length: int, *, together: bool) -> None:
        self._model, self._beam_size, self._max_length = model, beam_size, max_length
        self._device = next(model.parameters()).device
        self._step = self._together if together else self._one_by_one
        self.rows = 0  # steps of a hypothesis made so far

    @torch.inference_mode()
    def search(self, source: Tensor) -> list[Found]:
        """Every hypothesis that holds a place at the end; `source` (source_len,) ids."""
        memory = self._model.encode(source[None].to(self._device), torch.tensor([len(source)]))
        live, states = [Found((), 0.0, False)], [(self._model.initial_state(memory), 0)]
        ended: list[Found] = []
        for _ in range(self._max_length):
            self.rows += len(live)
            steps = self._step([(found.tokens or (SOS,))[-1] for found in live], states, memory)
            best = self._continuations(live, steps)[: self._beam_size - len(ended)]
            ended += [found for found, _ in best if found.finished]
            live = [found for found, _ in best if not found.finished]
            states = [state for found, state in best if not found.finished]
            if not live:
                break
        return ended + live

    def _continuations(self, live: list[Found], steps: list[tuple[Tensor, _Place]]) -> list[tuple[Found, _Place]]:
        """Those of each hypothesis that could be among the best, the best of all first; with the states after it."""
        continuations = []
        for found, (scores, state) in zip(live, steps, strict=True):
            likely = scores.log_softmax(0).cpu()
            likely[[PAD, SOS]] = -torch.inf
            values, words = likely.topk(min(self._beam_size, len(likely) - 2))
            for value, word in zip(values.tolist(), words.tolist(), strict=True):
                continuations.append((Found((*found.tokens, word), found.log_probability + value, word == EOS), state))
        return sorted(continuations, key=lambda continuation: -continuation[0].log_probability)

    def _one_by_one(self, tokens: list[int], states: list[_Place], memory: Any) -> list[tuple[Tensor, _Place]]:
        steps = (
            self._model.step(torch.tensor([token]).to(self._device), state, memory)
            for token, (state, _) in zip(tokens, states, strict=True)
        )
        return [(scores[0], (state, 0)) for scores, state, _ in steps]

    def _together(self, tokens: list[int], states: list[_Place], memory: Any) -> list[tuple[Tensor, _Place]]:
        before = states[0][0].select(torch.tensor([row for _, row in states]).to(self._device))
        scores, after, _ = self._model.step(torch.tensor(tokens).to(self._device), before, memory)
        return [(each, (after, row)) for row, each in enumerate(scores)]
