"""Devices that compute while the program goes on, and that it must wait for to learn anything from."""

import torch


def waits(device: torch.device) -> bool:
    """Whether to ask the device for a value is to wait for it, and then to let it wait."""
    return device.type != "cpu"
