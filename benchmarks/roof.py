"""The machine's matrix-multiplication roof: what a large product of square matrices reaches."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.seq2seq.model.linear import linear

SIZE = 2048
# Products a call.
TIMES = 2


class Product:
    """A product (m, k) × (k, n), called as often as it takes to be measured well; a case for `interleaved`.

    Ours, the fastest at hand, makes the roof; PyTorch's own is what stock code can reach.
    """

    def __init__(
        self,
        dtype: torch.dtype,
        device: str,
        m: int = SIZE,
        k: int = SIZE,
        n: int = SIZE,
        *,
        stock: bool = False,
    ) -> None:
        generator = torch.Generator().manual_seed(1)
        drawn = (torch.randn(shape, generator=generator) for shape in ((m, k), (n, k)))
        self._left, self._right = (matrix.to(device, dtype) for matrix in drawn)
        self._multiply: Callable[[Tensor, Tensor], Tensor] = F.linear if stock else linear
        self.flop = 2 * m * k * n * TIMES

    @torch.no_grad()
    def __call__(self) -> None:
        for _ in range(TIMES):
            result = self._multiply(self._left, self._right)
        result[0, 0].item()  # a GPU has returned long before it is done
