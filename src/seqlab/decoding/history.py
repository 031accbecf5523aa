"""What the hypotheses of a beam have generated."""

from dataclasses import dataclass

import torch
from torch import Tensor

from seqlab.decoding.hypothesis import Hypothesis
from seqlab.special_tokens import EOS


@dataclass
class History:
    """Tokens of the hypotheses of a beam, and the attention weights with which they came.

    Shapes: tokens (sentences, beam, max_length); attention (sentences, beam, max_length, source_len) or None.
    """

    tokens: Tensor
    attention: Tensor | None

    @staticmethod
    def empty(sentences: int, beam_size: int, max_length: int, source_len: int, device: torch.device) -> "History":
        """Nothing generated yet; source_len 0 keeps no attention weights."""
        shape = (sentences, beam_size, max_length)
        attention = torch.zeros(*shape, source_len, device=device) if source_len else None
        return History(torch.full(shape, EOS, device=device), attention)

    def append(self, step: int, parent: Tensor, token: Tensor, weights: Tensor | None) -> None:
        """Continue the hypothesis at place `parent` (sentences, beam) with `token` (likewise), at each place."""
        sentence = torch.arange(len(parent), device=parent.device)[:, None]
        self.tokens[:, :, :step] = self.tokens[sentence, parent, :step]
        self.tokens[:, :, step] = token
        if self.attention is not None and weights is not None:
            self.attention[:, :, :step] = self.attention[sentence, parent, :step]
            weights = weights[:, : self.attention.shape[3]].reshape(*parent.shape, -1)
            self.attention[:, :, step] = weights[sentence, parent].to(self.attention.dtype)

    def select(self, sentences: Tensor) -> "History":
        """The history of these sentences alone."""
        attention = None if self.attention is None else self.attention[sentences]
        return History(self.tokens[sentences], attention)


class Ended:
    """The hypotheses of all sentences that have ended, in the order in which they did."""

    def __init__(self, sentences: int, beam_size: int, max_length: int, source_len: int, device: torch.device) -> None:
        shape = (sentences, beam_size)
        self._history = History.empty(sentences, beam_size, max_length, source_len, device)
        self._count = torch.zeros(shape[0], dtype=torch.int64, device=device)
        self._score = torch.full(shape, -torch.inf, dtype=torch.float64, device=device)
        self._log_probability = torch.full(shape, -torch.inf, dtype=torch.float64, device=device)
        self._finished = torch.zeros(shape, dtype=torch.bool, device=device)

    def count(self, rows: Tensor) -> Tensor:
        """How many hypotheses of these sentences have ended."""
        return self._count[rows]

    def worst(self, rows: Tensor, n_best: int) -> Tensor:
        """The score of the n-th best of each of these sentences, −∞ while there are fewer."""
        return self._score[rows].topk(n_best, dim=1).values[:, -1]

    def add(self, rows: Tensor, ending: Tensor, live: History, log_probability: Tensor, penalty: float) -> None:
        """Add those live hypotheses that `ending` says, (sentences, beam); they are finished if they end with EOS.

        Args:
            rows: (sentences,), which of all sentences the live ones are.
            ending: (sentences, beam).
            live: What they have generated.
            log_probability: (sentences, beam).
            penalty: Their length penalty.
        """
        sentences, beam = ending.nonzero(as_tuple=True)
        row = rows[sentences]
        place = self._count[row] + ending.cumsum(1)[sentences, beam] - 1
        self._log_probability[row, place] = log_probability[sentences, beam]
        self._score[row, place] = log_probability[sentences, beam] / penalty
        self._history.tokens[row, place] = live.tokens[sentences, beam]
        self._finished[row, place] = (live.tokens[sentences, beam] == EOS).any(1)
        if self._history.attention is not None and live.attention is not None:
            self._history.attention[row, place] = live.attention[sentences, beam]
        self._count[rows] += ending.sum(1)

    def hypotheses(self, sentences: int, n_best: int) -> list[list[Hypothesis]]:
        """The n best of each of the first sentences: finished before unfinished, then by score, then who ended first.

        Args:
            sentences: How many sentences.
            n_best: How many hypotheses of each.
        """
        order = self._score.sort(dim=1, descending=True, stable=True).indices
        order = order.gather(1, self._finished.gather(1, order).sort(dim=1, descending=True, stable=True).indices)
        ranked, count = order[:sentences, :n_best].tolist(), self._count.tolist()
        tokens, log_probability = self._history.tokens.tolist(), self._log_probability.tolist()
        scores = self._score.tolist()
        return [
            [
                self._hypothesis(row, place, tokens[row][place], scores[row][place], log_probability[row][place])
                for place in places
                if place < count[row]
            ]
            for row, places in enumerate(ranked)
        ]

    def _hypothesis(self, row: int, place: int, ids: list[int], score: float, log_probability: float) -> Hypothesis:
        tokens = ids[: ids.index(EOS)] if EOS in ids else ids
        attention = None
        if self._history.attention is not None:
            attention = self._history.attention[row, place, : len(tokens)].cpu().clone()
        return Hypothesis(tokens, score, log_probability, attention)
