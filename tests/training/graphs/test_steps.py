"""Optimizer steps of the cuda engine, where a stand-in captures them as a graph would."""

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim import Adam

from seqlab.seq2seq.engines.cuda.loss import gradients
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.training.graphs.inputs import Inputs, Shape
from seqlab.training.graphs.step import OptimizerStep, Settings
from seqlab.training.graphs.steps import Steps
from seqlab.training.teacher_forcing import toss
from tests.seq2seq.model.tiny import tiny_batch, tiny_model
from tests.training.graphs.stand_in import RefusedError, StandIn

CPU = torch.device("cpu")
KINDS: list[dict[str, Any]] = [
    {"cell": "gru", "attention": "dot", "bidirectional": True, "tie_output": True},
    {"cell": "lstm", "attention": "additive", "layers": 2, "context": "every_step", "bidirectional": True},
    {"cell": "rnn", "attention": "general", "input_feeding": True},
]
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["cell"])


def drawn(number: int) -> tuple[Tensor, ...]:
    """Source, its lengths, target, its lengths, coins: of lengths that all fit one shape."""
    draw = torch.Generator().manual_seed(number)
    lengths = [torch.randint(1, 5, (3,), generator=draw) for _ in range(2)]
    sides = [tiny_batch(each.tolist(), size, number) for each, size in zip(lengths, (9, 11), strict=True)]
    coins = toss("token", 0.5, 3, sides[1][0].shape[1], draw)
    coins[:, -1] = number == 0  # at least one step is free, so that the shape is the same; of the first batch none
    return (*sides[0], *sides[1], coins | (number == 0))


def filled(number: int, rows: int, shape: Shape | None = None) -> Inputs:
    batch = drawn(number)
    inputs = Inputs.room(shape or Shape.of(batch[0], batch[2], batch[4], rows), CPU)
    inputs.fill(*batch, key=2 * number + 1, learning_rate=0.1 / (number + 1), average_weight=0.3 / (number + 1))
    return inputs


def differentiated(model: Seq2Seq, inputs: Inputs) -> tuple[Tensor, dict[str, Tensor | None]]:
    model.zero_grad()
    choosing = inputs.shape.choosing
    loss, _ = gradients(model, inputs.batch, inputs.key, precision="float32", label_smoothing=0.1, choosing=choosing)
    return loss, {name: parameter.grad for name, parameter in model.named_parameters()}


@kinds
def test_a_larger_shape_changes_nothing(kind: dict[str, Any]) -> None:
    model = tiny_model(**kind, dropout=0.4)
    loss, expected = differentiated(model, filled(1, 3, Shape(3, 4, 4, True)))
    wide, found = differentiated(model, filled(1, 3, Shape(5, 8, 12, True)))
    torch.testing.assert_close(wide, loss, rtol=1e-12, atol=0)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-9, atol=1e-12, msg=name)


def make(
    kind: dict[str, Any], capture: Callable[..., Any] | None
) -> tuple[Seq2Seq, Seq2Seq, Callable[[int], list[float]]]:
    """A model, its average, and what makes a step on a batch and gives its figures."""
    model = tiny_model(**kind, dropout=0.3).float()
    average = copy.deepcopy(model)
    optimizer = Adam(model.parameters(), fused=True)
    step = OptimizerStep(model, optimizer, list(average.parameters()), Settings(1.0, 0.1, "float32"), gradients)
    steps = Steps(step, CPU, capture)

    def run(number: int) -> list[float]:
        inputs = filled(number, 4)
        return steps.begin(inputs.shape, lambda there: there.numbers.copy_(inputs.numbers))()  # type: ignore[arg-type]

    return model, average, run


@kinds
def test_a_captured_step_finds_its_batch_its_masks_and_its_rates_on_the_device(kind: dict[str, Any]) -> None:
    graphs = StandIn()
    captured, plain = make(kind, graphs), make(kind, None)
    # The first batch, of which no step is free, is of a shape of its own.
    for number in (0, 1, 2, 3, 0, 4, 0):
        assert captured[2](number) == plain[2](number)
    assert (graphs.captured, graphs.replayed) == (2, 5)
    for one, other in zip(captured[:2], plain[:2], strict=True):
        for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
            assert torch.equal(mine, theirs)


def test_a_step_that_is_not_finite_changes_nothing_and_no_step_after_it_does() -> None:
    model, average, run = make(KINDS[0], StandIn())
    run(1)
    bias = model.decoder.output_bias.detach()
    kept = bias[3].item()
    bias[3] = 3e38  # a finite number, and a loss that is none
    before = [parameter.clone() for each in (model, average) for parameter in each.parameters()]
    assert not all(map(math.isfinite, run(2)))
    assert all(map(torch.equal, before, [*model.parameters(), *average.parameters()]))
    bias[3] = kept
    assert all(map(math.isfinite, run(3)))
    bias[3] = 3e38
    assert all(map(torch.equal, before, [*model.parameters(), *average.parameters()]))


def test_what_cannot_be_captured_runs_as_it_is_and_the_log_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(work: object) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    refused, plain = make(KINDS[0], refuse), make(KINDS[0], None)
    for number in (1, 2, 0, 0, 3):
        assert refused[2](number) == plain[2](number)
    assert [record.message for record in caplog.records] == [
        "steps are not captured as CUDA graphs, and are slower for it: operation not permitted when stream is capturing"
    ]


def ask(values: Tensor, turn: int) -> None:
    assert values.sum().item() < 100


def take_a_number_along(values: Tensor, turn: int) -> None:
    values.mul_(0.5 + turn)


def change_shape(values: Tensor, turn: int) -> None:
    values[: 1 + turn].sum()


def count_a_mask(values: Tensor, turn: int) -> None:
    values[values > 0].sum()


def do_more(values: Tensor, turn: int) -> None:
    for _ in range(1 + turn):
        values.add_(1)


@pytest.mark.parametrize("wrong", [ask, take_a_number_along, change_shape, count_a_mask, do_more])
def test_the_stand_in_refuses_what_a_graph_would(wrong: Callable[[Tensor, int], None]) -> None:
    values, turns = torch.ones(3), iter(range(2))
    replay = StandIn()(lambda: wrong(values, next(turns)))
    with pytest.raises(RefusedError):
        replay(), replay()
