"""Schedules of the teacher forcing ratio, and the coins tossed at it."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlab.core.errors import SeqlabError
from seqlab.training.teacher_forcing import ratio_at, toss


@pytest.mark.parametrize(
    ("schedule", "ratio", "decay", "floor", "step", "expected"),
    [
        ("constant", 0.7, 0.5, 0.0, 1000, 0.7),
        ("linear", 0.9, 0.001, 0.1, 0, 0.9),
        ("linear", 0.9, 0.001, 0.1, 500, 0.4),
        ("linear", 0.9, 0.001, 0.1, 900, 0.1),
        ("exponential", 1.0, 0.99, 0.0, 0, 1.0),
        ("exponential", 0.8, 0.99, 0.0, 100, 0.8 * 0.99**100),
        ("inverse_sigmoid", 1.0, 50.0, 0.0, 0, 50 / 51),
        ("inverse_sigmoid", 0.5, 50.0, 0.0, 200, 0.5 * 50 / (50 + math.exp(4))),
        ("inverse_sigmoid", 1.0, 2.0, 0.0, 10**9, 0.0),
    ],
)
def test_schedules_of_bengio_et_al(
    schedule: str, ratio: float, decay: float, floor: float, step: int, expected: float
) -> None:
    found = ratio_at(step, schedule=schedule, ratio=ratio, decay=decay, floor=floor)
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-300)


@given(
    st.sampled_from(["constant", "linear", "exponential", "inverse_sigmoid"]),
    st.floats(0, 1),
    st.floats(1e-6, 1),
    st.floats(0, 1),
    st.integers(0, 10**9),
)
def test_ratio_is_a_probability_and_never_rises(
    schedule: str, ratio: float, decay: float, floor: float, step: int
) -> None:
    now, later = (ratio_at(at, schedule=schedule, ratio=ratio, decay=decay, floor=floor) for at in (step, step + 100))
    assert 0 <= later <= now <= 1


def test_what_makes_no_schedule_is_refused() -> None:
    with pytest.raises(SeqlabError, match="teacher_forcing_decay"):
        ratio_at(1, schedule="exponential", ratio=0.5, decay=1.01, floor=0.0)
    with pytest.raises(ValueError, match="cosine"):
        ratio_at(1, schedule="cosine", ratio=0.5, decay=1.0, floor=0.0)
    with pytest.raises(ValueError, match="word"):
        toss("word", 0.5, 2, 2, torch.Generator())


def test_one_coin_for_each_step_token_or_sequence() -> None:
    generator = torch.Generator().manual_seed(0)
    step, token, sequence = (toss(kind, 0.5, 200, 100, generator) for kind in ("step", "token", "sequence"))
    assert step.shape == token.shape == sequence.shape == (200, 100)
    assert (step == step[:1]).all()
    assert (sequence == sequence[:, :1]).all()
    assert token.any(0).all()
    assert not token.all(0).any()
    for coins, tossed in ((step, 100), (token, 20000), (sequence, 200)):
        assert coins.double().mean().item() == pytest.approx(0.5, abs=4 * 0.5 / tossed**0.5)


@given(st.sampled_from(["step", "token", "sequence"]), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_ratio_only_adds_truth(granularity: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    fewer, more = (toss(granularity, ratio, 5, 7, torch.Generator().manual_seed(1)) for ratio in (low, high))
    assert (more | ~fewer).all()


@pytest.mark.parametrize("granularity", ["step", "token", "sequence"])
def test_ratio_1_is_always_the_truth_and_0_never(granularity: str) -> None:
    assert toss(granularity, 1.0, 50, 50, torch.Generator()).all()
    assert not toss(granularity, 0.0, 50, 50, torch.Generator()).any()
