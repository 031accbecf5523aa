"""The best epoch, and when patience ends."""

from typing import Literal

import pytest

from seqlab.training.early_stopping import Best, EarlyStopping
from seqlab.training.validator import ValidationScores


def run(metric: Literal["bleu", "loss"], values: list[float], patience: int) -> tuple[int, int]:
    """The best epoch, and after which one training stops (0: after none)."""
    stopping = EarlyStopping()
    for epoch, value in enumerate(values, start=1):
        # The other metric always says the opposite.
        scores = ValidationScores(value, 1.0, -value) if metric == "loss" else ValidationScores(-value, 1.0, value)
        stopping.update(metric, Best(epoch, 10 * epoch, scores))
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
