"""The best of a row of scores, read once."""

import torch
from torch import Tensor

# Wide enough that few maxima are left, and a width whose maximum PyTorch finds at the speed of memory.
BLOCK = 64


def argmax(scores: Tensor) -> Tensor:
    """Where each row's best is, (rows,); of equal ones the first.

    On a CPU PyTorch's own reads a vocabulary three times as long as its maximum alone.

    Args:
        scores: (rows, places).
    """
    places = scores.shape[1]
    if scores.device.type != "cpu" or places <= BLOCK:
        return scores.max(1).indices
    # The first block that has it. The last one is widened to the front, by places that are all less.
    start = (block_maxima(scores).max(1).indices * BLOCK).clamp(max=places - BLOCK)
    block = scores.gather(1, start[:, None] + torch.arange(BLOCK))
    return start + block.max(1).indices


def block_maxima(scores: Tensor) -> Tensor:
    """The best of each block of the last dimension; the last block may be narrower."""
    even = scores.shape[-1] // BLOCK * BLOCK
    maxima = [scores[..., :even].view(*scores.shape[:-1], even // BLOCK, BLOCK).amax(-1)] if even else []
    if even < scores.shape[-1]:
        maxima.append(scores[..., even:].amax(-1, keepdim=True))
    return torch.cat(maxima, -1)
