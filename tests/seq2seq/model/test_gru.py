"""The GRU layer for training beside PyTorch's own."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from seqlab.seq2seq.model.gru import GRU, gru
from seqlab.seq2seq.model.packing import Packing
from seqlab.seq2seq.model.recurrent import RecurrentStack, RecurrentState

LENGTHS = {"unequal": [7, 5, 5, 2, 1], "equal": [4, 4, 4], "one step": [1, 1, 1], "one sequence": [6]}
SIZE, INPUT = 5, 3


def packing_of(lengths: list[int]) -> Packing:
    return Packing.of_lengths(torch.tensor(lengths))


def weighted_sum(outputs: Tensor, last: Tensor) -> Tensor:
    draw = torch.Generator().manual_seed(2)
    return sum(
        (tensor * torch.randn(tensor.shape, generator=draw, dtype=tensor.dtype)).sum() for tensor in (outputs, last)
    )  # type: ignore[return-value]


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("with_state", [False, True], ids=["zero", "state"])
def test_outputs_and_gradients_are_those_of_pytorchs_layer(lengths: list[int], with_state: bool) -> None:
    torch.manual_seed(1)
    layer = nn.GRU(INPUT, SIZE, bidirectional=True, dtype=torch.float64)
    packing = packing_of(lengths)
    inputs = torch.randn(packing.offsets[-1], INPUT, dtype=torch.float64, requires_grad=True)
    state = torch.randn(2, len(lengths), SIZE, dtype=torch.float64, requires_grad=True) if with_state else None
    packed, expected_last = layer(PackedSequence(inputs, packing.sizes), state)
    each = [gru(layer, inputs, packing, None if state is None else state[way], backward=bool(way)) for way in (0, 1)]
    outputs, last = torch.cat([pair[0] for pair in each], 1), torch.stack([pair[1] for pair in each])
    torch.testing.assert_close((outputs, last), (packed.data, expected_last))

    differentiable = [inputs, *layer.parameters(), *([] if state is None else [state])]
    found = torch.autograd.grad(weighted_sum(outputs, last), differentiable)
    expected = torch.autograd.grad(weighted_sum(packed.data, expected_last), differentiable)
    torch.testing.assert_close(found, expected)


def test_only_the_state_counts_where_no_output_is_used() -> None:
    torch.manual_seed(1)
    layer, packing = nn.GRU(INPUT, SIZE, dtype=torch.float64), packing_of([3, 2])
    inputs = torch.randn(5, INPUT, dtype=torch.float64, requires_grad=True)
    found = torch.autograd.grad(gru(layer, inputs, packing, None)[1].sum(), [inputs, *layer.parameters()])
    _, expected_last = layer(PackedSequence(inputs, packing.sizes))
    torch.testing.assert_close(found, torch.autograd.grad(expected_last.sum(), [inputs, *layer.parameters()]))


def test_bfloat16_rounds_the_products_and_not_the_state() -> None:
    torch.manual_seed(1)
    layer, packing = nn.GRU(64, 64), packing_of([20, 19, 3])
    inputs = torch.randn(packing.offsets[-1], 64, requires_grad=True)
    outputs, last = gru(layer, inputs, packing, None)
    with torch.autocast("cpu", torch.bfloat16):
        rounded, rounded_last = gru(layer, inputs, packing, None)
        library, _ = layer(PackedSequence(inputs, packing.sizes))
    assert (rounded.dtype, rounded_last.dtype) == (torch.bfloat16, torch.float32)
    error, of_library = ((tensor.float() - outputs).pow(2).mean() for tensor in (rounded, library.data))
    assert 0 < error < of_library
    differentiable = [inputs, *layer.parameters()]
    found = torch.autograd.grad(weighted_sum(rounded.float(), rounded_last), differentiable)
    for gradient, expected in zip(found, torch.autograd.grad(weighted_sum(outputs, last), differentiable), strict=True):
        assert gradient.dtype == torch.float32
        assert (gradient - expected).norm() < 0.02 * expected.norm()


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_stack_is_the_same_with_and_without_gradients(bidirectional: bool) -> None:
    torch.manual_seed(1)
    stack = RecurrentStack("gru", INPUT, SIZE, 2, bidirectional).double()
    packing = packing_of([5, 4, 1])
    inputs = torch.randn(packing.offsets[-1], INPUT, dtype=torch.float64)
    state = None if bidirectional else RecurrentState(torch.randn(2, 3, SIZE, dtype=torch.float64))
    outputs, last = stack(inputs, packing, state, ())
    assert type(outputs.grad_fn).__name__ in {"_GradientBackward", "CatBackward0"}
    with torch.no_grad():
        expected, expected_last = stack(inputs, packing, state, ())
    torch.testing.assert_close((outputs.detach(), last.hidden.detach()), (expected, expected_last.hidden))


def test_a_layer_is_run_by_hand_where_there_is_a_gradient_of_several_steps() -> None:
    layer, packing = GRU(INPUT, SIZE), packing_of([5, 4, 1])
    assert layer.by_hand(packing)
    assert not layer.by_hand(packing_of([1, 1]))
    assert not layer.to("meta").by_hand(packing)
    with torch.no_grad():
        assert not layer.by_hand(packing)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("with_state", [False, True])
def test_the_layer_is_pytorchs_in_either_direction(bidirectional: bool, with_state: bool) -> None:
    torch.manual_seed(1)
    layer = GRU(INPUT, SIZE, bidirectional=bidirectional).double()
    inputs = torch.randn(4, 2, INPUT, dtype=torch.float64, requires_grad=True)
    state = torch.randn(1 + bidirectional, 2, SIZE, dtype=torch.float64) if with_state else None
    torch.testing.assert_close(layer(inputs, state), nn.GRU.forward(layer, inputs, state))
