"""What the scores are projected from, one step at a time: what is constant of attention and readout made before."""

from dataclasses import dataclass, fields, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.seq2seq.model.attention import Attention
from seqlab.seq2seq.model.memory import Memory
from seqlab.seq2seq.model.seq2seq import Seq2Seq


@dataclass(frozen=True)
class _Sources:
    """What is constant of some sources, each None where the model has no use for it.

    Attributes:
        beside: (batch, readout_size), what R makes of c, and b.
        values: (batch, source_len, readout_size), what R makes of the annotations.
        keys: Scaled, (batch, hidden_size, source_len); those of additive attention (batch, source_len, hidden_size).
        absent: (batch, source_len), added to the energies: −∞ at padding, else 0.
    """

    beside: Tensor | None = None
    values: Tensor | None = None
    keys: Tensor | None = None
    absent: Tensor | None = None

    def select(self, rows: Tensor) -> "_Sources":
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return _Sources(**{name: None if part is None else part[rows] for name, part in found.items()})


class _Weights:
    """R taken apart, and what additive attention asks queries and energies with; b stands alone where no c is added."""

    def __init__(self, model: Seq2Seq, kind: torch.dtype) -> None:
        decoder, size, width = model.decoder, model.config.hidden_size, model.config.embedding_size
        self.of_output: Tensor | None = None
        self.of_embedding: Tensor | None = None
        self.of_context: Tensor | None = None
        self.query: tuple[Tensor, Tensor] | None = None
        if decoder.readout is None:
            return
        weight, self.bias = decoder.readout.weight.to(kind), decoder.readout.bias.to(kind)
        self.of_output, rest = weight[:, :size], weight[:, size:]
        if decoder.every_step:
            self.of_embedding, self.of_context = rest[:, :width], rest[:, width : width + size]
            rest = rest[:, width + size :]
        self.of_values = rest
        attention = decoder.attention
        if attention is not None and attention.query is not None and attention.energy is not None:
            self.query = attention.query.weight.to(kind), attention.query.bias.to(kind)
            self.energy = attention.energy.weight.to(kind)

    def sources(self, attention: Attention | None, memory: Memory, kind: torch.dtype) -> _Sources:
        """What is constant of the sources."""
        if self.of_output is None:
            return _Sources()
        beside = None
        if self.of_context is not None:
            beside = torch.addmm(self.bias, memory.context.to(kind), self.of_context.t())
        if attention is None or memory.annotations is None:
            return _Sources(beside)
        keys, padding = memory.annotations.keys.to(kind), memory.annotations.padding
        absent = torch.zeros(keys.shape[:2], dtype=kind, device=keys.device)
        if padding is not None:
            absent.masked_fill_(padding, -torch.inf)
        if self.query is None:
            keys = (keys * attention.scale).transpose(1, 2)
        return _Sources(beside, memory.annotations.values.to(kind) @ self.of_values.t(), keys, absent)


@dataclass(frozen=True)
class Readout:
    """r = tanh(R [h; y; c; a] + b), as `Decoder` of the model has it; h itself where the decoder has no R.

    R is taken apart, and applied to c and to the annotations beforehand: R_a of their mean is the mean of R_a of each.
    """

    _weights: _Weights
    _sources: _Sources

    @staticmethod
    def of(model: Seq2Seq, memory: Memory, kind: torch.dtype) -> "Readout":
        """That of some sources.

        Args:
            model: Of which the decoder is used.
            memory: The sources.
            kind: The type of the products.
        """
        weights = _Weights(model, kind)
        return Readout(weights, weights.sources(model.decoder.attention, memory, kind))

    def __call__(self, output: Tensor, embedded: Tensor) -> tuple[Tensor, Tensor | None]:
        """Read out.

        Args:
            output: h (batch · k, hidden_size), the k rows of a source together.
            embedded: y (batch · k, embedding_size).

        Returns:
            r (batch · k, readout_size), and the attention weights (batch · k, source_len), if any.
        """
        weights, beside, values = self._weights, self._sources.beside, self._sources.values
        if weights.of_output is None:
            return output, None
        if beside is not None and len(beside) < len(output):
            beside = beside.repeat_interleave(len(output) // len(beside), 0)
        seen = torch.addmm(weights.bias if beside is None else beside, output, weights.of_output.t())
        if weights.of_embedding is not None:
            seen = torch.addmm(seen, embedded, weights.of_embedding.t())
        if values is None:
            return seen.tanh(), None
        found = self._attend(output.view(len(values), -1, output.shape[1]))
        seen = torch.baddbmm(seen.view(*found.shape[:2], -1), found, values)
        return seen.flatten(0, 1).tanh(), found.flatten(0, 1)

    def select(self, rows: Tensor) -> "Readout":
        """The same of these sources, in this order."""
        return replace(self, _sources=self._sources.select(rows))

    def _attend(self, queries: Tensor) -> Tensor:
        """Attention's weights of queries (batch, k, hidden_size): (batch, k, source_len)."""
        keys, absent = self._sources.keys, self._sources.absent
        if keys is None or absent is None:
            raise AssertionError("values without keys")
        if self._weights.query is None:
            return torch.baddbmm(absent[:, None], queries, keys).softmax(2)
        mixed = (F.linear(queries, *self._weights.query)[:, :, None] + keys[:, None]).tanh()
        return (F.linear(mixed, self._weights.energy).squeeze(3) + absent[:, None]).softmax(2)
