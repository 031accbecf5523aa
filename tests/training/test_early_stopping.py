"""The best epochs, and when patience ends."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqlab.training.early_stopping import Best, EarlyStopping
from seqlab.training.validator import ValidationScores


def run(metric: Literal["bleu", "loss"], values: list[float], patience: int) -> tuple[int, int]:
    """The best epoch, and after which one training stops (0: after none)."""
    stopping = EarlyStopping()
    for epoch, value in enumerate(values, start=1):
        # The other metric always says the opposite.
        scores = ValidationScores(value, 1.0, -value) if metric == "loss" else ValidationScores(-value, 1.0, value)
        stopping.update(metric, Best(epoch, 10 * epoch, scores), keep=1)
        if stopping.exhausted(patience):
            break
    else:
        epoch = 0
    assert stopping.best is not None
    return stopping.best.epoch, epoch


@pytest.mark.parametrize(
    ("metric", "values", "patience", "best", "stopped"),
    [
        ("loss", [3.0, 2.0, 2.5, 2.2, 1.0], 0, 5, 0),
        ("loss", [3.0, 2.0, 2.5, 2.2, 1.0], 3, 5, 0),
        ("loss", [3.0, 2.0, 2.5, 2.2, 1.0], 2, 2, 4),
        ("loss", [3.0, 2.0, 2.5, 1.9, 2.0, 2.0], 2, 4, 6),
        ("bleu", [1.0, 5.0, 4.0, 6.0, 6.0], 1, 2, 3),
        ("bleu", [1.0, 5.0, 4.0, 6.0, 6.0, 6.0], 2, 4, 6),
        ("bleu", [0.0, 0.0], 1, 1, 2),
    ],
)
def test_best_and_stop(
    metric: Literal["bleu", "loss"], values: list[float], patience: int, best: int, stopped: int
) -> None:
    assert run(metric, values, patience) == (best, stopped)


@pytest.mark.parametrize("metric", ["bleu", "loss"])
@given(values=st.lists(st.integers(0, 5), min_size=1, max_size=12), keep=st.integers(1, 4))
def test_the_best_epochs_are_kept(metric: Literal["bleu", "loss"], values: list[int], keep: int) -> None:
    """As a sort of all epochs so far would keep them, the earlier of equals first."""
    stopping = EarlyStopping()
    epochs: list[tuple[float, int]] = []
    for epoch, value in enumerate(values, start=1):
        before = [each.epoch for each in stopping.kept]
        place = stopping.update(metric, Best(epoch, epoch, ValidationScores(value, 1.0, value)), keep)
        epochs.append((value if metric == "loss" else -value, epoch))
        kept = [number for _, number in sorted(epochs)[:keep]]
        assert [each.epoch for each in stopping.kept] == kept
        assert place == (kept.index(epoch) if epoch in kept else None)
        assert (place is None) == (kept == before)
        assert stopping.best is not None
        assert stopping.bad_epochs == epoch - stopping.best.epoch
