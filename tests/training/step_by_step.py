"""Teacher forcing written out literally: one step after another, everything projected, PyTorch's own loss."""

import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.model.dropout import Dropout, Masks
from seqlab.model.packing import Packing
from seqlab.model.seq2seq import Seq2Seq
from seqlab.special_tokens import SOS


def literal_loss(
    model: Seq2Seq,
    source: Tensor,
    source_lengths: Tensor,
    target: Tensor,
    target_lengths: Tensor,
    coins: Tensor,
    *,
    label_smoothing: float = 0.0,
    dropout: Dropout | None = None,
) -> Tensor:
    """The mean loss of a token; targets longest first."""
    memory = model.encode(source, source_lengths, dropout)
    state = model.initial_state(memory)
    packing = Packing.of_lengths(target_lengths)
    masks = model.decoder.masks(dropout, int(target_lengths.sum()))
    token = torch.full_like(target[:, 0], SOS)
    scores = []
    for step in range(packing.steps):
        score, state, _ = model.step(token, state, memory, _masks_at(masks, packing, step))
        scores.append(score)
        token = torch.where(coins[:, min(step + 1, packing.steps - 1)], target[:, step], score.argmax(1))
    real = torch.arange(packing.steps)[None, :] < target_lengths[:, None]
    return F.cross_entropy(torch.stack(scores, 1)[real], target[real], label_smoothing=label_smoothing)


def _masks_at(masks: Masks, packing: Packing, step: int) -> Masks:
    def at(mask: Tensor | None) -> Tensor | None:
        return None if mask is None else packing.pad(mask)[:, step]

    return Masks(at(masks.embedding), tuple(at(mask) for mask in masks.between), at(masks.readout))
