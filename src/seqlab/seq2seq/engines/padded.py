"""A batch padded to a shape, step by step, with nothing in it that only the host could know."""

from dataclasses import dataclass

import torch
from torch import Tensor

from seqlab.core.special_tokens import PAD, SOS


@dataclass(frozen=True)
class Padded:
    """Sources and targets, step first; all on one device.

    Padding weighs nothing: it is no label, attention does not see it, and no state that counts comes from it. A row may
    be there to fill up the batch: its target has length 0, its source length 1.

    Attributes:
        source: (source_len, batch) ids.
        source_lengths: (batch,), each at least 1.
        target: (target_len, batch) labels.
        target_lengths: (batch,).
        free: (target_len, batch) bool, True where the step is fed what the model says; the first counts for nothing.
    """

    source: Tensor
    source_lengths: Tensor
    target: Tensor
    target_lengths: Tensor
    free: Tensor

    @staticmethod
    def of(source: Tensor, source_lengths: Tensor, target: Tensor, target_lengths: Tensor, coins: Tensor) -> "Padded":
        """A batch as `seqlab.seq2seq.engines.engine.Loss` takes it, batch first, padded as it is."""
        device = source.device
        lengths = source_lengths.to(device), target_lengths.to(device)
        sides = [
            ids.t().masked_fill(~real(ids.shape[1], of), PAD) for ids, of in zip((source, target), lengths, strict=True)
        ]
        return Padded(sides[0], lengths[0], sides[1], lengths[1], ~coins.t().to(device))

    @property
    def source_real(self) -> Tensor:
        """(source_len, batch) bool, False at padding."""
        return real(len(self.source), self.source_lengths)

    @property
    def target_real(self) -> Tensor:
        """(target_len, batch) bool, False at padding."""
        return real(len(self.target), self.target_lengths)

    @property
    def truth(self) -> Tensor:
        """(target_len, batch), what teacher forcing feeds: SOS, and then the labels but the last."""
        return torch.cat([torch.full_like(self.target[:1], SOS), self.target[:-1]])


def real(steps: int, lengths: Tensor) -> Tensor:
    """(steps, batch) bool: True up to each row's length."""
    return torch.arange(steps, device=lengths.device)[:, None] < lengths
