"""Learning-rate schedules against their formulas and PyTorch's own."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim.lr_scheduler import ReduceLROnPlateau

from seqlab.training.learning_rate import Plateau, learning_rate_at
from tests.training.conftest import make_params


def rate(step: int, epoch: int = 1, factor: float = 1.0, **train: Any) -> float:
    params = make_params(train={"learning_rate": 0.25, **train}).train
    return learning_rate_at(params, step=step, epoch=epoch, plateau_factor=factor)


def test_constant() -> None:
    assert rate(1) == rate(1000, epoch=9, factor=0.1) == 0.25


def test_exponential_decays_by_epoch() -> None:
    rates = [rate(100, epoch, learning_rate_schedule="exponential", learning_rate_decay=0.5) for epoch in (1, 2, 4)]
    assert rates == [0.25, 0.125, 0.03125]


def test_plateau_takes_its_factor() -> None:
    assert rate(100, factor=0.5, learning_rate_schedule="plateau") == 0.125


@pytest.mark.parametrize("step", [1, 7, 10, 11, 40, 1000])
def test_inverse_sqrt_is_that_of_vaswani_et_al(step: int) -> None:
    """lrate = d^-0.5 · min(step^-0.5, step · warmup^-1.5), up to its scale."""
    reference = min(step**-0.5, step * 10**-1.5) / 10**-0.5
    assert rate(step, learning_rate_schedule="inverse_sqrt", warmup_steps=10) == pytest.approx(0.25 * reference)


def test_inverse_sqrt_without_warmup() -> None:
    rates = [rate(step, learning_rate_schedule="inverse_sqrt", warmup_steps=0) for step in (1, 4, 16)]
    assert rates == [0.25, 0.125, 0.0625]


@pytest.mark.parametrize("schedule", ["constant", "exponential", "plateau"])
def test_warmup_is_linear_and_multiplies_every_schedule(schedule: str) -> None:
    options: dict[str, Any] = {
        "learning_rate_schedule": schedule,
        "learning_rate_decay": 0.5,
        "epoch": 3,
        "factor": 0.5,
    }
    full = rate(20, **options)
    rates = [rate(step, warmup_steps=4, **options) for step in (1, 2, 3, 4, 5, 6)]
    assert rates == [full / 4, full / 2, full * 3 / 4, full, full, full]


@settings(deadline=None)
@given(st.lists(st.sampled_from([1.0, 2.0, 3.0, 4.0]), max_size=20), st.integers(0, 3))
def test_plateau_is_that_of_pytorch(losses: list[float], patience: int) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    reference = ReduceLROnPlateau(optimizer, factor=0.5, patience=patience, threshold=0.0)
    plateau = Plateau()
    for loss in losses:
        reference.step(loss)
        plateau.update(loss, decay=0.5, patience=patience)
        # PyTorch leaves alone what would change the rate by less than 1e-8.
        assert math.isclose(plateau.factor, optimizer.param_groups[0]["lr"], abs_tol=1e-7)
