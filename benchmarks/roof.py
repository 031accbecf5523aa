"""The machine's matrix-multiplication roof: what a large product of square matrices reaches."""

import torch

from benchmarks.measure import Spread, Times

SIZE = 2048


class Product:
    """A product (m, k) × (k, n), called as often as it takes to be measured well; a case for `interleaved`."""

    def __init__(
        self, dtype: torch.dtype, device: str, m: int = SIZE, k: int = SIZE, n: int = SIZE, times: int = 2
    ) -> None:
        generator = torch.Generator().manual_seed(1)
        drawn = (torch.randn(shape, generator=generator) for shape in ((m, k), (k, n)))
        self._left, self._right = (matrix.to(device, dtype) for matrix in drawn)
        self._result = torch.empty(m, n, dtype=dtype, device=device)
        self._times = times
        self.flop = 2 * m * k * n * times

    def __call__(self) -> None:
        for _ in range(self._times):
            torch.mm(self._left, self._right, out=self._result)
        self._result[0, 0].item()  # a GPU has returned long before it is done


def fraction_of_roof(case: Times, flop: float, roof: Times, product: Product) -> Spread:
    """FLOP a second of a case over those of the product, repetition by repetition: a slower clock slows both."""
    return case.faster_than(roof, work=flop / product.flop)
