"""Searches over batches of a fixed shape: nothing moves in memory, and nothing is asked of the device within a step.

So a GPU captures the step as a graph, and the program launches it without waiting.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.core.special_tokens import EOS, PAD
from seqlab.seq2seq.engines.capture import Repeated
from seqlab.seq2seq.engines.stepwise import StepwiseModel
from seqlab.seq2seq.model.order import any_order

# After how many steps to ask whether all have ended: that is to wait for the device, and to let it wait.
LOOK = 8
_PLACES = 16
_FEW, _MANY = 16, 64


def padded_shape(batch: int, source_len: int) -> tuple[int, int]:
    """Rows and width for a batch, so that few shapes do for many batches.

    Rows go up to 16 or a multiple of 64. The width goes up to a multiple of 16, and to at least one place more than
    there are, so that there is padding in every batch.
    """
    rows = _FEW if batch <= _FEW else -(-batch // _MANY) * _MANY
    return rows, (source_len // _PLACES + 1) * _PLACES


class FixedSearch(ABC):
    """What searches of a fixed shape share: a step that is done again and again, in place.

    Args:
        model: The model.
        repeated: Captures the step.
        shape: Rows and width of the sources, as `padded_shape` gives them.
        copies: Rows of the decoder for each source.
        max_length: Most steps.
    """

    def __init__(
        self, model: StepwiseModel, repeated: Repeated, shape: tuple[int, int], copies: int, max_length: int
    ) -> None:
        self.model, self.shape, self.max_length = model, shape, max_length
        self.device = next(model.parameters()).device
        rows = torch.arange(shape[0], device=self.device)
        self._copied = rows.repeat_interleave(copies)
        # Steps made, (1,).
        self.steps = torch.zeros(1, dtype=torch.int64, device=self.device)
        self.memory: Any = None
        self.state: Any = None
        self._repeated = repeated(self.step)

    @abstractmethod
    def step(self) -> None:
        """One step of the search, in place; of those after the last look nobody hears."""

    @abstractmethod
    def going(self) -> Tensor:
        """Whether each row still searches, bool of any shape."""

    def run(self, source: Tensor, source_lengths: Tensor) -> int:
        """Read the sources, and make steps until all have ended, or a few more; returns how many.

        Args:
            source: (batch, source_len), of this shape when it is padded.
            source_lengths: (batch,), on the CPU.
        """
        self.steps.zero_()
        memory = self.model.encode(*self._padded(source, source_lengths))
        state = self.model.initial_state(memory).select(self._copied)
        if self.memory is None:
            self.memory, self.state = memory, state
        else:
            put(self.memory, memory)
            put(self.state, state)
        for number in range(1, self.max_length + 1):
            self._repeated()
            if number % LOOK == 0 and not bool(self.going().any()):
                return number
        return self.max_length

    def keep(self, state: Any) -> None:
        """The step is over, and this is the decoder's state after it."""
        put(self.state, state)
        self.steps.add_(1)

    def write(self, there: Tensor, values: Tensor) -> None:
        """Write what belongs to this step into (max_length, …)."""
        with any_order():
            there.index_copy_(0, self.steps, values[None])

    def _padded(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Sources and lengths of this shape; rows that fill up have one token."""
        missing, more = self.shape[0] - len(source), self.shape[1] - source.shape[1]
        source = F.pad(source, (0, more, 0, missing), value=PAD)
        source[len(lengths) :, 0] = EOS
        return source, F.pad(lengths, (0, missing), value=1)


def put(there: Any, here: Any) -> None:
    """Copy the tensors of one memory or state into those of another that is made alike."""
    for old, new in zip(tensors(there), tensors(here), strict=True):
        old.copy_(new)


def tensors(part: Any) -> Iterator[Tensor]:
    """The tensors of a memory or a state, in their order."""
    if isinstance(part, Tensor):
        yield part
    elif isinstance(part, tuple):
        for each in part:
            yield from tensors(each)
    elif is_dataclass(part):
        for each in fields(part):
            yield from tensors(getattr(part, each.name))
