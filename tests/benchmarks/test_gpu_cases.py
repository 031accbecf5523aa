"""What is timed on a GPU, as far as a CPU can tell: the losses are one, and batches are as those of an epoch."""

import pytest
import torch

from benchmarks.gpu_cases import GpuShape
from benchmarks.gpu_losses import Given, ours, stock

SHAPE = GpuShape(8, 50, 16, 15)


def test_the_losses_and_their_gradients_are_one() -> None:
    draw = torch.Generator().manual_seed(1)
    readout, weight, bias = (
        torch.randn(shape, dtype=torch.float64, generator=draw).requires_grad_() for shape in ((7, 4), (90, 4), (90,))
    )
    given = Given(readout, weight, bias, torch.randint(90, (7,), generator=draw))
    (loss, gradients), (expected, of_stock) = (each(given, torch.float64) for each in (ours, stock))
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradients, of_stock)


def test_batches_of_one_length_have_no_padding() -> None:
    batches = SHAPE.batches(3, real=False)
    assert [tuple(batch.source.shape) for batch in batches] == [(16, 15)] * 3
    assert all((batch.target_lengths == 15).all() for batch in batches)


def test_batches_of_real_lengths_are_alike_within_and_differ_between() -> None:
    batches = SHAPE.batches(6, real=True)
    widths = [batch.target.shape[1] for batch in batches]
    tokens = sum(int(batch.target_lengths.sum()) for batch in batches)
    assert len({width // 3 for width in widths}) > 2
    # An epoch's mean is the shape's; little of a batch is padding.
    assert tokens / (6 * 16) == pytest.approx(15, abs=1.5)
    assert tokens > 0.85 * 16 * sum(widths)
