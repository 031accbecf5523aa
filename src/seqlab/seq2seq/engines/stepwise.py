"""What reading step by step asks of a model, be it a Seq2Seq or an Ensemble."""

from collections.abc import Iterator
from typing import Any, Protocol

from torch import Tensor, nn

from seqlab.seq2seq.model.config import ModelConfig


class StepwiseModel(Protocol):
    """A model that encodes sources, and then makes one step after the other.

    What it remembers of the sources has `rows` and `select(rows)`, and its state between two steps has `select(rows)`,
    as `seqlab.seq2seq.model.memory.Memory` and `DecoderState` have them; both are dataclasses, in tuples or not, of
    tensors and of what is the same for all sources; what else they are is the model's own affair.
    """

    @property
    def config(self) -> ModelConfig:
        """The shape."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """The parameters, all on one device."""

    def encode(self, source: Tensor, source_lengths: Tensor) -> Any:
        """Read a batch of sources; see `Seq2Seq.encode`."""

    def initial_state(self, memory: Any) -> Any:
        """The state before the first step."""

    def step(self, token: Tensor, state: Any, memory: Any) -> tuple[Tensor, Any, Tensor | None]:
        """Scores, the next state, and attention weights; see `Seq2Seq.step`."""
