"""A model as the searches use it, with few kernels a step."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqlab.seq2seq.engines.ahead_model import AheadModel
from seqlab.seq2seq.engines.capture import Capture, capture_for
from seqlab.seq2seq.engines.cuda.encoder import encode
from seqlab.seq2seq.engines.cuda.readout import Readout
from seqlab.seq2seq.engines.cuda.recurrent import advance, layer_state, layers_of, parameters
from seqlab.seq2seq.engines.stepwise import StepwiseModel
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.dropout import Masks
from seqlab.seq2seq.model.memory import DecoderState, Memory
from seqlab.seq2seq.model.recurrent import RecurrentState
from seqlab.seq2seq.model.seq2seq import Seq2Seq


@dataclass(frozen=True)
class Read:
    """A batch of sources, but for the annotations, of which the readout has made all that is needed."""

    memory: Memory
    readout: Readout

    @property
    def rows(self) -> int:
        """Sources in the batch."""
        return self.memory.rows

    def select(self, rows: Tensor) -> "Read":
        """Those of these rows of the batch, in this order."""
        return Read(self.memory.select(rows), self.readout.select(rows))


def ahead(model: StepwiseModel, capture: Capture | None = None) -> AheadModel:
    """The model as the searches use it on a device that runs ahead.

    Args:
        model: The model.
        capture: What captures the steps of its searches; None: CUDA graphs on a GPU, and elsewhere nothing.
    """
    capture = capture or capture_for(next(model.parameters()).device)
    return AheadModel(Stepwise(model) if isinstance(model, Seq2Seq) else model, capture)


class Stepwise:
    """See `seqlab.seq2seq.engines.stepwise.StepwiseModel`."""

    def __init__(self, model: Seq2Seq) -> None:
        self._model = model
        self._layers = [(layer, parameters(layer)) for layer in layers_of(model.decoder.stack)]

    @property
    def config(self) -> ModelConfig:
        """The shape."""
        return self._model.config

    def parameters(self) -> Iterator[nn.Parameter]:
        """The parameters."""
        return self._model.parameters()

    def encode(self, source: Tensor, source_lengths: Tensor) -> Read:
        """Read sources (batch, source_len), whose lengths (batch,) are on the CPU."""
        memory = encode(self._model, source.t(), source_lengths.to(source.device), Masks())
        readout = Readout.of(self._model, memory, memory.context.dtype)
        return Read(Memory(memory.state), readout)

    def initial_state(self, memory: Read) -> DecoderState:
        """The decoder before its first step."""
        return self._model.initial_state(memory.memory)

    def step(self, token: Tensor, state: DecoderState, memory: Read) -> tuple[Tensor, DecoderState, Tensor | None]:
        """One step of k rows for each source; as `Seq2Seq.step`."""
        decoder, before = self._model.decoder, state.recurrent
        embedded = F.embedding(token, decoder.embedding.weight)
        fed = [embedded]
        if decoder.every_step:
            fed.append(memory.memory.context.repeat_interleave(len(token) // memory.rows, 0))
        fed += [] if state.readout is None else [state.readout]
        output = torch.cat(fed, 1) if len(fed) > 1 else embedded
        after = advance(self._layers, output, [layer_state(before, number) for number in range(len(self._layers))])
        readout, weights_of_sources = memory.readout(after[-1][0], embedded)
        hidden, *cells = (torch.stack(each) for each in zip(*after, strict=True))
        following = DecoderState(
            RecurrentState(hidden, cells[0] if cells else None), readout if self.config.input_feeding else None
        )
        return decoder.scores(readout), following, weights_of_sources
