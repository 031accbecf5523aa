"""A GRU layer over packed tokens for a CPU, whose gradient is written out by hand.

PyTorch's own takes packed sequences of unequal lengths a step at a time through some twenty operations of autograd, and
adds up the gradient of the recurrent weights step by step. Here the gates of all steps stand in one tensor each, and
the gradients of the weights are one product each, over all tokens.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.utils.rnn import PackedSequence

from seqlab.seq2seq.model.linear import gradient_of_weight, is_fast, linear
from seqlab.seq2seq.model.packing import Packing
from seqlab.seq2seq.model.tanh import tanh_

aten = torch.ops.aten

# Not more than the search's filler: its numbers must not depend on the size of the batch.
FEWEST_ROWS = 16
# Those of a recurrent layer, in PyTorch's order.
PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class GRU(nn.GRU):
    """nn.GRU of one layer, by hand where that is faster; called as that is, so that hooks see what they expect."""

    def forward(  # type: ignore[override]
        self, input: Tensor | PackedSequence, hx: Tensor | None = None
    ) -> tuple[Tensor | PackedSequence, Tensor]:
        """Run the layer.

        Args:
            input: (steps, batch, input_size), or packed, the longest sequence first.
            hx: (directions, batch, hidden_size); None: zero.

        Returns:
            Outputs (steps, batch, directions · hidden_size), or packed; and the last state, as hx.
        """
        if isinstance(input, PackedSequence):
            packing, inputs = Packing(tuple(input.batch_sizes.tolist())), input.data
        else:
            packing, inputs = Packing((input.shape[1],) * len(input)), input.flatten(0, 1)
        if not self.by_hand(packing) or (self.bidirectional and hx is not None):
            found: tuple[Tensor | PackedSequence, Tensor] = super().forward(input, hx)
            return found
        outputs, last = self._run(inputs, packing, None if hx is None else hx[0])
        if isinstance(input, PackedSequence):
            return input._replace(data=outputs), last
        return outputs.view(len(input), -1, outputs.shape[1]), last

    def by_hand(self, packing: Packing) -> bool:
        """Whether this layer is run by hand over tokens so packed.

        A GPU has kernels for the whole of a layer; on a CPU PyTorch's own is as fast where there is no gradient, or a
        single step, unless there are faster products than it knows, and rows enough to gain by them.
        """
        weight = self.get_parameter("weight_hh_l0")
        if weight.device.type != "cpu":
            return False
        if torch.is_grad_enabled() and packing.steps > 1:
            return True
        return packing.batch_sizes[0] >= FEWEST_ROWS and is_fast(weight)

    def _run(self, inputs: Tensor, packing: Packing, state: Tensor | None) -> tuple[Tensor, Tensor]:
        outputs, last = gru(self, inputs, packing, state)
        if not self.bidirectional:
            return outputs, last[None]
        from_the_end, first = gru(self, inputs, packing, state, backward=True)
        return torch.cat([outputs, from_the_end], 1), torch.stack([last, first])


def gru(
    layer: nn.GRU, inputs: Tensor, packing: Packing, state: Tensor | None, *, backward: bool = False
) -> tuple[Tensor, Tensor]:
    """All steps at once; see `Recurrence`.

    Args:
        layer: Of one layer.
        inputs: (tokens, input_size), packed.
        packing: How they are packed.
        state: (batch, hidden_size) before the first token; None: zero.
        backward: The layer's backward direction, which reads each sequence from its end.

    Returns:
        Outputs (tokens, hidden_size), and the state (batch, hidden_size) after each sequence's last token, or its
        first, if it is read from its end.
    """
    recurrence = Recurrence(layer, packing, state, backward=backward)
    inputs = inputs.to(recurrence.kind)
    recurrence.run(inputs, 0, packing.steps)
    return recurrence.differentiable(inputs)


class Recurrence:
    """One direction of a layer (Cho et al. 2014), a few steps at a time, in PyTorch's variant and with its parameters:

    r = σ(x_r + h_r), z = σ(x_z + h_z), n = tanh(x_n + r · h_n), h' = (1 − z) · n + z · h, where x_• is W_ih x + b_ih of
    the step's input, and h_• is W_hh h + b_hh of the state before it.

    Under autocast the matrix products are computed in its type, which is that of the outputs; the gates and the state
    that is carried on are not.

    Args:
        layer: Of one layer.
        packing: Of all steps.
        state: (batch, hidden_size) before the first token; None: zero.
        backward: The layer's backward direction, which reads each sequence from its end.
    """

    def __init__(self, layer: nn.GRU, packing: Packing, state: Tensor | None, *, backward: bool = False) -> None:
        suffix = "_reverse" if backward else ""
        self.parameters: list[Tensor] = [getattr(layer, f"{name}_l0{suffix}") for name in PARAMETERS]
        weight, device = self.parameters[0], self.parameters[0].device.type
        self.kind = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight.dtype
        self.packing, self.backward = packing, backward
        tokens, rows, size = packing.offsets[-1], packing.batch_sizes[0], layer.hidden_size
        self.first = weight.new_zeros(rows, size) if state is None else state.to(weight.dtype)
        self.state = self.first.detach().clone()
        self.gates, self.hidden_new = weight.new_empty(tokens, 3 * size), weight.new_empty(tokens, size)
        self.before = weight.new_empty(tokens, size, dtype=self.kind)
        self.outputs = torch.empty_like(self.before)
        self._cast = [parameter.detach().to(self.kind) for parameter in self.parameters]

    @torch.no_grad()
    def run(self, inputs: Tensor, start: int, stop: int) -> Tensor:
        """The outputs of the steps from start up to stop, without gradient.

        Args:
            inputs: (tokens, input_size), those of these steps.
            start: The step that the last call ended at.
            stop: Where to end.
        """
        size, (input_weight, weight, input_bias, bias) = self.state.shape[1], self._cast
        whole = self.packing.span(start, stop)
        with torch.autocast(inputs.device.type, enabled=False):
            projected = linear(inputs.to(self.kind), input_weight, input_bias)
            if len(projected) == len(self.gates):
                self.gates = projected.to(self.gates.dtype)
            else:
                self.gates[whole] = projected
            for step in _order(start, stop, self.backward):
                span, rows = self.packing.span(step, step + 1), slice(self.packing.batch_sizes[step])
                # A step changes the states of the rows that have a token.
                now = self.state[rows]
                self.before[span] = now
                hidden = linear(self.before[span], weight, bias)
                reset_update, new = self.gates[span, : 2 * size], self.gates[span, 2 * size :]
                reset_update.add_(hidden[:, : 2 * size]).sigmoid_()
                self.hidden_new[span] = hidden[:, 2 * size :]
                tanh_(new.addcmul_(reset_update[:, :size], self.hidden_new[span]))
                self.outputs[span] = torch.lerp(new, now, reset_update[:, size:], out=now)
        return self.outputs[whole]

    def differentiable(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """What all steps gave, with a gradient.

        Args:
            inputs: (tokens, input_size), those of all steps, of the values that `run` was given.

        Returns:
            Outputs (tokens, hidden_size), and the state (batch, hidden_size) in the end.
        """
        with torch.autocast(inputs.device.type, enabled=False):
            outputs, last = _Gradient.apply(  # type: ignore[no-untyped-call]
                inputs.to(self.kind), self.first, *self.parameters, self
            )
        return outputs, last


class _Gradient(torch.autograd.Function):
    """The gradient of a recurrence that has been run."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        _state: Tensor,
        input_weight: Tensor,
        weight: Tensor,
        _input_bias: Tensor,
        _bias: Tensor,
        run: Recurrence,
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(inputs, input_weight, weight, run.gates, run.hidden_new, run.before)
        ctx.packing, ctx.backward = run.packing, run.backward
        return run.outputs, run.state

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_outputs: Tensor, of_last: Tensor) -> tuple[Tensor | None, ...]:
        inputs, input_weight, weight, gates, hidden_new, before = ctx.saved_tensors
        packing, kind, size = ctx.packing, inputs.dtype, before.shape[1]
        reset, update, new = gates.chunk(3, 1)
        # What the gradient of a step's output becomes at each gate: all but that gradient is known for all steps.
        of_gates = torch.empty_like(gates)
        of_reset, of_update, of_hidden_new = of_gates.chunk(3, 1)
        of_new = aten.tanh_backward(1 - update, new)
        torch.mul(of_new, reset, out=of_hidden_new)
        aten.sigmoid_backward.grad_input(before - new, update, grad_input=of_update)
        aten.sigmoid_backward.grad_input(of_new * hidden_new, reset, grad_input=of_reset)
        cast_weight = weight.to(kind)
        products = of_gates if kind == of_gates.dtype else torch.empty_like(of_gates, dtype=kind)
        of_state = of_last.clone()
        for step in _order(0, packing.steps, not ctx.backward):
            span, rows = packing.span(step, step + 1), slice(packing.batch_sizes[step])
            now = of_state[rows].add_(of_outputs[span])
            of_gates[span].view(len(now), 3, size).mul_(now[:, None])
            of_new[span] *= now
            if products is not of_gates:
                products[span] = of_gates[span]
            now.mul_(update[span]).add_(linear(products[span], cast_weight.t()))
        of_bias, of_weight = of_gates.sum(0), gradient_of_weight(products, before)
        # The inputs' gates have the same gradients, but for n, which sees its input without r.
        products[:, 2 * size :] = of_new
        return (
            linear(products, input_weight.to(kind).t()),
            of_state,
            gradient_of_weight(products, inputs).to(weight.dtype),
            of_weight.to(weight.dtype),
            torch.cat([of_bias[: 2 * size], of_new.sum(0)]),
            of_bias,
            None,
        )


def _order(start: int, stop: int, backward: bool) -> range:
    return range(stop - 1, start - 1, -1) if backward else range(start, stop)
