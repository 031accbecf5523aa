"""A GRU layer over packed tokens, whose gradient is written out by hand, for training on a CPU.

PyTorch's own takes packed sequences of unequal lengths a step at a time through some twenty operations of autograd, and
adds up the gradient of the recurrent weights step by step. Here the gates of all steps stand in one tensor each, and
the gradients of the weights are one product each, over all tokens.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from seqlab.model.packing import Packing


def gru(
    layer: nn.GRU, inputs: Tensor, packing: Packing, state: Tensor | None, *, backward: bool = False
) -> tuple[Tensor, Tensor]:
    """One direction of a layer (Cho et al. 2014), in PyTorch's variant and with its parameters:

    r = σ(x_r + h_r), z = σ(x_z + h_z), n = tanh(x_n + r · h_n), h' = (1 − z) · n + z · h, where x_• is W_ih x + b_ih of
    the step's input, and h_• is W_hh h + b_hh of the state before it.

    Under autocast the matrix products are computed in its type; the gates and the state that is carried on are not.

    Args:
        layer: Of one layer.
        inputs: (tokens, input_size), packed.
        packing: How they are packed.
        state: (batch, hidden_size) before the first token; None: zero.
        backward: The layer's backward direction, which reads each sequence from its end.

    Returns:
        Outputs (tokens, hidden_size), in the type of the products, and the state (batch, hidden_size) after each
        sequence's last token, or its first, if it is read from its end.
    """
    suffix = "_reverse" if backward else ""
    weights = [getattr(layer, f"{name}_l0{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    if state is None:
        state = weights[0].new_zeros(packing.batch_sizes[0], layer.hidden_size)
    device = inputs.device.type
    product_type = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weights[0].dtype
    with torch.autocast(device, enabled=False):
        outputs, last = _Layer.apply(  # type: ignore[no-untyped-call]
            inputs.to(product_type), state.to(weights[0].dtype), *weights, packing, backward
        )
    return outputs, last


class _Layer(torch.autograd.Function):
    """The recurrence. A tensor of the batch's states is carried along: a step changes the rows that have a token."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        state: Tensor,
        input_weight: Tensor,
        weight: Tensor,
        input_bias: Tensor,
        bias: Tensor,
        packing: Packing,
        backward: bool,
    ) -> tuple[Tensor, Tensor]:
        kind, tokens, size = inputs.dtype, len(inputs), state.shape[1]
        gates = torch.addmm(input_bias.to(kind), inputs, input_weight.to(kind).t()).to(state.dtype)
        hidden_new, before, outputs = state.new_empty(tokens, size), *inputs.new_empty(2, tokens, size)
        cast_weight, cast_bias = weight.to(kind).t(), bias.to(kind)
        room = inputs.new_empty(len(state), 3 * size)
        state = state.clone()
        for step in _order(packing, backward):
            span, rows = packing.span(step, step + 1), slice(packing.batch_sizes[step])
            now = state[rows]
            before[span] = now
            hidden = torch.addmm(cast_bias, before[span], cast_weight, out=room[rows])
            reset_update, new = gates[span, : 2 * size], gates[span, 2 * size :]
            reset_update.add_(hidden[:, : 2 * size]).sigmoid_()
            hidden_new[span] = hidden[:, 2 * size :]
            new.addcmul_(reset_update[:, :size], hidden_new[span]).tanh_()
            outputs[span] = torch.lerp(new, now, reset_update[:, size:], out=now)
        ctx.save_for_backward(inputs, input_weight, weight, gates, hidden_new, before)
        ctx.packing, ctx.backward = packing, backward
        return outputs, state

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_outputs: Tensor, of_last: Tensor) -> tuple[Tensor | None, ...]:
        inputs, input_weight, weight, gates, hidden_new, before = ctx.saved_tensors
        packing, kind, size = ctx.packing, inputs.dtype, before.shape[1]
        reset, update, new = gates.chunk(3, 1)
        # What the gradient of a step's output becomes at each gate: all but that gradient is known for all steps.
        of_new = (1 - new * new).mul_(1 - update)
        of_gates = torch.empty_like(gates)
        of_reset, of_update, of_hidden_new = of_gates.chunk(3, 1)
        torch.mul(of_new, reset, out=of_hidden_new)
        torch.mul(before - new, update * (1 - update), out=of_update)
        torch.mul(of_hidden_new * (1 - reset), hidden_new, out=of_reset)
        cast_weight, products = weight.to(kind), of_gates.to(kind)
        of_state = of_last.clone()
        for step in _order(packing, not ctx.backward):
            span, rows = packing.span(step, step + 1), slice(packing.batch_sizes[step])
            now = of_state[rows].add_(of_outputs[span])
            of_gates[span].view(len(now), 3, size).mul_(now[:, None])
            of_new[span] *= now
            products[span] = of_gates[span]
            now.mul_(update[span]).add_(products[span] @ cast_weight)
        of_bias, of_weight = of_gates.sum(0), products.t() @ before
        # The inputs' gates have the same gradients, but for n, which sees its input without r.
        of_hidden_new.copy_(of_new)
        products = of_gates.to(kind)
        return (
            products @ input_weight.to(kind),
            of_state,
            (products.t() @ inputs).to(weight.dtype),
            of_weight.to(weight.dtype),
            of_gates.sum(0),
            of_bias,
            None,
            None,
        )


def _order(packing: Packing, backward: bool) -> range:
    return range(packing.steps - 1, -1, -1) if backward else range(packing.steps)
