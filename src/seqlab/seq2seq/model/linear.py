"""Products with a weight, y = x Wᵀ + b, as fast as a CPU's vector units.

PyTorch hands products in float32 to MKL, which keeps AVX-512 for Intel's CPUs; others it runs at half of what they can
do. oneDNN, which PyTorch brings along for bfloat16 and for its compiler, looks at the instructions and not at the
vendor. Its rows are also the same bits in any batch of two or more.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils.flop_counter import register_flop_formula

# oneDNN compiles a kernel for each shape, a third of a millisecond, and batches seldom repeat a shape: it must have
# that much to save. Elements of a weight; not a matter of the rows too, for then a sentence's numbers would depend on
# how many are translated beside it.
SMALLEST_WEIGHT = 1 << 17
# Multiplications of a product that no sentence's numbers depend on.
SMALLEST_PRODUCT = 1 << 26
# The operator is PyTorch's own affair, for its compiler: a version without it does without.
_AVAILABLE = (
    torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    and torch.backends.cpu.get_cpu_capability() == "AVX512"
    and hasattr(torch.ops.mkldnn, "_linear_pointwise")
)


class Linear(nn.Linear):
    """nn.Linear through `linear`."""

    def forward(self, input: Tensor) -> Tensor:
        """(…, in_features) to (…, out_features)."""
        return linear(input, self.weight, self.bias)


def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x Wᵀ + b.

    Args:
        inputs: (…, in_features).
        weight: (out_features, in_features).
        bias: (out_features,).
    """
    # MKL is the faster for a single row, and oneDNN's bits of it are not those that it has in a batch anyway.
    if not (is_fast(weight) or _adds_bias(weight, bias)) or inputs.numel() <= inputs.shape[-1]:
        return F.linear(inputs, weight, bias)
    if torch.is_grad_enabled():
        found: Tensor = _Linear.apply(inputs, weight, bias)  # type: ignore[no-untyped-call]
        return found
    return _onednn(inputs, weight, bias)


def gradient_of_weight(of_outputs: Tensor, inputs: Tensor) -> Tensor:
    """What a weight's gradient is, Gᵀ x, (out_features, in_features).

    Args:
        of_outputs: G, the gradient of the outputs, (rows, out_features).
        inputs: x, (rows, in_features).
    """
    if not is_fast(of_outputs) or of_outputs.numel() * inputs.shape[1] < SMALLEST_PRODUCT:
        return of_outputs.t() @ inputs
    # oneDNN is slow to read its left side across the rows, which therefore is the narrow one.
    return _onednn(inputs.t(), of_outputs.t(), None).t()


def is_fast(weight: Tensor) -> bool:
    """Whether oneDNN multiplies by such a weight: of float32, not small, on a CPU with AVX-512, outside autocast."""
    return (
        _AVAILABLE
        and weight.numel() >= SMALLEST_WEIGHT
        and weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
    )


def _adds_bias(weight: Tensor, bias: Tensor | None) -> bool:
    """Whether the bias makes it worth while: PyTorch first copies it to all rows, oneDNN adds it as it writes."""
    return _AVAILABLE and bias is not None and weight.device.type == "cpu" and weight.dtype == torch.bfloat16


def _onednn(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    found: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")
    return found


if _AVAILABLE:
    # PyTorch's counter knows its own products alone.
    @register_flop_formula(torch.ops.mkldnn._linear_pointwise)
    def _flop(inputs: torch.Size, weight: torch.Size, *_: object, **_options: object) -> int:
        return 2 * inputs.numel() * weight[0]


class _Linear(torch.autograd.Function):
    """The operator is made for inference and has no gradient."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        return _onednn(inputs, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_outputs: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        wanted, rows = ctx.needs_input_grad, of_outputs.flatten(0, -2)
        return (
            _onednn(of_outputs, weight.t(), None) if wanted[0] else None,
            gradient_of_weight(rows, inputs.flatten(0, -2)) if wanted[1] else None,
            rows.sum(0) if wanted[2] else None,
        )
