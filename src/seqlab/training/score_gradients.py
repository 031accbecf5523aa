"""What follows from the gradients of the vocabulary's scores: those of the readout, the weight and the bias."""

import torch
from torch import Tensor

from seqlab.model.linear import gradient_of_weight, linear


class ScoreGradients:
    """Gathers the gradients of the scores, a chunk at a time, for a few large matrix products instead of many small.

    A product of few rows with a weight as tall as the vocabulary costs as much to write as to compute.

    Args:
        weight: (vocabulary, size), in the type of the products.
        tokens: How many tokens there are in all.
        chunk: Most tokens to gather before the products are made.
        dtype: In which the gradients of weight and bias are summed.
    """

    def __init__(self, weight: Tensor, tokens: int, chunk: int, dtype: torch.dtype) -> None:
        self.readout = weight.new_empty(tokens, weight.shape[1])
        # Of no shape yet: the first product says how it, and the sum, lie in memory.
        self.weight = weight.new_zeros((), dtype=dtype)
        self.bias = weight.new_zeros(len(weight), dtype=dtype)
        self._factor = weight
        self._scores = weight.new_empty(min(chunk, tokens), len(weight))
        self._readouts = weight.new_empty(len(self._scores), weight.shape[1])
        self._rows: list[Tensor] = []
        self._gathered = 0

    def room(self, rows: int) -> Tensor:
        """Where so many more scores may be computed, (rows, vocabulary), to become gradients in place."""
        if self._gathered + rows > len(self._scores):
            self.flush()
        if rows > len(self._scores):
            self._scores = self._scores.new_empty(rows, self._scores.shape[1])
            self._readouts = self._readouts.new_empty(rows, self._readouts.shape[1])
        return self._scores[self._gathered : self._gathered + rows]

    def add(self, gradient: Tensor, readout: Tensor, rows: Tensor) -> None:
        """Take in the gradients of the scores that `room` was last asked for.

        Args:
            gradient: (some, vocabulary), the room itself or what is to be copied there.
            readout: (some, size), from which the scores were computed.
            rows: (some,), which of the tokens these are.
        """
        end = self._gathered + len(rows)
        room = self._scores[self._gathered : end]
        if gradient.data_ptr() != room.data_ptr():
            room.copy_(gradient)
        self._readouts[self._gathered : end] = readout
        self._rows.append(rows)
        self._gathered = end

    def flush(self) -> None:
        """Make the products of what is gathered."""
        if not self._gathered:
            return
        gradient, readout = self._scores[: self._gathered], self._readouts[: self._gathered]
        self.readout[torch.cat(self._rows)] = linear(gradient, self._factor.t())
        self.bias += gradient.sum(0, dtype=self.bias.dtype)
        self.weight = self.weight + gradient_of_weight(gradient, readout).to(self.weight.dtype)
        self._rows.clear()
        self._gathered = 0
