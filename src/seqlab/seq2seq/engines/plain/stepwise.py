"""A model as the searches use it, by the definition's own encoder and steps."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqlab.seq2seq.engines.plain.loss import Encoded, State, decode, encode
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.dropout import Masks
from seqlab.seq2seq.model.seq2seq import Seq2Seq


@dataclass(frozen=True)
class Sources:
    """A batch of sources."""

    encoded: Encoded

    @property
    def rows(self) -> int:
        """Sources in the batch."""
        return len(self.encoded.context)

    def select(self, rows: Tensor) -> "Sources":
        """Those of these rows of the batch, in this order."""
        whole = self.encoded
        parts = (whole.context[rows], whole.annotations[rows], whole.padding[rows])
        return Sources(Encoded(_selected(whole.state, rows), *parts))


@dataclass(frozen=True)
class DecoderState:
    """The decoder between two steps: the state of each of its layers, and the readout of the step before."""

    layers: tuple[State, ...]
    readout: Tensor

    def select(self, rows: Tensor) -> "DecoderState":
        """The state of these rows of the batch, in this order."""
        return DecoderState(_selected(self.layers, rows), self.readout[rows])


class Stepwise:
    """See `seqlab.seq2seq.engines.stepwise.StepwiseModel`."""

    def __init__(self, model: Seq2Seq) -> None:
        self._model = model

    @property
    def config(self) -> ModelConfig:
        """The shape."""
        return self._model.config

    def parameters(self) -> Iterator[nn.Parameter]:
        """The parameters."""
        return self._model.parameters()

    def encode(self, source: Tensor, source_lengths: Tensor) -> Sources:
        """Read sources (batch, source_len), whose lengths (batch,) are on the CPU."""
        return Sources(encode(self._model, source, source_lengths, None))

    def initial_state(self, memory: Sources) -> DecoderState:
        """The decoder before its first step."""
        encoded = memory.encoded
        return DecoderState(encoded.state, encoded.context.new_zeros(memory.rows, self.config.readout_size))

    def step(self, token: Tensor, state: DecoderState, memory: Sources) -> tuple[Tensor, DecoderState, Tensor | None]:
        """One step of k rows for each source; as `Seq2Seq.step`."""
        copies = len(token) // memory.rows
        if copies > 1:
            memory = memory.select(torch.arange(memory.rows, device=token.device).repeat_interleave(copies))
        scores, layers, readout, weights = decode(
            self._model, token, state.layers, state.readout, memory.encoded, Masks()
        )
        return scores, DecoderState(layers, readout), weights


def _selected(layers: tuple[State, ...], rows: Tensor) -> tuple[State, ...]:
    """The states of these rows; each is (1, batch, hidden_size), an LSTM's with its cell."""
    return tuple((each[0][:, rows], each[1][:, rows]) if isinstance(each, tuple) else each[:, rows] for each in layers)
