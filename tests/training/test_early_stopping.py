"""The best epochs, and when patience ends."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqlab.params.schema import StoppingMetric
from seqlab.training.early_stopping import Best, EarlyStopping
from seqlab.training.validator import ValidationScores


def run(metric: StoppingMetric, values: list[float], patience: int) -> tuple[int, int]:
    """The best epoch, and after which one training stops (0: after none)."""
    stopping = EarlyStopping()
    for epoch, value in enumerate(values, start=1):
        # The other metrics always say the opposite; equal BLEU or exact match comes with equal loss.
        others = dict.fromkeys(("bleu", "exact_match"), -value) | ({} if metric == "loss" else {metric: value})
        scores = ValidationScores(value, 1.0, **others)
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
        ("exact_match", [1.0, 5.0, 4.0, 6.0, 6.0], 1, 2, 3),
        ("exact_match", [0.0, 0.0], 1, 1, 2),
    ],
)
def test_best_and_stop(metric: StoppingMetric, values: list[float], patience: int, best: int, stopped: int) -> None:
    assert run(metric, values, patience) == (best, stopped)


SCORES = st.builds(
    ValidationScores,
    loss=st.integers(0, 3), perplexity=st.just(1.0), bleu=st.integers(0, 2), exact_match=st.integers(0, 2),
)  # fmt: skip


@given(
    metric=st.sampled_from(get_args(StoppingMetric)),
    scores=st.lists(SCORES, min_size=1, max_size=12),
    keep=st.integers(1, 4),
)
def test_the_best_epochs_are_kept(metric: StoppingMetric, scores: list[ValidationScores], keep: int) -> None:
    """As a sort of all epochs so far would keep them: by the metric, of ties by loss; then the earlier."""
    stopping = EarlyStopping()
    epochs: list[tuple[float, float, int]] = []
    for epoch, each in enumerate(scores, start=1):
        before = [each.epoch for each in stopping.kept]
        place = stopping.update(metric, Best(epoch, epoch, each), keep)
        epochs.append((0 if metric == "loss" else -getattr(each, metric), each.loss, epoch))
        kept = [number for *_, number in sorted(epochs)[:keep]]
        assert [each.epoch for each in stopping.kept] == kept
        assert place == (kept.index(epoch) if epoch in kept else None)
        assert (place is None) == (kept == before)
        assert stopping.best is not None
        assert stopping.bad_epochs == epoch - stopping.best.epoch


def test_patience_waits_while_the_loss_falls_under_a_bleu_of_zero() -> None:
    stopping = EarlyStopping()
    for epoch, loss in enumerate([1.3, 0.9, 0.6, 0.4, 0.5, 0.4], start=1):
        assert not stopping.exhausted(2)
        stopping.update("bleu", Best(epoch, epoch, ValidationScores(loss, 1.0, 0.0, 0.0)), keep=1)
    assert stopping.exhausted(2)
    assert stopping.best is not None
    assert stopping.best.epoch == 4
