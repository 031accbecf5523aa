"""Products through oneDNN beside PyTorch's own, and the gradients that were written for them."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.seq2seq.model import linear as module
from seqlab.seq2seq.model.gru import gru
from seqlab.seq2seq.model.linear import Linear, gradient_of_weight, is_fast, linear
from seqlab.seq2seq.model.packing import Packing
from tests.seq2seq.model.tiny import tiny_batch, tiny_model

needs_avx512 = pytest.mark.skipif(not module._AVAILABLE, reason="needs a CPU with AVX-512, and PyTorch with oneDNN")
IN, OUT = 512, 256


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products of any size go through oneDNN."""
    monkeypatch.setattr(module, "SMALLEST_WEIGHT", 1)
    monkeypatch.setattr(module, "SMALLEST_PRODUCT", 1)


def tensors(*shape: int) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs (*shape, IN), weight and bias, in float64, of values that float32 has."""
    generator = torch.Generator().manual_seed(1)
    inputs, weight, bias = (
        torch.randn(size, generator=generator).double().requires_grad_() for size in ((*shape, IN), (OUT, IN), (OUT,))
    )
    return inputs, weight, bias


@needs_avx512
def test_only_what_gains_goes_through_onednn() -> None:
    weight = torch.zeros(OUT, IN)
    assert is_fast(weight)
    assert not is_fast(weight[:100])
    assert not is_fast(weight.double())
    assert not is_fast(weight.to("meta"))
    with torch.autocast("cpu", torch.bfloat16):
        assert not is_fast(weight)


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("shape", [(1,), (7,), (3, 5), (0,)])
def test_products_and_gradients_are_those_of_float64(shape: tuple[int, ...]) -> None:
    exact = tensors(*shape)
    narrow = [tensor.detach().float().requires_grad_() for tensor in exact]
    of_outputs = torch.randn(*shape, OUT, generator=torch.Generator().manual_seed(2))
    expected, found = F.linear(*exact), linear(*narrow)
    torch.testing.assert_close(found, expected.float(), rtol=1e-5, atol=1e-4)
    expected_gradients = torch.autograd.grad(expected, exact, of_outputs.double())
    for each, other in zip(torch.autograd.grad(found, narrow, of_outputs), expected_gradients, strict=True):
        torch.testing.assert_close(each, other.float(), rtol=1e-5, atol=1e-4)


def test_a_layer_without_bias_or_gradient_of_its_inputs() -> None:
    inputs, weight, _ = (tensor.detach().float() for tensor in tensors(6))
    layer = Linear(IN, OUT, bias=False)
    layer.weight = torch.nn.Parameter(weight)
    layer(inputs).sum().backward()
    assert layer.weight.grad is not None
    torch.testing.assert_close(layer.weight.grad, inputs.sum(0).expand(OUT, -1), rtol=1e-5, atol=1e-4)


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_gradient_of_a_weight(dtype: torch.dtype) -> None:
    inputs, weight, _ = tensors(300)
    of_outputs = inputs.detach() @ weight.detach().t()
    found = gradient_of_weight(of_outputs.to(dtype), inputs.detach().to(dtype))
    torch.testing.assert_close(found.double(), of_outputs.t() @ inputs.detach(), rtol=1e-4, atol=1e-2)


@needs_avx512
def test_rows_are_the_same_bits_in_any_batch() -> None:
    inputs, weight, bias = (tensor.detach().float() for tensor in tensors(1300))
    whole = linear(inputs, weight, bias)
    for rows in (2, 3, 16, 17, 31, 64, 100, 255, 1000):
        assert torch.equal(linear(inputs[:rows], weight, bias), whole[:rows])
        assert torch.equal(linear(inputs[-rows:], weight, bias), whole[-rows:])


@pytest.mark.parametrize("rows", [0, 1, 2, 17, 300])
def test_bfloat16_with_a_bias_has_the_bits_of_pytorch(rows: int) -> None:
    inputs, weight, bias = (tensor.detach().bfloat16() for tensor in tensors(rows))
    assert torch.equal(linear(inputs, weight, bias), F.linear(inputs, weight, bias))


@needs_avx512
@pytest.mark.usefixtures("everything")
def test_a_gru_layer_through_onednn_is_pytorchs() -> None:
    generator = torch.Generator().manual_seed(3)
    layer = torch.nn.GRU(IN, IN)
    packing = Packing((5, 4, 4, 1))
    inputs = torch.randn(14, IN, generator=generator, requires_grad=True)
    outputs, last = gru(layer, inputs, packing, None)
    packed, expected_last = layer(torch.nn.utils.rnn.PackedSequence(inputs, packing.sizes))
    torch.testing.assert_close(outputs, packed.data, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(last, expected_last[0], rtol=1e-5, atol=1e-5)
    wanted = [inputs, *layer.parameters()]
    for each, other in zip(
        torch.autograd.grad(outputs.square().sum(), wanted),
        torch.autograd.grad(packed.data.square().sum(), wanted),
        strict=True,
    ):
        torch.testing.assert_close(each, other, rtol=1e-4, atol=1e-4)


@needs_avx512
@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_whole_model_with_and_without_onednn(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model(cell=cell, bidirectional=True, attention="general", context="every_step").float()
    source, lengths = tiny_batch([5, 3, 2], 9)

    def scores() -> Tensor:
        memory = model.encode(source, lengths)
        state = model.initial_state(memory)
        for _ in range(3):
            found, state, _ = model.step(torch.full((3,), 1), state, memory)
        return found

    fast = scores()
    fast_gradients = torch.autograd.grad(fast.logsumexp(1).sum(), list(model.parameters()), allow_unused=True)
    monkeypatch.setattr(module, "_AVAILABLE", False)
    plain = scores()
    gradients = torch.autograd.grad(plain.logsumexp(1).sum(), list(model.parameters()), allow_unused=True)
    torch.testing.assert_close(fast, plain, rtol=1e-5, atol=1e-5)
    for each, other in zip(fast_gradients, gradients, strict=True):
        torch.testing.assert_close(each, other, rtol=1e-4, atol=1e-5)
