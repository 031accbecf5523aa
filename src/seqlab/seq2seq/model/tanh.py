"""tanh from the logistic function: PyTorch's own takes a CPU nine times as long, more than many a matrix product."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def tanh(inputs: Tensor) -> Tensor:
    """tanh, within the rounding of 1."""
    if inputs.device.type != "cpu":
        return inputs.tanh()
    if not torch.is_grad_enabled():
        return _tanh(inputs)
    found: Tensor = _Tanh.apply(inputs)  # type: ignore[no-untyped-call]
    return found


def tanh_(values: Tensor) -> Tensor:
    """The same in place, without gradient; not for narrow types."""
    return _of_doubled(values.mul_(2))


def _tanh(inputs: Tensor) -> Tensor:
    # The eight bits of a number near 1/2 would not say how far from 0 its double less 1 is.
    wide = torch.promote_types(inputs.dtype, torch.float32)
    return _of_doubled(torch.mul(inputs.to(wide), 2)).to(inputs.dtype)


def _of_doubled(values: Tensor) -> Tensor:
    # tanh x = 2 σ(2x) − 1
    return values.sigmoid_().mul_(2).sub_(1)


class _Tanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor) -> Tensor:
        outputs = _tanh(inputs)
        ctx.save_for_backward(outputs)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_outputs: Tensor) -> Tensor:
        (outputs,) = ctx.saved_tensors
        found: Tensor = torch.ops.aten.tanh_backward(of_outputs, outputs)
        return found
