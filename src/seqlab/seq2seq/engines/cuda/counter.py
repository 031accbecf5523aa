"""Random bits from a counter: no state, no transfer, the same on every device."""

import torch
from torch import Tensor

_HALF = 32
_LOW = (1 << _HALF) - 1


def random_words(counters: Tensor, key: Tensor) -> Tensor:
    """64 random bits for each counter: Squares (Widynski 2020, arXiv 2004.06278), the variant of five rounds.

    Integer arithmetic modulo 2^64 alone, so that every device draws the same.

    Args:
        counters: int64, of any shape, contiguous in its last dimension.
        key: int64, scalar, odd: which stream.
    """
    first = counters * key
    second = first + key
    words = first
    for added in (first, second, first):
        words = _swapped(torch.addcmul(added, words, words))
    last = torch.addcmul(second, words, words)
    words = _swapped(last)
    return last ^ (torch.addcmul(first, words, words) >> _HALF & _LOW)


def _swapped(words: Tensor) -> Tensor:
    """The halves of each word exchanged: a rotation by 32 bits."""
    halves = words.view(torch.int32)
    return halves.view(*words.shape, 2).flip(-1).view(halves.shape).view(torch.int64)
