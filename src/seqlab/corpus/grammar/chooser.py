"""A source of choices that is the same on every platform and with every version of NumPy and Python."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Chooser:
    """Draws integers from the raw 64-bit output of PCG64, which NumPy keeps stable (NEP 19), unlike its methods.

    The remainder favours small numbers by less than 1e-15: every range is below 2**14.
    """

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)
        self._block: list[int] = []

    def below(self, bound: int) -> int:
        """A whole number from 0 to `bound` - 1."""
        if not self._block:
            self._block = [int(value) for value in self._bits.random_raw(4096)]
        return self._block.pop() % bound

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, all alike."""
        return options[self.below(len(options))]

    def percent(self, chance: int) -> bool:
        """True in `chance` out of a hundred draws."""
        return self.below(100) < chance
