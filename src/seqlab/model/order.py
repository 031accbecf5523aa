"""Writes in any order."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def any_order() -> Iterator[None]:
    """For writes to places of which each is written once: there is no order to keep, for which PyTorch would sort them.

    Of several writes to one place, which is the last is open.
    """
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
