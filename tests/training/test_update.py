"""One optimizer step."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from seqlab.core.special_tokens import PAD, SOS
from seqlab.seq2seq.engines.choice import CPU
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.batches import Batch, Batches
from seqlab.text.encoded import open_split
from seqlab.training.seeds import Stream, generator
from seqlab.training.update import StepResult, Updater
from tests.training.conftest import make_model, make_params

ALWAYS: dict[str, Any] = {"teacher_forcing_ratio": 1.0, "optimizer": "sgd", "max_grad_norm": 0.0}


def make_updater(dropout: float = 0.0, seed: int = 1, **train: Any) -> Updater:
    params = make_params(model={"dropout": dropout, "attention": "dot"}, train=train)
    return Updater(make_model(params, 12, 12, seed=3), params.train, seed, CPU)


def update(updater: Updater, batch: Batch, step: int = 1, learning_rate: float = 0.0) -> StepResult:
    return updater.update(batch, step=step, learning_rate=learning_rate, place="here")


@pytest.fixture
def batch(corpus: Path) -> Batch:
    return Batches(open_split(corpus / "tokenized/train"), 8, "sentences", 1).epoch(1)[0]


def step_by_step(model: Seq2Seq, batch: Batch) -> Tensor:
    memory = model.encode(batch.source, batch.source_lengths)
    state = model.initial_state(memory)
    token, scores = torch.full_like(batch.target[:, 0], SOS), []
    for position in range(batch.target.shape[1]):
        score, state, _ = model.step(token, state, memory)
        scores.append(score)
        token = batch.target[:, position]
    return cross_entropy(torch.stack(scores, 1).flatten(0, 1), batch.target.flatten(), ignore_index=PAD)


def test_a_step_is_that_of_gradient_descent(batch: Batch) -> None:
    updater, reference = make_updater(**ALWAYS), make_updater(**ALWAYS).model
    loss = step_by_step(reference, batch)
    loss.backward()  # type: ignore[no-untyped-call]
    result = update(updater, batch, learning_rate=0.5)
    gradients = [parameter.grad for parameter in reference.parameters() if parameter.grad is not None]
    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm().item()
    assert result.loss == result.nll == pytest.approx(loss.item(), rel=1e-5)
    assert result.gradient_norm == pytest.approx(norm, rel=1e-5)
    assert result.tokens == int((batch.target != PAD).sum())
    for parameter, of_reference in zip(updater.model.parameters(), reference.parameters(), strict=True):
        moved = of_reference.detach() - (0.5 * of_reference.grad if of_reference.grad is not None else 0.0)
        torch.testing.assert_close(parameter.detach(), moved, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("factor", [0.0, 0.5, 0.999, 1.001, 100.0])
def test_clipping_shortens_the_step_to_the_limit_and_never_lengthens_it(factor: float, batch: Batch) -> None:
    norm = update(make_updater(**ALWAYS), batch).gradient_norm
    updater = make_updater(**ALWAYS | {"max_grad_norm": factor * norm})
    before = torch.nn.utils.parameters_to_vector(updater.model.parameters()).detach().clone()
    assert update(updater, batch, learning_rate=0.5).gradient_norm == norm
    after = torch.nn.utils.parameters_to_vector(updater.model.parameters())
    assert (after - before).norm().item() == pytest.approx(0.5 * norm * (min(factor, 1) or 1), rel=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"dropout": 0.0, "teacher_forcing_ratio": 0.5, "teacher_forcing_granularity": "token"},
        {"dropout": 0.5, "teacher_forcing_ratio": 1.0},
    ],
    ids=["coins", "dropout"],
)
def test_what_is_drawn_depends_on_seed_and_step_alone(options: dict[str, Any], batch: Batch) -> None:
    updater = make_updater(**options)
    losses = [update(updater, batch, step).loss for step in (1, 2, 3)]
    assert len(set(losses)) == 3
    assert update(make_updater(**options), batch, 3).loss == losses[2]
    assert update(make_updater(seed=2, **options), batch, 3).loss != losses[2]


def test_coins_and_dropout_are_apart(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, str, int]] = []

    def spy(seed: int, stream: Stream, step: int) -> torch.Generator:
        asked.append((seed, stream, step))
        return generator(seed, stream, step)

    monkeypatch.setattr("seqlab.training.update.generator", spy)
    update(make_updater(dropout=0.5, seed=4), batch, 7)
    assert asked == [(4, "coins", 7), (4, "dropout", 7)]


def test_bfloat16_is_near_float32_and_reaches_every_parameter(batch: Batch) -> None:
    options: dict[str, Any] = {
        "teacher_forcing_ratio": 0.5,
        "teacher_forcing_granularity": "token",
        "max_grad_norm": 0.0,
    }
    single, half = make_updater(**options), make_updater(precision="bfloat16", **options)
    exact, rough = update(single, batch), update(half, batch)
    assert rough.loss != exact.loss
    assert rough.loss == pytest.approx(exact.loss, rel=0.02)
    assert rough.gradient_norm == pytest.approx(exact.gradient_norm, rel=0.1)
    for (name, parameter), reference in zip(half.model.named_parameters(), single.model.parameters(), strict=True):
        assert parameter.dtype == torch.float32
        assert parameter.grad is not None, name
        assert reference.grad is not None
        assert parameter.grad.norm() > 0.5 * reference.grad.norm(), name
