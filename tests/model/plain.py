"""The model as the papers write it: one sentence, one step, one layer at a time."""

from typing import Any

import torch
from torch import Tensor, nn

State = list[tuple[Tensor, ...]]


def cell(layer: Any, x: Tensor, state: tuple[Tensor, ...], suffix: str = "") -> tuple[Tensor, ...]:
    """One step of one layer, for vectors; equations as in the documentation of torch.nn."""
    w_ih, w_hh, b_ih, b_hh = (
        getattr(layer, f"{name}_l0{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h = state[0]
    from_input, from_state = w_ih @ x + b_ih, w_hh @ h + b_hh
    if isinstance(layer, nn.RNN):
        return (torch.tanh(from_input + from_state),)
    if isinstance(layer, nn.LSTM):
        i, f, g, o = (from_input + from_state).chunk(4)
        c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c
    r_x, z_x, n_x = from_input.chunk(3)
    r_h, z_h, n_h = from_state.chunk(3)
    z = (z_x + z_h).sigmoid()
    n = torch.tanh(n_x + (r_x + r_h).sigmoid() * n_h)
    return ((1 - z) * n + z * h,)


def run(layer: Any, inputs: list[Tensor], suffix: str = "") -> tuple[list[Tensor], tuple[Tensor, ...]]:
    """One layer in one direction from a zero state: its outputs and its last state."""
    size = layer.weight_hh_l0.shape[1]
    state: tuple[Tensor, ...] = (inputs[0].new_zeros(size),) * (2 if isinstance(layer, nn.LSTM) else 1)
    outputs = []
    for x in inputs:
        state = cell(layer, x, state, suffix)
        outputs.append(state[0])
    return outputs, state


def encode(model: Any, source: list[int]) -> tuple[list[Tensor], State]:
    """The states that attention sees, and each layer's state with which the decoder begins."""
    inputs = [model.encoder.embedding.weight[token] for token in source]
    first: State = []
    for number, layer in enumerate(model.encoder.stack.layers):
        outputs, last = run(layer, inputs)
        if model.config.bidirectional:
            backward, backward_last = run(layer, inputs[::-1], "_reverse")
            outputs = [torch.cat(pair) for pair in zip(outputs, backward[::-1], strict=True)]
            bridges = (model.encoder.bridge, model.encoder.cell_bridge)
            last = tuple(
                torch.tanh(bridge[number].weight @ torch.cat(pair) + bridge[number].bias)
                for bridge, pair in zip(bridges, zip(last, backward_last, strict=True), strict=False)
            )
        inputs = outputs
        first.append(last)
    if model.encoder.projection is not None:
        inputs = [model.encoder.projection.weight @ state + model.encoder.projection.bias for state in inputs]
    return inputs, first


def attend(model: Any, h: Tensor, states: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The context found and the weights."""
    attention = model.decoder.attention
    assert attention is not None
    scores = []
    for s in states:
        match model.config.attention:
            case "dot":
                scores.append(h @ s / len(h) ** 0.5)
            case "general":
                scores.append(h @ (attention.key.weight @ s))
            case "additive":
                mixed = attention.query.weight @ h + attention.query.bias + attention.key.weight @ s
                scores.append(attention.energy.weight[0] @ torch.tanh(mixed))
    weights = torch.stack(scores).softmax(0)
    return weights @ torch.stack(states), weights


def step(
    model: Any, token: int, state: State, readout: Tensor, states: list[Tensor], context: Tensor
) -> tuple[Tensor, State, Tensor, Tensor | None]:
    """Scores of the vocabulary, the next state, the readout, and the attention weights."""
    decoder, every_step = model.decoder, model.config.context == "every_step"
    y = decoder.embedding.weight[token]
    x = torch.cat([y, *([context] if every_step else []), *([readout] if model.config.input_feeding else [])])
    following: State = []
    for layer, before in zip(decoder.stack.layers, state, strict=True):
        following.append(cell(layer, x, before))
        x = following[-1][0]
    seen, weights = [x, *([y, context] if every_step else [])], None
    if decoder.attention is not None:
        found, weights = attend(model, x, states)
        seen.append(found)
    r = torch.cat(seen)
    if decoder.readout is not None:
        r = torch.tanh(decoder.readout.weight @ r + decoder.readout.bias)
    return decoder.vocabulary_weight @ r + decoder.output_bias, following, r, weights
