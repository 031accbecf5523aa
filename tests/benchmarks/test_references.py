"""What ours is timed against computes the same: the references' losses and gradients are ours."""

import pytest
import torch
from torch import Tensor

from benchmarks.reference.losses import literal, teacher_forcing
from benchmarks.reference.updater import ReferenceUpdater
from seqlab.seq2seq.classic import EncoderDecoder, training_loss
from seqlab.seq2seq.engines.cpu.loss import teacher_forced_loss
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.batches import Batch
from seqlab.training.teacher_forcing import toss
from tests.seq2seq.model.tiny import tiny_batch, tiny_model

SOURCE, SOURCE_LENGTHS = tiny_batch([3, 5, 1, 4, 2], 9)
TARGET, TARGET_LENGTHS = tiny_batch([6, 4, 4, 2, 1], 11, seed=1)
COINS = toss("token", 0.4, 5, 6, torch.Generator().manual_seed(3))
TRUTH = torch.ones_like(COINS)
ATTENTIONS = pytest.mark.parametrize(("attention", "input_feeding"), [("none", False), ("dot", False), ("dot", True)])


def gradients(loss: Tensor, model: torch.nn.Module) -> list[float]:
    """The loss, and the sorted norms of its gradients: what parameters are called does not count."""
    model.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    norms = [parameter.grad.norm().item() for parameter in model.parameters() if parameter.grad is not None]
    return [loss.item(), *sorted(norms)]


def expected(ours: Seq2Seq, coins: Tensor, rows: slice = slice(None)) -> list[float]:
    """Ours, of some rows."""
    batch = (SOURCE[rows], SOURCE_LENGTHS[rows], TARGET[rows], TARGET_LENGTHS[rows], coins[rows])
    return gradients(teacher_forced_loss(ours, *batch).loss, ours)


@ATTENTIONS
@pytest.mark.parametrize("coins", [COINS, TRUTH, ~TRUTH], ids=["mixed", "truth", "free"])
def test_step_by_step(attention: str, input_feeding: bool, coins: Tensor) -> None:
    ours = tiny_model(attention=attention, input_feeding=input_feeding)
    reference = EncoderDecoder.of(ours)
    loss = training_loss(reference, SOURCE, SOURCE_LENGTHS, TARGET, coins)
    assert gradients(loss, reference) == pytest.approx(expected(ours, coins), rel=1e-10)


@pytest.mark.parametrize("attention", ["none", "dot"])
def test_teacher_forcing(attention: str) -> None:
    ours = tiny_model(attention=attention)
    reference = EncoderDecoder.of(ours)
    loss = teacher_forcing(reference, SOURCE, SOURCE_LENGTHS, TARGET)
    assert gradients(loss, reference) == pytest.approx(expected(ours, TRUTH), rel=1e-10)


@ATTENTIONS
def test_literal(attention: str, input_feeding: bool) -> None:
    ours = tiny_model(attention=attention, input_feeding=input_feeding)
    reference = EncoderDecoder.of(ours)
    for row in range(5):
        rows = slice(row, row + 1)
        source, target = SOURCE[rows, : SOURCE_LENGTHS[row]], TARGET[rows, : TARGET_LENGTHS[row]]
        loss = literal(reference, source, target, COINS[rows])
        assert gradients(loss, reference) == pytest.approx(expected(ours, COINS, rows), rel=1e-10)


@pytest.mark.parametrize("kind", ["literal", "step by step", "teacher forcing"])
def test_updaters_learn_the_batch_by_heart(kind: str) -> None:
    batch = Batch(SOURCE, SOURCE_LENGTHS, TARGET, TARGET_LENGTHS, torch.arange(5))
    updater = ReferenceUpdater(kind, tiny_model(), ratio=1.0, granularity="step", precision="float32", seed=1)
    losses = [updater.update(batch, step) for step in range(1, 61)]
    assert losses[-1] < losses[0] - 0.05


def test_references_refuse_what_they_do_not_know() -> None:
    with pytest.raises(ValueError, match="no second direction"):
        ReferenceUpdater(
            "literal", tiny_model(bidirectional=True), ratio=1.0, granularity="step", precision="float32", seed=1
        )
    with pytest.raises(ValueError, match="nothing but the truth"):
        ReferenceUpdater("teacher forcing", tiny_model(), ratio=0.5, granularity="step", precision="float32", seed=1)
