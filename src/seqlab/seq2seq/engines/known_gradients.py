"""A loss whose gradients were found along with it, handed over to autograd."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def with_known_gradients(value: Tensor, gradients: tuple[Tensor, ...], count: int, *inputs: Tensor) -> Tensor:
    """`value`, the mean of `count` numbers, as a function of `inputs`.

    Args:
        value: Scalar.
        gradients: Of the sum of the numbers to each input.
        count: How many numbers.
        inputs: What autograd goes on to from here.
    """
    with_gradients: Tensor = _KnownGradients.apply(value, gradients, count, *inputs)  # type: ignore[no-untyped-call]
    return with_gradients


class _KnownGradients(torch.autograd.Function):
    """A mean of so many numbers, and what the gradients of their sum to some tensors are already known to be."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, gradients: tuple[Tensor, ...], count: int, *inputs: Tensor) -> Tensor:
        ctx.save_for_backward(*gradients)
        ctx.count, ctx.types = count, [each.dtype for each in inputs]
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        scale = gradient / ctx.count
        found = (_scaled(known, scale) for known in ctx.saved_tensors)
        return None, None, None, *(each.to(dtype) for each, dtype in zip(found, ctx.types, strict=True))


def _scaled(values: Tensor, scale: Tensor) -> Tensor:
    # Widened, for a factor of eight bits would be off by the same in all of them. Row by row, which is how autograd
    # wants the gradient of a parameter: it would copy any other.
    values = values.to(scale.dtype)
    return torch.mul(values, scale, out=values.new_empty(values.shape))
