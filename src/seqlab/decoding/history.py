"""What the hypotheses of a beam have generated."""

from dataclasses import dataclass

import torch
from torch import Tensor

from seqlab.decoding.hypothesis import Hypothesis


@dataclass(frozen=True)
class _Step:
    """Who continued whom, with what: (sentences, beam) each; attention weights (sentences, beam, source_len) or None.

    The weights are those of the places before the step.
    """

    parent: Tensor
    token: Tensor
    weights: Tensor | None


class History:
    """The steps of a beam over a batch, each place's parent beside its token.

    A hypothesis is read back from its last place, parent by parent; so a step costs the same however long they are.

    Args:
        sentences: Of the whole batch.
        beam_size: Places of a sentence.
        source_len: Width of the attention weights to keep; 0: none.
    """

    def __init__(self, sentences: int, beam_size: int, source_len: int) -> None:
        self._shape, self._source_len = (sentences, beam_size), source_len
        self._steps: list[_Step] = []

    def append(self, rows: Tensor, parent: Tensor, token: Tensor, weights: Tensor | None) -> None:
        """Continue the hypotheses of some sentences.

        Args:
            rows: (live,), which of all sentences they are.
            parent: (live, beam), the place that each place continues.
            token: (live, beam), with what.
            weights: (live · places before the step, ≥ source_len), the attention weights with which it came.
        """
        kept = None
        if self._source_len and weights is not None:
            weights = weights[:, : self._source_len].float().view(len(rows), -1, self._source_len)
            kept = _spread(weights, rows, self._shape[0])
        self._steps.append(_Step(_spread(parent, rows, self._shape[0]), _spread(token, rows, self._shape[0]), kept))

    def trace(self, ends: Tensor, places: Tensor) -> tuple[Tensor, Tensor | None]:
        """Read hypotheses of the first sentences back.

        Args:
            ends: (first, hypotheses), the steps of each.
            places: (first, hypotheses), its place after the last of them.

        Returns:
            tokens (first, hypotheses, steps), with EOS; whatever stands after a hypothesis' end means nothing. And the
            attention weights (first, hypotheses, steps, source_len), if kept.
        """
        sentences, tokens, weights = len(ends), list[Tensor](), list[Tensor]()
        for number in range(len(self._steps) - 1, -1, -1):
            step, lives = self._steps[number], ends > number
            tokens.append(step.token[:sentences].gather(1, places))
            places = torch.where(lives, step.parent[:sentences].gather(1, places), places)
            if step.weights is not None:
                weights.append(step.weights[:sentences].take_along_dim(places[:, :, None], 1))
        return torch.stack(tokens[::-1], 2), torch.stack(weights[::-1], 2) if weights else None


class Ended:
    """The hypotheses of all sentences that have ended, in the order in which they did."""

    def __init__(self, sentences: int, beam_size: int, device: torch.device) -> None:
        shape = (sentences, beam_size)
        self._count = torch.zeros(sentences, dtype=torch.int64, device=device)
        self._score = torch.full(shape, -torch.inf, dtype=torch.float64, device=device)
        self._log_probability = torch.full(shape, -torch.inf, dtype=torch.float64, device=device)
        self._finished = torch.zeros(shape, dtype=torch.bool, device=device)
        self._steps, self._place = (torch.zeros(shape, dtype=torch.int64, device=device) for _ in range(2))

    def count(self, rows: Tensor) -> Tensor:
        """How many hypotheses of these sentences have ended."""
        return self._count[rows]

    def worst(self, rows: Tensor, n_best: int) -> Tensor:
        """The score of the n-th best of each of these sentences, −∞ while there are fewer."""
        return self._score[rows].topk(n_best, dim=1).values[:, -1]

    def add(
        self, rows: Tensor, ending: Tensor, log_probability: Tensor, *, steps: int, penalty: float, finished: bool
    ) -> None:
        """Add those live hypotheses that `ending` says.

        Args:
            rows: (live,), which of all sentences the live ones are.
            ending: (live, beam).
            log_probability: (live, beam).
            steps: Of each.
            penalty: Their length penalty.
            finished: Whether they end with EOS.
        """
        sentences, place = ending.nonzero(as_tuple=True)
        row = rows[sentences]
        slot = self._count[row] + ending.cumsum(1)[sentences, place] - 1
        self._log_probability[row, slot] = log_probability[sentences, place]
        self._score[row, slot] = log_probability[sentences, place] / penalty
        self._finished[row, slot] = finished
        self._steps[row, slot] = steps
        self._place[row, slot] = place
        self._count[rows] += ending.sum(1)

    def hypotheses(self, sentences: int, n_best: int, history: History) -> list[list[Hypothesis]]:
        """The n best of each of the first sentences: finished before unfinished, then by score, then who ended first.

        Args:
            sentences: How many sentences.
            n_best: How many hypotheses of each.
            history: What they generated.
        """
        order = self._score.sort(dim=1, descending=True, stable=True).indices
        order = order.gather(1, self._finished.gather(1, order).sort(dim=1, descending=True, stable=True).indices)
        order = order[:sentences, :n_best]
        steps, place, finished, score, log_probability = (
            values[:sentences].gather(1, order)
            for values in (self._steps, self._place, self._finished, self._score, self._log_probability)
        )
        tokens, weights = history.trace(steps, place)
        weights = None if weights is None else weights.cpu()
        columns = (steps - finished.long(), tokens, score, log_probability)
        return [
            [
                Hypothesis(
                    ids[:length], ranked, likely, None if weights is None else weights[row, number, :length].clone()
                )
                for number, (length, ids, ranked, likely) in enumerate(zip(*best, strict=True))
                if number < count
            ]
            for row, (count, *best) in enumerate(
                zip(self._count[:sentences].tolist(), *(column.tolist() for column in columns), strict=True)
            )
        ]


def _spread(values: Tensor, rows: Tensor, sentences: int) -> Tensor:
    """The values of some rows at their places among all."""
    return values.new_zeros(sentences, *values.shape[1:]).index_copy_(0, rows, values)
