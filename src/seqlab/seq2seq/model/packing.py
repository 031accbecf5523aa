"""Packed tokens: a batch of sequences, longest first, laid out step by step without its padding."""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


@dataclass(frozen=True)
class Packing:
    """How many sequences are still running at each step; never rises.

    The layout of `torch.nn.utils.rnn.PackedSequence`: the tokens of step t follow those of step t − 1, and the token of
    row i stands at place i of its step.
    """

    batch_sizes: tuple[int, ...]

    @staticmethod
    def of_lengths(lengths: Tensor) -> "Packing":
        """The packing of sequences of these lengths (batch,), which must not rise; on the CPU."""
        steps = torch.arange(int(lengths[0]))
        return Packing(tuple((lengths[None, :] > steps[:, None]).sum(1).tolist()))

    @property
    def steps(self) -> int:
        """Length of the longest sequence."""
        return len(self.batch_sizes)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where each step begins among the packed tokens; one more at the end, the number of tokens."""
        return tuple(accumulate(self.batch_sizes, initial=0))

    @property
    def even(self) -> bool:
        """Whether all sequences are of one length."""
        return self.batch_sizes[0] == self.batch_sizes[-1]

    @cached_property
    def sizes(self) -> Tensor:
        """`batch_sizes` as PyTorch wants them."""
        return torch.tensor(self.batch_sizes)

    def part(self, start: int, stop: int) -> "Packing":
        """The packing of the steps from start up to stop."""
        return Packing(self.batch_sizes[start:stop])

    def span(self, start: int, stop: int) -> slice:
        """The packed tokens of the steps from start up to stop."""
        return slice(self.offsets[start], self.offsets[stop])

    def gather(self, rows: Tensor) -> Tensor:
        """Rows (batch, …), one for each sequence, repeated at each of its tokens: (tokens, …)."""
        if self.even:
            return rows.expand(self.steps, *rows.shape).flatten(0, 1)
        return torch.cat([rows[:size] for size in self.batch_sizes])

    def pack(self, padded: Tensor) -> Tensor:
        """(batch, steps, …) to (tokens, …)."""
        if self.even:
            return padded.transpose(0, 1).flatten(0, 1)
        return pack_padded_sequence(padded, self._lengths, batch_first=True).data

    def pad(self, packed: Tensor) -> Tensor:
        """(tokens, …) to (batch, steps, …), zero after a sequence's end."""
        if self.even:
            return packed.view(self.steps, -1, *packed.shape[1:]).transpose(0, 1)
        padded, _ = pad_packed_sequence(PackedSequence(packed, self.sizes), batch_first=True)
        return padded

    @cached_property
    def _lengths(self) -> Tensor:
        return (self.sizes[:, None] > torch.arange(self.batch_sizes[0])[None, :]).sum(0)
