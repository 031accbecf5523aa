"""Copies between the program and a device that computes while it goes on."""

from collections.abc import Callable

import torch
from torch import Tensor


def pinned(device: torch.device) -> bool:
    """Whether what goes over to the device is best in pinned memory: a GPU reads that while the program goes on."""
    return device.type == "cuda"


def fetch(values: Tensor) -> Callable[[], list[float]]:
    """Begin to fetch numbers (count,); what waits for them, and gives them as they are now."""
    if values.device.type != "cuda":
        return values.clone().tolist
    here = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    here.copy_(values, non_blocking=True)
    # Recorded behind all that the device was given so far.
    event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    event.record()

    def wait() -> list[float]:
        event.synchronize()
        return here.tolist()

    return wait
