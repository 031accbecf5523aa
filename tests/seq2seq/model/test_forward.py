"""`model(source, lengths, target)`: the scores of the step-by-step loop, and what PyTorch's tools make of it."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.flop import training_flop
from seqlab.core.special_tokens import SOS
from seqlab.seq2seq.engines.choice import PLAIN
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from tests.seq2seq.model.tiny import TINY, tiny_batch, tiny_model

SOURCE, SOURCE_LENGTHS = tiny_batch([3, 5, 1, 4, 2], 9)
TARGET, TARGET_LENGTHS = tiny_batch([6, 4, 4, 2, 1], 11, seed=1)
ATTENTIONS = (("none", False), *product(("dot", "general", "additive"), (False, True)))
# Wide enough for oneDNN's products.
WIDE = replace(TINY, hidden_size=256, embedding_size=256, target_vocab_size=600, attention="general", layers=2)


@pytest.mark.parametrize("context", ["initial", "every_step"])
@pytest.mark.parametrize(("attention", "input_feeding"), ATTENTIONS)
@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_scores_are_those_of_one_step_at_a_time(cell: str, attention: str, input_feeding: bool, context: str) -> None:
    model = tiny_model(
        cell=cell, attention=attention, input_feeding=input_feeding, context=context, bidirectional=True, layers=2
    )
    found = model(SOURCE, SOURCE_LENGTHS, TARGET)
    memory = model.encode(SOURCE, SOURCE_LENGTHS)
    state, token = model.initial_state(memory), torch.full((5,), SOS)
    for step in range(TARGET.shape[1]):
        scores, state, _ = model.step(token, state, memory)
        torch.testing.assert_close(found[:, step], scores, rtol=1e-10, atol=1e-12)
        token = TARGET[:, step]


def test_the_loss_of_its_scores_is_that_of_teacher_forcing() -> None:
    model, truth = tiny_model(attention="dot"), torch.ones_like(TARGET, dtype=torch.bool)
    expected = PLAIN.loss(model, SOURCE, SOURCE_LENGTHS, TARGET, TARGET_LENGTHS, truth).loss
    loss = F.cross_entropy(model(SOURCE, SOURCE_LENGTHS, TARGET).transpose(1, 2), TARGET, ignore_index=0)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize(
    "model",
    [
        tiny_model(bidirectional=True, attention="additive", input_feeding=True),
        tiny_model(cell="lstm", context="every_step", tie_output=True),
        Seq2Seq(WIDE, torch.Generator().manual_seed(1)),
    ],
    ids=["gru", "lstm", "float32"],
)
def test_compiles(model: Seq2Seq, backend: str) -> None:
    torch._dynamo.reset()
    compiled = torch.compile(model, backend=backend)
    found = []
    for each in (model, compiled):
        model.zero_grad()
        scores: Tensor = each(SOURCE, SOURCE_LENGTHS, TARGET)
        scores.square().sum().backward()  # type: ignore[no-untyped-call]
        found.append((scores.detach(), [parameter.grad for parameter in model.parameters()]))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_hooks_see_every_module(cell: str) -> None:
    model = tiny_model(cell=cell, bidirectional=True, attention="additive", context="every_step", layers=2)
    seen: list[str] = []
    for name, module in model.named_modules():
        module.register_forward_hook(lambda *_, name=name: seen.append(name))
    model(SOURCE, SOURCE_LENGTHS, TARGET)
    lists = {name for name, module in model.named_modules() if isinstance(module, nn.ModuleList)}
    assert set(seen) == {name for name, _ in model.named_modules()} - lists


def test_a_hook_sees_a_gru_as_pytorch_has_it() -> None:
    model = tiny_model(bidirectional=True)
    seen: list[tuple[Tensor, Tensor]] = []
    (layer,) = model.encoder.stack.layers
    layer.register_forward_hook(lambda gru, args, out: seen.append((out[0].data, nn.GRU.forward(gru, *args)[0].data)))
    model(SOURCE, SOURCE_LENGTHS, TARGET)
    model(SOURCE[:1], SOURCE_LENGTHS[:1], TARGET[:1])
    assert [len(outputs) for outputs, _ in seen] == [15, 3]
    for outputs, expected in seen:
        torch.testing.assert_close(outputs, expected)


def products(model: Seq2Seq) -> Iterator[int]:
    """What PyTorch counts of a forward pass over equal lengths, and with the backward pass."""
    source, target = SOURCE[1:2].expand(4, -1), TARGET[:1].expand(4, -1)
    for backward in (False, True):
        with FlopCounterMode(display=False) as counter:
            scores = model(source, torch.full((4,), 5), target)
            if backward:
                scores.sum().backward()
        yield counter.get_total_flops()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_floating_point_operations_are_counted_whoever_multiplies(dtype: torch.dtype) -> None:
    forward, both = products(Seq2Seq(WIDE, torch.Generator().manual_seed(1)).to(dtype))
    expected = training_flop(WIDE, torch.full((4,), 5), torch.full((4,), 6))
    assert (forward, both) == (expected // 3, expected)
