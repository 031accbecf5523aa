"""Optimizers against plainly written updates; the gradients' norm; their state there and back."""

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from seqlab.training.optimizer import (
    gradient_norm,
    make_optimizer,
    optimizer_tensors,
    restore_optimizer,
    set_learning_rate,
)
from tests.training.conftest import make_params


def make_model(dtype: torch.dtype = torch.float64) -> nn.Module:
    model = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2)).to(dtype)
    for number, parameter in enumerate(model.parameters()):
        nn.init.normal_(parameter, generator=torch.Generator().manual_seed(number))
    return model


def gradients(model: nn.Module, step: int) -> Iterator[Tensor]:
    draw = torch.Generator().manual_seed(100 + step)
    for parameter in model.parameters():
        yield torch.randn(parameter.shape, generator=draw, dtype=torch.float64).to(parameter.dtype)


def reference(kind: str, weight: Tensor, grads: list[Tensor], rate: float, decay: float) -> Tensor:
    """Kingma and Ba 2015, algorithm 1; Loshchilov and Hutter 2019, algorithm 2; or plain descent."""
    first, second = torch.zeros_like(weight), torch.zeros_like(weight)
    for step, grad in enumerate(grads, start=1):
        if kind == "adamw":
            weight = weight - rate * decay * weight
        else:
            grad = grad + decay * weight  # noqa: PLW2901
        if kind == "sgd":
            weight = weight - rate * grad
            continue
        first = 0.9 * first + 0.1 * grad
        second = 0.999 * second + 0.001 * grad**2
        weight = weight - rate * (first / (1 - 0.9**step)) / ((second / (1 - 0.999**step)).sqrt() + 1e-8)
    return weight


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd"])
def test_updates(kind: str) -> None:
    model = make_model()
    start = [parameter.detach().clone() for parameter in model.parameters()]
    optimizer = make_optimizer(model.parameters(), make_params(train={"optimizer": kind, "weight_decay": 0.1}).train)
    steps = [list(gradients(model, step)) for step in range(4)]
    for grads in steps:
        for parameter, grad in zip(model.parameters(), grads, strict=True):
            parameter.grad = grad.clone()
        set_learning_rate(optimizer, 0.05)
        optimizer.step()
    for number, parameter in enumerate(model.parameters()):
        expected = reference(kind, start[number], [grads[number] for grads in steps], 0.05, 0.1)
        torch.testing.assert_close(parameter.detach(), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd"])
def test_state_there_and_back(kind: str) -> None:
    params = make_params(train={"optimizer": kind}).train
    model = make_model(torch.float32)
    optimizer = make_optimizer(model.parameters(), params)

    def advance(model: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
        for step in steps:
            for parameter, grad in zip(model.parameters(), gradients(model, step), strict=True):
                parameter.grad = grad
            optimizer.step()

    advance(model, optimizer, range(3))
    tensors = {name: tensor.clone() for name, tensor in optimizer_tensors(optimizer, model).items()}
    assert ("0.weight/exp_avg" in tensors) == (kind != "sgd")
    other = copy.deepcopy(model)
    resumed = make_optimizer(other.parameters(), params)
    restore_optimizer(resumed, other, tensors)
    advance(model, optimizer, range(3, 6))
    advance(other, resumed, range(3, 6))
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)


def test_the_norm_is_of_all_gradients_together() -> None:
    parameters = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))]
    parameters[0].grad, parameters[1].grad = torch.tensor([3.0, 0.0]), torch.tensor([4.0])
    assert gradient_norm(parameters).item() == 5.0
