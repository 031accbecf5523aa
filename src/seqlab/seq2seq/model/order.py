"""Writes in any order."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def any_order() -> Iterator[None]:
    """For writes to places of which each is written once: there is no order to keep, for which PyTorch would sort them.

    Of several writes to one place, which is the last is open.
    """
    before = torch.get_deterministic_debug_mode()
    # use_deterministic_algorithms imports PyTorch's compiler: that takes longer than to translate a sentence.
    torch.set_deterministic_debug_mode("default")
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)
