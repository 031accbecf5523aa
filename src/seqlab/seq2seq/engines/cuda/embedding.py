"""Embeddings whose gradient a GPU adds up fast and in one order."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqlab.seq2seq.model.order import any_order

# Up to so many tokens PyTorch looks at all of them for each one; for more it sorts them.
_FEW = 3072


def embed(weight: Tensor, ids: Tensor, kind: torch.dtype) -> Tensor:
    """Rows of the weight (vocabulary, size) at the ids (…): (…, size).

    Args:
        weight: Embeddings.
        ids: Of any shape.
        kind: Of the matrix products, of which the gradient is one where that is faster.
    """
    if weight.device.type != "cuda" or kind == weight.dtype or ids.numel() > _FEW:
        return F.embedding(ids, weight)
    found: Tensor = _Embedding.apply(weight, ids, kind)  # type: ignore[no-untyped-call]
    return found


class _Embedding(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor, kind: torch.dtype) -> Tensor:
        ctx.save_for_backward(ids)
        ctx.rows, ctx.kind, ctx.type = len(weight), kind, weight.dtype
        return F.embedding(ids, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (ids,) = ctx.saved_tensors
        return (
            gradient_of_embedding(gradient.flatten(0, -2).to(ctx.kind), ids.flatten(), ctx.rows, ctx.type),
            None,
            None,
        )


def gradient_of_embedding(gradient: Tensor, ids: Tensor, rows: int, wide: torch.dtype) -> Tensor:
    """The sum of the gradients (tokens, size) of each id, (rows, size): a product with a matrix of ones and zeros."""
    which = gradient.new_zeros(len(ids), rows)
    with any_order():
        which.scatter_(1, ids[:, None], 1)
    if gradient.device.type != "cuda":
        return (which.t() @ gradient).to(wide)
    return torch.mm(which.t(), gradient, out_dtype=wide)
