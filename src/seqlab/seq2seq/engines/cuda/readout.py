"""What the scores are projected from, one step at a time: what is constant of attention and readout made before."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.seq2seq.model.attention import Attention
from seqlab.seq2seq.model.memory import Annotations, Memory
from seqlab.seq2seq.model.seq2seq import Seq2Seq


class Readout:
    """r = tanh(R [h; y; c; a] + b), as `Decoder` of the model has it; h itself where the decoder has no R.

    R is taken apart, and applied to c and to the annotations beforehand: R_a of their mean is the mean of R_a of each.

    Args:
        model: Of which the decoder is used.
        memory: The sources.
        kind: The type of the products.
    """

    def __init__(self, model: Seq2Seq, memory: Memory, kind: torch.dtype) -> None:
        decoder, size, width = model.decoder, model.config.hidden_size, model.config.embedding_size
        self._weights: _Weights | None = None
        self._of_output: Tensor | None = None
        if decoder.readout is None:
            return
        weight, self._constant = decoder.readout.weight.to(kind), decoder.readout.bias.to(kind)
        self._of_output, rest = weight[:, :size], weight[:, size:]
        self._of_embedding: Tensor | None = None
        if decoder.every_step:
            self._of_embedding, of_context = rest[:, :width], rest[:, width : width + size]
            self._constant = torch.addmm(self._constant, memory.context.to(kind), of_context.t())
            rest = rest[:, width + size :]
        if decoder.attention is not None and memory.annotations is not None:
            self._weights = _Weights(decoder.attention, memory.annotations, kind)
            self._values = memory.annotations.values.to(kind) @ rest.t()

    def __call__(self, output: Tensor, embedded: Tensor) -> tuple[Tensor, Tensor | None]:
        """Read out.

        Args:
            output: h (batch · k, hidden_size), the k rows of a source together.
            embedded: y (batch · k, embedding_size).

        Returns:
            r (batch · k, readout_size), and the attention weights (batch · k, source_len), if any.
        """
        if self._of_output is None:
            return output, None
        constant = self._constant
        if constant.dim() == 2 and len(constant) < len(output):
            constant = constant.repeat_interleave(len(output) // len(constant), 0)
        seen = torch.addmm(constant, output, self._of_output.t())
        if self._of_embedding is not None:
            seen = torch.addmm(seen, embedded, self._of_embedding.t())
        if self._weights is None:
            return seen.tanh(), None
        sources = len(self._values)
        weights = self._weights(output.view(sources, -1, output.shape[1]))
        seen = torch.baddbmm(seen.view(sources, -1, seen.shape[1]), weights, self._values)
        return seen.flatten(0, 1).tanh(), weights.flatten(0, 1)

    def select(self, rows: Tensor) -> "Readout":
        """The same of these sources, in this order."""
        part = copy.copy(self)
        if self._of_output is not None and self._constant.dim() == 2:
            part._constant = self._constant[rows]
        if self._weights is not None:
            part._weights, part._values = self._weights.select(rows), self._values[rows]
        return part


class _Weights:
    """Attention's weights of k queries for each source."""

    def __init__(self, attention: Attention, annotations: Annotations, kind: torch.dtype) -> None:
        keys, padding = annotations.keys.to(kind), annotations.padding
        if padding is None:
            padding = torch.zeros(keys.shape[:2], dtype=torch.bool, device=keys.device)
        # Added to the scores.
        self._absent = torch.zeros(padding.shape, dtype=kind, device=keys.device).masked_fill_(padding, -torch.inf)
        self._of_mixed: Tensor | None = None
        if attention.query is None or attention.energy is None:
            self._keys = (keys * attention.scale).transpose(1, 2)
            return
        self._keys, self._of_mixed = keys, attention.energy.weight.to(kind)
        self._of_query = [attention.query.weight.to(kind), attention.query.bias.to(kind)]

    def __call__(self, queries: Tensor) -> Tensor:
        """Of (batch, k, hidden_size): (batch, k, source_len)."""
        absent = self._absent[:, None]
        if self._of_mixed is None:
            return torch.baddbmm(absent, queries, self._keys).softmax(2)
        mixed = (F.linear(queries, *self._of_query)[:, :, None] + self._keys[:, None]).tanh()
        return (F.linear(mixed, self._of_mixed).squeeze(3) + absent).softmax(2)

    def select(self, rows: Tensor) -> "_Weights":
        part = copy.copy(self)
        part._keys, part._absent = self._keys[rows], self._absent[rows]
        return part
