"""What one optimizer step is given, in one piece of memory, so that it goes over to a device in one copy."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from seqlab.core.special_tokens import EOS, PAD
from seqlab.seq2seq.engines.padded import Padded

# Lengths go up to a multiple of it: few shapes, little padding.
MULTIPLE = 4
_NUMBERS = 3


@dataclass(frozen=True)
class Shape:
    """What a captured step is fixed to: rows, lengths, and whether any step of the decoder is fed its own words."""

    rows: int
    source_len: int
    target_len: int
    choosing: bool

    @staticmethod
    def of(source: Tensor, target: Tensor, coins: Tensor, rows: int) -> "Shape":
        """The smallest shape for a batch (batch, len), on the CPU, of at least so many rows."""
        source_len, target_len = (-(-ids.shape[1] // MULTIPLE) * MULTIPLE for ids in (source, target))
        return Shape(max(rows, len(source)), source_len, target_len, not bool(coins[:, 1:].all()))

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """How many numbers each part has: source, target, free, the two lengths, and the rest."""
        source, target = self.rows * self.source_len, self.rows * self.target_len
        return source, target, target, self.rows, self.rows, _NUMBERS


class Inputs:
    """Views of int64 numbers (words,), of a batch of a shape: what is written into one is there for the others.

    Attributes:
        numbers: (words,).
        shape: Its shape.
    """

    def __init__(self, numbers: Tensor, shape: Shape) -> None:
        self.numbers, self.shape = numbers, shape
        parts = torch.split(numbers, list(shape.sizes))
        source, target, self._free, self._source_lengths, self._target_lengths, self._rest = parts
        self._source, self._target = source.view(-1, shape.rows), target.view(-1, shape.rows)

    @staticmethod
    def room(shape: Shape, device: torch.device, *, pinned: bool = False) -> "Inputs":
        """Room for a batch of this shape; pinned memory is what a GPU reads while the program goes on."""
        return Inputs(torch.zeros(sum(shape.sizes), dtype=torch.int64, device=device, pin_memory=pinned), shape)

    def fill(
        self,
        source: Tensor,
        source_lengths: Tensor,
        target: Tensor,
        target_lengths: Tensor,
        coins: Tensor,
        *,
        key: int,
        learning_rate: float,
        average_weight: float,
    ) -> None:
        """Write a batch, all of it on the CPU; arguments as `seqlab.seq2seq.engines.engine.Loss` has them.

        Rows that fill up have a source of one token and an empty target.
        """
        rows = len(source)
        self._source.fill_(PAD)[: source.shape[1], :rows] = source.t()
        self._target.fill_(PAD)[: target.shape[1], :rows] = target.t()
        self._free.fill_(0).view_as(self._target)[: target.shape[1], :rows] = ~coins.t()
        self._source[0, rows:] = EOS
        self._source_lengths.fill_(1)[:rows] = source_lengths
        self._target_lengths.fill_(0)[:rows] = target_lengths
        self._rest[0] = key
        self._rest[1:].view(torch.float64).copy_(torch.tensor([learning_rate, average_weight], dtype=torch.float64))

    @property
    def batch(self) -> Padded:
        """The batch."""
        free = self._free.view_as(self._target) != 0
        return Padded(self._source, self._source_lengths, self._target, self._target_lengths, free)

    @property
    def key(self) -> Tensor:
        """Of the dropout masks, int64, scalar."""
        return self._numbers(0)

    @property
    def learning_rate(self) -> Tensor:
        """float32, scalar."""
        return self._numbers(1).view(torch.float64).float()

    @property
    def average_weight(self) -> Tensor:
        """By how much the average moves to the new parameters; float32, scalar."""
        return self._numbers(2).view(torch.float64).float()

    def _numbers(self, place: int) -> Tensor:
        return self._rest[place]
