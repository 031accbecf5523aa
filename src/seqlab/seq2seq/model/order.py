"""Writes in any order."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def any_order() -> Iterator[None]:
    """For writes to places of which each is written once: there is no order to keep, for which PyTorch would sort them.

    Of several writes to one place, which is the last is open.
    """
    if not torch.are_deterministic_algorithms_enabled():
        # Off already, and PyTorch imports its compiler to switch: that takes longer than to translate a sentence.
        yield
        return
    torch.use_deterministic_algorithms(False)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(True)
