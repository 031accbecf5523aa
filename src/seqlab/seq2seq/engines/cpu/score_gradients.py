"""What follows from the gradients of the vocabulary's scores: those of the readout, the weight and the bias."""

import torch
from torch import Tensor

from seqlab.seq2seq.model.linear import gradient_of_weight, linear


class ScoreGradients:
    """Makes the matrix products of the scores' gradients; those of few tokens are gathered until they are many.

    A product of few rows with a weight as tall as the vocabulary costs as much to write as to compute.

    Args:
        weight: (vocabulary, size), in the type of the products.
        tokens: How many tokens there are in all.
        chunk: Most tokens to gather before the products are made.
        dtype: In which the gradients of weight and bias are summed.
    """

    def __init__(self, weight: Tensor, tokens: int, chunk: int, dtype: torch.dtype) -> None:
        self._weight = weight
        self._of_readout = weight.new_empty(tokens, weight.shape[1])
        self._of_weight: Tensor | None = None
        self._of_bias = weight.new_zeros(len(weight), dtype=dtype)
        self._chunk = min(chunk, tokens)
        self._scores: Tensor | None = None
        self._readouts: list[Tensor] = []
        self._rows: list[Tensor] = []
        self._gathered = 0

    def room(self, scores: Tensor) -> Tensor:
        """Where these scores are to become gradients, (rows, vocabulary): where they are, if they are many."""
        rows = len(scores)
        if self._are_many(rows):
            return scores
        if self._gathered + rows > self._chunk:
            self._flush()
        if self._scores is None:
            self._scores = scores.new_empty(self._chunk, scores.shape[1])
        return self._scores[self._gathered : self._gathered + rows]

    def add(self, gradient: Tensor, readout: Tensor, rows: Tensor) -> None:
        """Take in the gradients of the scores that `room` was last asked for.

        Args:
            gradient: (some, vocabulary), the room.
            readout: (some, size), from which the scores were computed.
            rows: (some,), which of the tokens these are.
        """
        if self._are_many(len(rows)):
            self._multiply(gradient, readout, rows)
            return
        self._readouts.append(readout)
        self._rows.append(rows)
        self._gathered += len(rows)

    def total(self) -> tuple[Tensor, Tensor, Tensor]:
        """The gradients of the readout, the weight and the bias, when all tokens have been taken in.

        Raises:
            ValueError: there were none.
        """
        self._flush()
        if self._of_weight is None:
            raise ValueError("no tokens")
        return self._of_readout, self._of_weight, self._of_bias

    def _are_many(self, rows: int) -> bool:
        return 2 * rows >= self._chunk

    def _flush(self) -> None:
        if self._scores is None or not self._gathered:
            return
        self._multiply(self._scores[: self._gathered], torch.cat(self._readouts), torch.cat(self._rows))
        self._readouts.clear()
        self._rows.clear()
        self._gathered = 0

    def _multiply(self, gradient: Tensor, readout: Tensor, rows: Tensor) -> None:
        self._of_readout[rows] = linear(gradient, self._weight.t())
        # Summed in the type of the gradients: PyTorch would otherwise first make a wide copy of them. Each sum is
        # rounded once, as the products are.
        self._of_bias += gradient.sum(0)
        of_weight = gradient_of_weight(gradient, readout).to(self._of_bias.dtype)
        self._of_weight = of_weight if self._of_weight is None else self._of_weight.add_(of_weight)
