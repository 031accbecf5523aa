"""Whole recurrent layers over padded sequences, each one call of PyTorch's own, which cuDNN has kernels for."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from seqlab.seq2seq.model.dropout import drop
from seqlab.seq2seq.model.gru import PARAMETERS
from seqlab.seq2seq.model.recurrent import RecurrentStack, RecurrentState

# σ of it is 1, and of its negative 0, in every type.
_SATURATED = 1e4
# Columns by which an input is widened: products of odd widths are slow.
_WIDENED = 8


def run(
    layer: nn.RNNBase, inputs: Tensor, state: tuple[Tensor, ...] | None, real: Tensor | None, *, reverse: bool = False
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """A layer over all steps, in one direction.

    Args:
        layer: Of one layer.
        inputs: (steps, batch, input_size).
        state: Before the first step, (batch, hidden_size): hidden, and of an LSTM cell; None: zero.
        real: (steps, batch), False at padding, which stands after a row's end; None where the last state is not wanted.
        reverse: With the parameters of the backward direction.

    Returns:
        outputs (steps, batch, hidden_size), and the state after each row's own last step; after the last of all,
        without `real`.
    """
    kind = product_type(inputs)
    weights = parameters(layer, reverse=reverse)
    if state is None:
        zeros = inputs.new_zeros(inputs.shape[1], layer.hidden_size)
        state = (zeros, zeros) if isinstance(layer, nn.LSTM) else (zeros,)
    if isinstance(layer, nn.LSTM) and real is not None:
        inputs, weights[0] = _held(inputs, weights[0], real)
    # cuDNN wants them side by side, as those of a layer in one direction are.
    if layer.bidirectional or isinstance(layer, nn.LSTM) or kind != weights[0].dtype:
        weights = side_by_side(weights, kind)
    # Of its own accord autocast would choose float16 for cuDNN.
    with torch.autocast(inputs.device.type, enabled=False):
        outputs, *last = _call(layer, inputs.to(kind), [each[None].to(kind) for each in state], weights)
    ended = (last[0][0] if real is None else at_end(outputs, real), *(cell[0] for cell in last[1:]))
    return outputs, ended


def product_type(values: Tensor) -> torch.dtype:
    """The type of matrix products with these: that of autocast, where it is enabled."""
    device = values.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else values.dtype


def side_by_side(weights: list[Tensor], kind: torch.dtype) -> list[Tensor]:
    """Copies of this type in one piece of memory."""
    whole = torch.cat([each.flatten() for each in weights]).to(kind)
    parts = torch.split(whole, [each.numel() for each in weights])
    return [part.view(each.shape) for part, each in zip(parts, weights, strict=True)]


def layers_of(stack: RecurrentStack) -> list[nn.RNNBase]:
    """The layers of a stack, each of one layer."""
    return [cast(nn.RNNBase, layer) for layer in stack.layers]


def parameters(layer: nn.RNNBase, *, reverse: bool = False) -> list[Tensor]:
    """Weights and biases of a layer of one layer, in PyTorch's order."""
    return [layer.get_parameter(f"{name}_l0{'_reverse' * reverse}") for name in PARAMETERS]


def at_end(outputs: Tensor, real: Tensor) -> Tensor:
    """What stands at each row's own last step, (batch, size); a sum with one summand, for gathering adds atomically."""
    last = real & ~torch.cat([real[1:], torch.zeros_like(real[:1])])
    return (outputs * last[:, :, None]).sum(0)


def reversal(real: Tensor) -> Tensor:
    """(steps, batch): for each place of the flattened steps which one it comes from when each row is read backwards.

    Padding stays where it is; so what is reversed twice is as it was.
    """
    steps, rows = real.shape
    place = torch.arange(steps, device=real.device)[:, None]
    source = torch.where(real, real.sum(0) - 1 - place, place)
    return source * rows + torch.arange(rows, device=real.device)


def reversed_rows(values: Tensor, order: Tensor) -> Tensor:
    """Each row's steps in the order that `reversal` gives, (steps, batch, size)."""
    found: Tensor = _Reversed.apply(values, order.flatten())  # type: ignore[no-untyped-call]
    return found


class _Reversed(torch.autograd.Function):
    """Its own gradient, being its own inverse; that of an index would add atomically."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, order: Tensor) -> Tensor:
        ctx.save_for_backward(order)
        return values.flatten(0, 1).index_select(0, order).view_as(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (order,) = ctx.saved_tensors
        return gradient.flatten(0, 1).index_select(0, order).view_as(gradient), None


def _held(inputs: Tensor, weight: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs and weight of an LSTM whose cell stays as it is at padding, since cuDNN tells only the last one.

    One more input, 1 at padding, opens the forget gate all the way and shuts the input gate: c' = 1 · c + 0 · g.
    """
    padding = (~real)[:, :, None].to(inputs.dtype)
    size = weight.shape[0] // 4
    # Made where it is needed: a copy from the host would be one at every step.
    gate = torch.arange(4, device=weight.device)
    gates = torch.where(gate < 2, (2 * gate - 1) * _SATURATED, 0.0).to(weight.dtype)
    column = gates[:, None].expand(4, size).reshape(-1, 1)
    return (
        torch.cat([inputs, padding, padding.new_zeros(*padding.shape[:2], _WIDENED - 1)], -1),
        torch.cat([weight, column, column.new_zeros(len(column), _WIDENED - 1)], 1),
    )


def _call(layer: nn.RNNBase, inputs: Tensor, state: list[Tensor], weights: list[Tensor]) -> tuple[Tensor, ...]:
    rest = (weights, True, 1, 0.0, torch.is_grad_enabled(), False, False)
    if isinstance(layer, nn.LSTM):
        found: tuple[Tensor, ...] = torch._VF.lstm(inputs, state, *rest)
    elif isinstance(layer, nn.GRU):
        found = torch._VF.gru(inputs, state[0], *rest)
    else:
        found = torch._VF.rnn_tanh(inputs, state[0], *rest)
    return found


def _cell(layer: nn.RNNBase, weights: list[Tensor], inputs: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """One step of a layer: its state after it.

    Args:
        layer: Of one layer.
        weights: Its own, of the type of the inputs.
        inputs: (batch, input_size).
        state: (batch, hidden_size): hidden, and of an LSTM cell.
    """
    if isinstance(layer, nn.LSTM):
        after: tuple[Tensor, ...] = torch._VF.lstm_cell(inputs, state, *weights)
        return after
    step = torch._VF.gru_cell if isinstance(layer, nn.GRU) else torch._VF.rnn_tanh_cell
    return (step(inputs, state[0], *weights),)


def advance(
    layers: Sequence[tuple[nn.RNNBase, list[Tensor]]],
    inputs: Tensor,
    state: Sequence[tuple[Tensor, ...]],
    between: Sequence[Tensor | None] = (),
) -> list[tuple[Tensor, ...]]:
    """One step of all layers, one above the other: the state of each after it.

    Args:
        layers: Each of one layer, with its own weights, of the type of the inputs.
        inputs: (batch, input_size), of the first.
        state: Of each layer, (batch, hidden_size): hidden, and of an LSTM cell.
        between: Masks of the outputs of each but the last, (batch, hidden_size); empty: no dropout.
    """
    after: list[tuple[Tensor, ...]] = []
    for number, (layer, weights) in enumerate(layers):
        if number and between:
            inputs = drop(inputs, between[number - 1])
        after.append(_cell(layer, weights, inputs, state[number]))
        inputs = after[-1][0]
    return after


def layer_state(state: RecurrentState, number: int) -> tuple[Tensor, ...]:
    """That of one layer: hidden, and of an LSTM cell."""
    hidden = state.hidden[number]
    return (hidden,) if state.cell is None else (hidden, state.cell[number])
